"""How confidential words are kept. The keys and the cipher are another room's: whoever wires the rooms hands a box in."""

from __future__ import annotations

from typing import Protocol


class Box(Protocol):
    """``about`` is bound into the cipher text: what was sealed for one ticket does not open for another."""

    def seal(self, text: str, about: str) -> bytes: ...

    def open(self, sealed: bytes, about: str) -> str:
        """Raises ValueError for what this box did not seal for ``about``."""
        ...

    def mark(self, text: str) -> str:
        """The same word for the same text, from which the text cannot be found: earlier tickets of a caller are
        recognised by it."""
        ...


class NoBox(Exception):
    """A confidential ticket, and nothing to seal it with."""
