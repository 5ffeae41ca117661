"""``python -m tests.asterisk.live_hotline run``: a hotline whose scribe tells how long somebody spoke."""

from __future__ import annotations

import sys
from dataclasses import replace

from hotline import parts
from hotline.cli import main
from hotline.parts import Part
from hotline.settings import Settings

plain = parts.scribe_part


def scribe_part(settings: Settings) -> Part:
    return replace(plain(settings), command=(sys.executable, "-m", "tests.asterisk.live_scribe"))


if __name__ == "__main__":
    parts.scribe_part = scribe_part
    main()
