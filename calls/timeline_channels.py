"""What Asterisk says of a call's channels and bridges (CEL): who rang, answered, talked, held, passed on, hung up.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from calls.cel import CelEvent
from calls.parties import endpoint, is_agent, is_emergency
from calls.timeline_state import Folding


def _answer(state: Folding, event: CelEvent) -> None:
    if event.channel in state.unanswered:
        state.unanswered[event.channel] = False
    if event.unique == state.citizen and state.call.answered_at is None:
        state.call.answered_at = event.at
        state.note(event.at, "answered")


def _start(state: Folding, event: CelEvent) -> None:
    if event.unique != state.call.id and (is_agent(event.channel) or is_emergency(event.channel)):
        state.unanswered[event.channel] = True
        state.note(event.at, "rang", party=endpoint(event.channel))


def _end(state: Folding, event: CelEvent) -> None:
    state.parties.leave(event.channel)
    _meet(state, event.at)
    if state.unanswered.pop(event.channel, False):
        state.anchors.setdefault(f"rang {endpoint(event.channel)}", []).append(event.at)


def _hangup(state: Folding, event: CelEvent) -> None:
    if event.unique == state.citizen and state.call.ended_at is None:
        state.call.ended_at = event.at
        state.hangup_source = event.extra.get("hangupsource", "")


def _enter(state: Folding, event: CelEvent) -> None:
    state.parties.enter(event.channel, event.extra.get("bridge_id", ""))
    _meet(state, event.at)


def _exit(state: Folding, event: CelEvent) -> None:
    state.parties.leave(event.channel, event.extra.get("bridge_id", ""))
    _meet(state, event.at)


def _meet(state: Folding, at: float) -> None:
    """Who talks with the caller has changed, perhaps."""
    company = state.parties.talking_to(state.caller)
    for channel in sorted(company - state.company):
        party = endpoint(channel)
        if is_agent(channel):
            state.call.agent = party
        if state.call.human_at is None and (is_agent(channel) or is_emergency(channel)):
            state.call.human_at = at
        state.note(at, "connected", party=party, channel=channel)
    for channel in sorted(state.company - company):
        state.note(at, "left", party=endpoint(channel), channel=channel)
    state.company = company


def _stream_begin(state: Folding, event: CelEvent) -> None:
    # Music for somebody who waits in a queue is no hold: only the caller in a bridge is held.
    if event.channel == state.caller and state.parties.joined(state.caller) and not state.held:
        state.held = True
        state.note(event.at, "held")


def _stream_end(state: Folding, event: CelEvent) -> None:
    if event.channel == state.caller and state.held:
        state.held = False
        state.note(event.at, "unheld")


def _transferred(state: Folding, event: CelEvent) -> None:
    how = "blind" if event.kind == "BLINDTRANSFER" else "attended"
    # An attended transfer names a Local channel, or nothing: whom the caller now talks to tells more.
    others = sorted(endpoint(channel) for channel in state.company if channel != event.channel)
    to = event.extra.get("extension", "") if how == "blind" else " ".join(others)
    state.note(event.at, "transferred", by=endpoint(event.channel), to=to, how=how)


def settle_end(state: Folding) -> None:
    """After all of CEL: who hung up."""
    if state.call.ended_at is not None:
        state.call.hangup_by = _hangup_by(state.hangup_source, state.caller)


def _hangup_by(source: str, caller: str) -> str:
    if source and source == caller:
        return "caller"
    if is_agent(source):
        return f"agent {endpoint(source)}"
    if is_emergency(source):
        return "emergency"
    return "system"


HANDLERS: Mapping[str, Callable[[Folding, CelEvent], None]] = {
    "CHAN_START": _start,
    "CHAN_END": _end,
    "ANSWER": _answer,
    "HANGUP": _hangup,
    "BRIDGE_ENTER": _enter,
    "BRIDGE_EXIT": _exit,
    "BLINDTRANSFER": _transferred,
    "ATTENDEDTRANSFER": _transferred,
    "STREAM_BEGIN": _stream_begin,
    "STREAM_END": _stream_end,
}
"""By the event's kind."""
