"""What became of each caller, as the hotline's own database has it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from line.words import PlaceState


class End(StrEnum):
    """Of every caller one. ``pending``: keeps a place and is still to be rung; ``unlisted``: missed, with a number
    that nobody can ring; ``menu``: hung up before he was in a queue; ``lost``: none of all this, which must not be."""

    ANSWERED = "answered"
    CALLED_BACK = "called_back"
    MESSAGE = "message"
    MISSED = "missed"
    UNLISTED = "unlisted"
    PENDING = "pending"
    MENU = "menu"
    LOST = "lost"


NAMES: Mapping[End, str] = {
    End.ANSWERED: "人工接听",
    End.CALLED_BACK: "排队回电接通",
    End.MESSAGE: "留言",
    End.MISSED: "列入漏接",
    End.UNLISTED: "漏接，无号码",
    End.PENDING: "待回电",
    End.MENU: "菜单中挂断",
    End.LOST: "去向不明",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """``queued_at``: joined his first queue; ``back_at``: an agent was there when he was rung for his place ``place``.
    ``listed``: he is, or was, on the list of the missed for this call."""

    id: str
    number: str | None
    arrived_at: datetime
    queued_at: datetime | None
    human_at: datetime | None
    abandoned: bool
    missed: bool
    message: bool
    place: PlaceState | None
    back_at: datetime | None
    listed: bool

    @property
    def wait(self) -> float | None:
        """Seconds in line until an agent was there."""
        if self.human_at is None or self.queued_at is None:
            return None
        return max(0.0, (self.human_at - self.queued_at).total_seconds())


def caller(row: Mapping[str, Any], queued_at: datetime | None) -> Caller:
    """``row``: of :data:`hotline.simulate.rows.QUERY`."""
    return Caller(
        id=row["id"],
        number=row["caller_e164"],
        arrived_at=row["arrived_at"],
        queued_at=queued_at,
        human_at=row["human_at"],
        abandoned=row["abandoned"],
        missed=row["missed"],
        message=row["message_file"] != "",
        place=None if row["place_state"] is None else PlaceState(row["place_state"]),
        back_at=row["back_at"],
        listed=row["listed"],
    )


def end_of(one: Caller) -> End:
    if one.human_at is not None:
        return End.ANSWERED
    if one.message:
        return End.MESSAGE
    if one.back_at is not None:
        return End.CALLED_BACK
    if one.place in (PlaceState.WAITING, PlaceState.RINGING):
        return End.PENDING
    if one.listed:
        return End.MISSED
    if one.missed and one.number is None:
        return End.UNLISTED
    return End.MENU if one.queued_at is None and not one.missed else End.LOST
