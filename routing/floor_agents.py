"""What one agent is doing now, and the queues that agents and callers make up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from routing.floor_calls import Waiting
from routing.floor_lines import Line
from routing.floor_plan import Sitting
from routing.floor_rows import AgentNow, AgentPhase, QueueNow

_BY_ITSELF = {"Auto-Pause": "未接来电"}
"""What Asterisk gives as the reason when a telephone was not answered (app_queue.c), in an agent's words."""


@dataclass(slots=True)
class Member:
    """``paused``: by queue, with the reason."""

    paused: dict[str, str | None] = field(default_factory=dict)

    @property
    def reason(self) -> str | None:
        return next((reason for reason in self.paused.values() if reason is not None), None)


def agent_of(
    before: AgentNow,
    own: Sequence[Line],
    member: Member,
    queues: Iterable[str],
    *,
    sitting: Sitting | None,
    reachable: bool,
    wrapup: datetime | None,
    call_id: str | None,
    at: datetime,
) -> AgentNow:
    """``own``: the telephone's channels, the one that is talked in first. ``wrapup``: when it ends."""
    if own:
        state = AgentPhase.RINGING if own[0].rings else AgentPhase.IN_CALL
    elif not member.paused:
        state = AgentPhase.OUT
    elif member.reason is not None:
        state = AgentPhase.PAUSED
    else:
        state = AgentPhase.READY if wrapup is None else AgentPhase.WRAPUP
    since = before.since if before.state is state else at
    if before.since is None:
        # Found so in the lists.
        since = own[0].began if own else at
    return AgentNow(
        before.extension,
        before.name,
        sitting.user if sitting else None,
        sitting.person if sitting else None,
        before.phone,
        reachable,
        state,
        _BY_ITSELF.get(member.reason or "", member.reason or ""),
        since,
        wrapup if state is AgentPhase.WRAPUP else None,
        call_id,
        tuple(queue for queue in queues if queue in member.paused),
    )


def queues_of(
    before: Mapping[str, QueueNow], agents: Iterable[AgentNow], waiting: Iterable[Waiting]
) -> dict[str, QueueNow]:
    """Each queue's row; the same as before where nothing has changed."""
    joined: dict[str, list[datetime]] = {}
    for entry in waiting:
        if entry.queue is not None:
            joined.setdefault(entry.queue, []).append(entry.since)
    counts = {queue: [0, 0, 0, 0] for queue in before}
    for agent in agents:
        ready = agent.state is AgentPhase.READY and agent.reachable
        for queue in agent.queues:
            count = counts[queue]
            count[0] += ready
            count[1] += agent.state is AgentPhase.IN_CALL
            count[2] += agent.state is AgentPhase.PAUSED
            count[3] += 1
    found = {}
    for id, row in before.items():
        times = joined.get(id, [])
        made = QueueNow(id, row.name, len(times), min(times, default=None), *counts[id])
        found[id] = row if made == row else made
    return found
