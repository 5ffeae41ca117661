"""What the hotline knows and a conversation may ask for. The answers come from the database, unknown to this room
(``hotline/desk.py``); they come in time or not at all: a caller never waits for a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement 公告 that is on now. ``sound``: as :meth:`ivr.leg.CallLeg.play` takes it. Without topic and
    district it is for everybody."""

    id: str
    sound: str
    topic: str | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a caller at the first word. The empty one: a stranger on a normal day, or no answer in time."""

    barred: bool = False
    maintenance: bool = False
    open_tickets: int = 0
    """Of this number, still being worked on."""
    last_agent: str | None = None
    """Extension of whom the caller spoke with, at most a day ago."""
    notices: tuple[Notice, ...] = ()


NOBODY = Arrival()


@dataclass(frozen=True, slots=True)
class Progress:
    """``found``: ``sounds`` tell state, unit and date due. ``wrong``: no such ticket, or not its telephone's digits;
    which of the two is not told. ``limited``: asked too often. ``unknown``: no answer in time."""

    result: Literal["found", "wrong", "limited", "unknown"]
    sounds: tuple[str, ...] = ()
    ticket: str = ""
    """The number of the ticket that was found, for the record of the call."""


class Desk(Protocol):
    """Neither raises; both answer within half a second."""

    async def arrival(self, number: str | None, presentation: str) -> Arrival: ...

    async def progress(self, number: str | None, presentation: str, ticket: str, last_four: str) -> Progress:
        """``ticket``: as keyed or said, without hyphen; empty: the latest of the caller's own number."""
        ...
