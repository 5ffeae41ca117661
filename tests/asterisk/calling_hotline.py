"""``python -m tests.asterisk.calling_hotline run``: a hotline that calls back at any hour, with a dialler that can be
killed at the worst moments, and, where it listens, a recogniser that knows a test's recordings."""

from __future__ import annotations

import sys
from dataclasses import replace

from hotline import parts
from hotline.cli import main
from hotline.parts import Part
from hotline.settings import Settings

NOON = "tests.asterisk.noon"
INSTEAD = {
    "voice_part": ("tests.asterisk.listening_voice",),
    "worker_part": (NOON, "hotline.worker"),
    "dialler_part": (NOON, "tests.asterisk.trapped_dialler"),
}


def take_over(name: str, modules: tuple[str, ...]) -> None:
    plain = getattr(parts, name)

    def part(settings: Settings) -> Part:
        found: Part = plain(settings)
        return replace(found, command=(sys.executable, "-m", *modules))

    setattr(parts, name, part)


if __name__ == "__main__":
    for name, modules in INSTEAD.items():
        take_over(name, modules)
    main()
