"""The room's vocabulary."""

from __future__ import annotations

from enum import StrEnum


class PlaceState(StrEnum):
    """``served``: he was back on the line, in the queue or with an agent; ``given_up``: rung as often as is allowed,
    and on the list of the missed; ``withdrawn``: no longer wanted (he got through by a call of his own)."""

    WAITING = "waiting"
    RINGING = "ringing"
    SERVED = "served"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"


class TryOutcome(StrEnum):
    """``unknown`` counts as rung."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    NOT_DIALLED = "not_dialled"
    UNKNOWN = "unknown"


class MissedEnd(StrEnum):
    """``reached``: rung back and spoke with a person; ``got_through``: called again by himself and was answered."""

    REACHED = "reached"
    GOT_THROUGH = "got_through"
    CLOSED = "closed"


class Switch(StrEnum):
    MAINTENANCE = "maintenance"
