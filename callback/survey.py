"""What Asterisk's log says of one attempt that was answered. Data only; ``calls/outgoing.py`` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

By = Literal["key", "speech"]
SOLVED, SATISFACTION = "solved", "satisfaction"
"""Questions that a ticket understands: ``yes``/``no``, and a word of :class:`tickets.words.Level`."""


@dataclass(frozen=True, slots=True)
class Answer:
    value: str
    by: By


@dataclass(frozen=True, slots=True)
class Result:
    """``asked``: the survey began; without it our own part failed."""

    asked: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)
    agent: bool = False
    """Asked for a person (0)."""
    connected: bool = False
    """And talked to one."""
    opted_out: bool = False
    """Asked never to be called again (8)."""
    comment: str = ""
    """The recording of what they said at the end, relative to the recordings' folder."""

    @property
    def solved(self) -> bool | None:
        found = self.answers.get(SOLVED)
        return None if found is None else found.value == "yes"

    @property
    def level(self) -> str | None:
        found = self.answers.get(SATISFACTION)
        return None if found is None else found.value
