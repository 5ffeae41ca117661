"""``python -m tests.asterisk.renewed_hotline run``: a hotline whose voice server is another one after an upgrade."""

from __future__ import annotations

import sys
from dataclasses import replace

from hotline import parts
from hotline.cli import main
from hotline.parts import Part
from hotline.settings import Settings

plain = parts.voice_part


def voice_part(settings: Settings) -> Part:
    return replace(plain(settings), command=(sys.executable, "-m", "tests.asterisk.renewed_voice"))


if __name__ == "__main__":
    parts.voice_part = voice_part
    main()
