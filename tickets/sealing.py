"""How confidential words are kept. Keys and cipher are another room's: whoever wires the rooms hands a box in."""

from __future__ import annotations

from typing import Protocol


class Box(Protocol):
    """The ticket's number is bound into the envelope: what was sealed for one ticket does not open for another."""

    def seal(self, text: str, ticket: str) -> str: ...

    def open(self, envelope: str, ticket: str) -> str: ...


class NoBox(Exception):
    """A confidential ticket, and nothing to seal or open it with."""
