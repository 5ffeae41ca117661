"""``python -m tests.asterisk.live_scribe``: the scribe, with a recogniser that tells how long somebody spoke,
and not last in line: beside other tests it would get no processor time to speak of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hotline.logs import configure_logging
from hotline.scribe import main
from hotline.scribe_model import Model, Segment
from speech.port import RATE
from speech.whisper_engine import Segment as Heard


class Counting:
    def transcribe(self, pcm: bytes) -> Sequence[Segment]:
        seconds = len(pcm) / 2 / RATE
        return [Heard(0.0, seconds, f"说了{seconds:.1f}秒")]


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main(lambda settings: Model(Counting)))
