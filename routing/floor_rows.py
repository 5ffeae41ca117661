"""The live state of the telephone side 话务现场 as rows: what each queue, agent and call is doing now. Pure.

Rows do not change: whatever happens makes a new row, so that two states are compared row by row (:func:`changes`) and
a state that somebody still looks at stays as it was. These rows are also what the API answers with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from pydantic import ConfigDict

Row = TypeVar("Row")
Emergency = Literal["", "110", "119", "120", "122"]


# What is always sent is never missing in what the API's document says of it.
_SENT = ConfigDict(json_schema_serialization_defaults_required=True)


class AgentPhase(StrEnum):
    OUT = "out"
    READY = "ready"
    RINGING = "ringing"
    IN_CALL = "in_call"
    WRAPUP = "wrapup"
    PAUSED = "paused"


class CallPhase(StrEnum):
    MENU = "menu"
    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"
    EMERGENCY = "emergency"
    MESSAGE = "message"
    OUTGOING = "outgoing"
    CALLBACK = "callback"


class Via(StrEnum):
    """How a call came about. ``test``: a citizen of the built-in test network; ``place``: we rang somebody who kept a
    place in line; ``agent``: an agent's own call to an emergency service."""

    PUBLIC = "public"
    TEST = "test"
    WEB = "web"
    EMERGENCY = "emergency"
    CALLBACK = "callback"
    PLACE = "place"
    OUTGOING = "outgoing"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class QueueNow:
    """``waiting``: callers on the line who are not connected yet; ``longest_since``: when the first of them joined.
    ``logged_in`` agents are ``ready``, ``in_call``, ``paused``, or none of these: ringing, wrapping
    up, telephone away."""

    __pydantic_config__ = _SENT

    id: str
    name: str
    waiting: int = 0
    longest_since: datetime | None = None
    ready: int = 0
    in_call: int = 0
    paused: int = 0
    logged_in: int = 0


@dataclass(frozen=True, slots=True)
class AgentNow:
    """``user``: who sits there, ``person``: what they are called, ``phone``: what kind of telephone it is. ``since``:
    when ``state`` began, as far as it is known. ``call_id``: of the call that rings or is talked in. ``queues``: those
    served now."""

    __pydantic_config__ = _SENT

    extension: str
    name: str
    user: str | None = None
    person: str | None = None
    phone: Literal["desk", "browser"] = "desk"
    reachable: bool = False
    state: AgentPhase = AgentPhase.OUT
    reason: str = ""
    since: datetime | None = None
    wrapup_until: datetime | None = None
    call_id: str | None = None
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallNow:
    """``since``: when ``state`` began; ``began``: when the call did. ``agent``: who talks, or is rung, first of all;
    ``others``: further agents, who consult, are rung at the same time or take part. ``emergency``: the service that
    was dialled in this call. ``number``: the citizen's, as it may be shown."""

    __pydantic_config__ = _SENT

    id: str
    number: str
    via: Via
    state: CallPhase
    since: datetime
    began: datetime
    queue: str | None = None
    agent: str | None = None
    others: tuple[str, ...] = ()
    emergency: Emergency = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class TodayNow:
    """Since midnight in Asia/Shanghai. ``offered``: calls that wanted a person; ``mean_wait``: seconds from answer to a
    person, of those who got one."""

    __pydantic_config__ = _SENT

    offered: int = 0
    answered: int = 0
    answered_15s: int = 0
    abandoned: int = 0
    mean_wait: float | None = None
    callbacks_running: int = 0
    places_waiting: int = 0


@dataclass(frozen=True, slots=True)
class Floor:
    """One moment. ``ready``: Asterisk is connected and asked; if not, the rows are the last that were known.
    ``today`` None: the database has not answered yet. By id, extension and id."""

    ready: bool = False
    queues: Mapping[str, QueueNow] = field(default_factory=dict)
    agents: Mapping[str, AgentNow] = field(default_factory=dict)
    calls: Mapping[str, CallNow] = field(default_factory=dict)
    today: TodayNow | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes one :class:`Floor` of another. ``gone``: ids of calls."""

    ready: bool
    queues: tuple[QueueNow, ...] = ()
    agents: tuple[AgentNow, ...] = ()
    calls: tuple[CallNow, ...] = ()
    gone: tuple[str, ...] = ()
    today: TodayNow | None = None


def changes(before: Floor, now: Floor) -> Changes | None:
    """None: nothing. Queues and agents are the same in both: they are of the rule files."""
    if now is before:
        return None
    found = Changes(
        now.ready,
        _new(before.queues, now.queues),
        _new(before.agents, now.agents),
        _new(before.calls, now.calls),
        tuple(key for key in before.calls if key not in now.calls),
        now.today if now.today != before.today else None,
    )
    return None if found == Changes(before.ready) else found


def _new(before: Mapping[str, Row], now: Mapping[str, Row]) -> tuple[Row, ...]:
    # Most rows are the very same: comparing them field by field would cost ten times as much.
    return tuple(row for key, row in now.items() if row is not (was := before.get(key)) and row != was)


def applied(before: Floor, found: Changes) -> Floor:
    """The other side of :func:`changes`."""
    calls = {key: row for key, row in before.calls.items() if key not in found.gone}
    return replace(
        before,
        ready=found.ready,
        queues={**before.queues, **{row.id: row for row in found.queues}},
        agents={**before.agents, **{row.extension: row for row in found.agents}},
        calls={**calls, **{row.id: row for row in found.calls}},
        today=found.today or before.today,
    )
