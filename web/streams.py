"""Answers that go on until somebody ends them: so many at once, so many of one person's, and all end when the server
goes. Used within one event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 200
MOST_OF_ONE = 20
"""Pages of one person."""


class TooMany(Exception):
    """As many streams are open as may be, or the server goes."""


class Streams:
    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._going = asyncio.Event()

    @contextmanager
    def join(self, who: str) -> Iterator[asyncio.Event]:
        """``who``: by whom they are counted. The event is set when the stream has to end. Raises TooMany."""
        if self._going.is_set() or self._of.total() >= MOST or self._of[who] >= MOST_OF_ONE:
            raise TooMany
        self._of[who] += 1
        try:
            yield self._going
        finally:
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]

    def close(self) -> None:
        """The server goes."""
        self._going.set()
