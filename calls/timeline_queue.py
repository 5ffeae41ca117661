"""What queue_log adds to a call: place in line, ring without answer, giving up; in whole seconds, so that each takes
the moment of the CEL event that it belongs to. After all of CEL. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from calls import queue_log
from calls.queue_log import QueueEvent
from calls.record import EMERGENCY_QUEUE
from calls.timeline_state import Folding

JOIN_SECONDS = 45.0
"""Between the decision for a queue and joining it come the last agent's telephone and, with nobody logged in, an
announcement."""


def _moment(state: Folding, second: float, anchor: str, before: float = 1.0) -> float | None:
    """The CEL moment that a whole second of queue_log belongs to, each used once."""
    near = [at for at in state.anchors.get(anchor, ()) if second - before <= at < second + 2]
    if not near:
        return None
    best = min(near, key=lambda at: abs(at - second - 0.5))
    state.anchors[anchor].remove(best)
    return best


def _within(state: Folding, second: float) -> float:
    """End of that second, but inside the call."""
    end = state.call.ended_at if state.call.ended_at is not None else state.last
    return max(state.call.arrived_at, min(second + 0.999999, end))


def _entered(state: Folding, event: QueueEvent) -> None:
    position = event.data[2] if len(event.data) > 2 else ""
    at = _moment(state, event.at, f"queued {event.queue}", before=JOIN_SECONDS)
    if at is None:
        state.note(_within(state, event.at), "queued", queue=event.queue, position=position)
    else:
        state.entries = [
            replace(one, detail={**one.detail, "position": position})
            if one.at == at and one.what == "queued" and position
            else one
            for one in state.entries
        ]
    state.call.queue, state.call.wish = state.call.queue or event.queue, True
    state.call.emergency_queue |= event.queue == EMERGENCY_QUEUE


def _no_answer(state: Folding, event: QueueEvent) -> None:
    at = _moment(state, event.at, f"rang {event.agent}")
    ms = event.data[0] if event.data else ""
    state.note(_within(state, event.at) if at is None else at, "no_answer", party=event.agent, ms=ms)


def _abandoned(state: Folding, event: QueueEvent) -> None:
    waited = event.data[2] if len(event.data) > 2 else ""
    state.call.abandoned = True
    state.note(_within(state, event.at), "abandoned", queue=event.queue, seconds=waited)


def _left_queue(state: Folding, event: QueueEvent) -> None:
    why = event.kind.removeprefix("EXIT").removeprefix("WITH").lower()
    key = event.data[0] if event.kind == "EXITWITHKEY" and event.data else ""
    key = key if key.isprintable() else ""  # over an announced position Asterisk loses it
    state.note(_within(state, event.at), "left_queue", queue=event.queue, why=why, key=key)


def _completed(state: Folding, event: QueueEvent) -> None:
    """Only where CEL names no source of the hang-up."""
    call = state.call
    if call.ended_at is not None and call.hangup_by == "system" and abs(call.ended_at - event.at) < 2:
        call.hangup_by = "caller" if event.kind == "COMPLETECALLER" else f"agent {event.agent}"


def _restarted(state: Folding, event: QueueEvent) -> None:
    _lost(state, event, "asterisk_restarted")


def _gone(state: Folding, event: QueueEvent) -> None:
    _lost(state, event, "hangup_lost")


def _node_lost(state: Folding, event: QueueEvent) -> None:
    _lost(state, event, "node_lost")


def _lost(state: Folding, event: QueueEvent, what: str) -> None:
    if state.call.ended_at is None:
        state.call.ended_at, state.call.hangup_by = state.last, "system"
        state.note(max(event.at, state.last), what)


HANDLERS: Mapping[str, Callable[[Folding, QueueEvent], None]] = {
    "ENTERQUEUE": _entered,
    "RINGNOANSWER": _no_answer,
    "ABANDON": _abandoned,
    "EXITWITHTIMEOUT": _left_queue,
    "EXITWITHKEY": _left_queue,
    "EXITEMPTY": _left_queue,
    "COMPLETEAGENT": _completed,
    "COMPLETECALLER": _completed,
    queue_log.START: _restarted,
    queue_log.GONE: _gone,
    queue_log.LOST: _node_lost,
}
"""By the line's kind."""
