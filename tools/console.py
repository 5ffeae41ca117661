"""What a person sees while the machine is being prepared: one line per step, moving only on a terminal."""

from __future__ import annotations

import sys
import time


class Trouble(Exception):
    """Something a person has to settle; the text is one line that says what to do."""


def say(text: str) -> None:
    print(f"  {text}", flush=True)


class Progress:
    """One step, measured in percent. On a terminal the line is rewritten, elsewhere it is printed now and then."""

    def __init__(self, title: str, every: float = 25.0) -> None:
        self._title = title
        self._live = sys.stdout.isatty()
        self._every = every
        self._next = 0.0
        self._begun = time.monotonic()

    def update(self, percent: float, detail: str = "") -> None:
        """``percent`` of the step is done (0 to 100)."""
        if not self._live and percent < self._next:
            return
        self._next = percent - percent % self._every + self._every
        self._write(f"{self._title} {percent:3.0f} % {detail}".rstrip())

    def done(self, detail: str = "") -> None:
        self._write(f"{self._title} done in {time.monotonic() - self._begun:.0f} s {detail}".rstrip())
        if self._live:
            print(flush=True)

    def _write(self, text: str) -> None:
        if self._live:
            print(f"\r\033[K  {text}", end="", flush=True)
        else:
            print(f"  {text}", flush=True)
