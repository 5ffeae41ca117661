"""What one call is doing now, from its channels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from routing.floor_lines import OUTBOUND, Line, Side
from routing.floor_rows import CallNow, CallPhase, Emergency, Via
from routing.queues import EMERGENCY_NUMBERS

_NOT_YET = "nobody"
"""The context of a channel to a citizen who has not answered (``asterisk_conf/pjsip.conf.j2``)."""
_IN_LINE = frozenset({"queue", "queue-keys", "last-agent", "typed-over", "place", "place-taken"})
"""Steps of the dialplan on the way into a queue or back into it."""
_TRANSFER = "agent-transfer"
_EMERGENCY = "emergency"
_MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Waiting:
    """``stands_in``: Asterisk's queue, maybe an agent's own; ``queue``: the one of the rule file, if it is known."""

    stands_in: str
    queue: str | None
    since: datetime


def call_of(
    call: str,
    lines: Mapping[str, Line],
    waiting: Mapping[str, Waiting],
    queues: Mapping[str, str],
    mask: Callable[[str], str],
    ours: Via | None,
    before: CallNow | None,
    at: datetime,
) -> CallNow | None:
    """None: it is over, or none at all (agents among themselves, a supervisor who listens, what holds a place).
    ``ours``: what it is, if we made it. ``before``: what the last look at it said."""
    order = sorted(lines.items(), key=lambda one: (not one[1].root, one[1].began, one[0]))
    citizens = {unique_id: line for unique_id, line in order if line.side is Side.CITIZEN}
    agents = [line for _, line in order if line.side is Side.AGENT]
    centres = [line for _, line in order if line.side is Side.CENTRE]
    if not citizens and not centres and (ours is None or not agents):
        return None
    entry = next((waiting[one] for one in citizens if one in waiting), None)
    first = next(iter(citizens.values()), None)
    via = ours or (first.via if first is not None else Via.AGENT)
    state = _state(via, list(citizens.values()), agents, centres, entry)
    there = list(dict.fromkeys(line.endpoint for line in sorted(agents, key=lambda line: (not line.up, line.began))))
    return CallNow(
        call,
        _shown(via, first, agents, mask, before),
        via,
        state,
        _since(state, entry, centres or agents or list(lines.values()), before, at),
        min(line.began for line in lines.values()) if before is None else before.began,
        _queue(first, entry, queues, before),
        there[0] if there else None,
        tuple(there[1:]),
        _service(first, centres, before),
        any(line.held for line in agents) or any(_alone(line, lines) for line in citizens.values()),
    )


def _state(via: Via, citizens: list[Line], agents: list[Line], centres: list[Line], entry: Waiting | None) -> CallPhase:
    contexts = {line.context for line in citizens}
    if centres or _EMERGENCY in contexts:
        return CallPhase.EMERGENCY
    if _MESSAGE in contexts:
        return CallPhase.MESSAGE
    if sum(line.up for line in (*citizens, *agents)) > 1 and any(line.up for line in citizens) and entry is None:
        return CallPhase.TALKING
    if via is Via.OUTGOING:
        return CallPhase.OUTGOING
    if agents or _TRANSFER in contexts:
        return CallPhase.RINGING
    if entry is not None or contexts & _IN_LINE:
        return CallPhase.WAITING
    return CallPhase.CALLBACK if via in (Via.CALLBACK, Via.PLACE) else CallPhase.MENU


def _since(
    state: CallPhase, entry: Waiting | None, others: list[Line], before: CallNow | None, at: datetime
) -> datetime:
    if state is CallPhase.WAITING and entry is not None:
        return entry.since
    if before is None:
        # Found in the list of channels: about since the other side is there.
        return min(line.began for line in others)
    return before.since if before.state is state else at


def _shown(via: Via, first: Line | None, agents: list[Line], mask: Callable[[str], str], before: CallNow | None) -> str:
    if via is not Via.OUTGOING:
        return mask(_number(first))
    if before is not None and before.number:
        return before.number
    # The agent's telephone is shown whom it is about to ring.
    return mask(next((line.connected for line in agents if line.root), "") or (first.dialled if first else ""))


def _number(first: Line | None) -> str:
    if first is None:
        return ""
    if first.endpoint == OUTBOUND and first.context == _NOT_YET:
        return first.dialled
    return first.caller


def _queue(first: Line | None, entry: Waiting | None, queues: Mapping[str, str], before: CallNow | None) -> str | None:
    if entry is not None and entry.queue is not None:
        return entry.queue
    if first is not None and first.context == "queue" and first.exten in queues:
        return first.exten
    if before is not None:
        return before.queue
    # What a caller who has joined a queue is shown until somebody answers.
    return first.connected if first is not None and first.connected in queues else None


def _service(first: Line | None, centres: list[Line], before: CallNow | None) -> Emergency:
    found = next((line.service for line in centres if line.service), "")
    if not found and first is not None and first.context == _EMERGENCY and first.exten in EMERGENCY_NUMBERS:
        found = first.exten
    if not found and before is not None:
        return before.emergency
    return cast(Emergency, found)


def _alone(citizen: Line, lines: Mapping[str, Line]) -> bool:
    """In a conversation that the others have left for a while: one of them asks somebody else."""
    return bool(citizen.bridge) and sum(line.bridge == citizen.bridge for line in lines.values()) == 1
