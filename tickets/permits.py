"""Who may do what to which ticket. Pure. Permissions are plain words: the room of people gives them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tickets.commands import AnyCommand, Complete, Extend, Fulfil
from tickets.words import Obligation, State

READ_ALL = "ticket.read_all"
READ_UNIT = "ticket.read_unit"
CREATE = "ticket.create"
ANSWER = "ticket.answer"
ACCEPT = "ticket.accept"
HANDLE = "ticket.handle"
SIGN = "ticket.sign"
REVIEW = "ticket.review"
SUPERVISE = "ticket.supervise"
CONFIDENTIAL = "ticket.confidential"


class NotAllowed(Exception):
    """``message`` is Chinese. ``hidden``: the ticket is not even to be seen (answer as if there were none)."""

    def __init__(self, message: str, *, hidden: bool = False) -> None:
        super().__init__(message)
        self.message, self.hidden = message, hidden


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: ``name`` goes into the history. ``unit``: the 承办单位 a person belongs to."""

    name: str
    permissions: frozenset[str] = frozenset()
    unit: str | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions


CLOCK = Actor("clock")
CALLBACK = Actor("callback", frozenset({READ_ALL, ANSWER, CONFIDENTIAL}))
"""The automated callbacks 回访: notes what the citizen says."""


@dataclass(frozen=True, slots=True)
class Place:
    """What of a ticket decides who may touch it. ``county``: the county it went through, or is at."""

    state: State
    unit: str
    co_units: tuple[str, ...]
    county: str
    confidential: bool
    handler: str


class Reach(StrEnum):
    """Whose ticket it must be for a unit's permission to count."""

    LEAD = "lead"
    ANY_UNIT = "any_unit"
    """The lead unit, a co-unit, or the county."""
    COUNTY = "county"


@dataclass(frozen=True, slots=True)
class Permit:
    """One way to be allowed. ``reach`` None: on every ticket that the actor sees."""

    permission: str
    reach: Reach | None = None


_LEAD = (Permit(HANDLE, Reach.LEAD),)
_UNITS = (Permit(HANDLE, Reach.ANY_UNIT),)

PERMITS: Mapping[str, tuple[Permit, ...]] = {
    "accept": (Permit(ACCEPT),),
    "decline": (Permit(ACCEPT),),
    "approve_dispatch": (Permit(ACCEPT),),
    "dispatch": (Permit(ACCEPT),),
    "forward": (Permit(HANDLE, Reach.COUNTY),),
    "view": _UNITS,
    "contact": _UNITS,
    "decide_report": _LEAD,
    "report_major": (*_UNITS, Permit(ACCEPT)),
    "notify_urgent": (*_UNITS, Permit(ACCEPT)),
    "arrive": _UNITS,
    "return": _LEAD,
    # The county decides about its own units' returns.
    "decide_return": (Permit(REVIEW), Permit(HANDLE, Reach.COUNTY)),
    "extend": _LEAD,
    "decide_extension": (Permit(REVIEW),),
    "explain": _LEAD,
    # On the spot, by the hotline itself, only while no unit has it: see `_way_is_open`.
    "complete": (*_LEAD, Permit(ANSWER)),
    "review": (Permit(REVIEW),),
    "rate": (Permit(REVIEW), Permit(ANSWER)),
    "unsolved": (Permit(REVIEW), Permit(ANSWER)),
    "ask_callback": (Permit(REVIEW), Permit(ANSWER)),
    "end_callback": (Permit(REVIEW), Permit(ANSWER)),
    "repeat": (Permit(CREATE),),
    "supervise": (Permit(SUPERVISE),),
    "ask_written_result": (Permit(CREATE), Permit(ANSWER)),
    "deliver_written_result": (*_LEAD, Permit(ANSWER)),
    "archive": (Permit(REVIEW), Permit(ANSWER)),
    "fulfil": (*_UNITS, Permit(ANSWER), Permit(REVIEW)),
}
"""Each command's ways; any one is enough. What may be fulfilled also depends on the obligation: ``FULFIL``."""

FULFIL: Mapping[Obligation, tuple[Permit, ...]] = {
    Obligation.NOTIFY_CITIZEN: PERMITS["fulfil"],
    Obligation.NOTIFY_EMERGENCY_SERVICE: PERMITS["fulfil"],
    Obligation.REPORT_UPWARD: PERMITS["fulfil"],
    # A unit does not say of itself that the citizen was asked, or that its work was done again.
    Obligation.MANUAL_CALLBACK: (Permit(ANSWER), Permit(REVIEW)),
    Obligation.TELL_RIGHT_OFFICE: (Permit(ACCEPT), Permit(REVIEW)),
    Obligation.REWORK: (Permit(REVIEW),),
    Obligation.JOINT_MEETING: (Permit(REVIEW),),
    Obligation.WRITTEN_RESULT: (Permit(REVIEW),),
}

DECIDES: Mapping[str, str] = {"decide_return": "return", "decide_extension": "extend"}
"""What is decided by somebody else than who asked for it."""
SOMEBODY_ELSE = "申请须由他人审核，申请人不得自行决定"


def sees(actor: Actor, place: Place) -> bool:
    """A confidential ticket is seen by its named handler and by who may see them all; by nobody else."""
    if place.confidential:
        return (place.handler != "" and place.handler == actor.name) or actor.may(CONFIDENTIAL)
    return actor.may(READ_ALL) or (actor.may(READ_UNIT) and is_concerned(actor, place))


def is_concerned(actor: Actor, place: Place) -> bool:
    return bool(actor.unit) and actor.unit in (place.unit, place.county, *place.co_units)


def check_sees(actor: Actor, place: Place) -> None:
    """Raises :class:`NotAllowed`."""
    if not sees(actor, place):
        raise NotAllowed("无权查看此工单", hidden=True)


def check(actor: Actor, place: Place, command: AnyCommand) -> None:
    """Raises :class:`NotAllowed`. Who asked for what is now decided is checked by the book, which knows."""
    check_sees(actor, place)
    ways = FULFIL[command.obligation] if isinstance(command, Fulfil) else PERMITS[command.do]
    if not any(_way_is_open(actor, place, command.do, permit) for permit in ways):
        raise NotAllowed(f"无权对此工单执行 {command.do}")
    if _signs(command) and not actor.may(SIGN):
        raise NotAllowed("领导签批须由承办单位负责人作出，或写明签批文件")


def _way_is_open(actor: Actor, place: Place, do: str, permit: Permit) -> bool:
    if not actor.may(permit.permission):
        return False
    if do == "complete" and permit.permission == ANSWER:
        return place.state is State.ACCEPTED
    if do == "decide_return" and permit.reach is Reach.COUNTY and place.unit == place.county:
        return False  # its own return is the city's to decide
    match permit.reach:
        case None:
            return True
        case Reach.LEAD:
            return bool(actor.unit) and actor.unit == place.unit
        case Reach.COUNTY:
            return bool(actor.unit) and actor.unit == place.county
        case Reach.ANY_UNIT:
            return is_concerned(actor, place)


def _signs(command: AnyCommand) -> bool:
    """A bare yes is the leader's own; words name the paper that the leader signed."""
    if isinstance(command, Complete):
        return command.leader_approval is True
    return isinstance(command, Extend) and command.leader_consent is True
