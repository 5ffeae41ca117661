"""What our dialplan and our voice server wrote into Asterisk's log of a call (CEL events ``USER``). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from calls import placed, spoken, surveyed
from calls.cel import CelEvent
from calls.record import EMERGENCY_QUEUE
from calls.spoken import SERVICES
from calls.timeline_state import Folding

CATEGORIES = frozenset({"consultation", "help", "complaint", "report", "suggestion", "other"})
MAX_KEYS = 60
MAX_ANNOUNCED = 20
ANNOUNCEMENT = re.compile("[0-9]{1,18}")


def _arrived(state: Folding, event: CelEvent) -> None:
    extra = event.extra
    state.call.dialled = extra.get("dialled", "")
    state.call.via = extra.get("via", "")
    state.call.number = extra.get("number", "")
    state.call.presentation = extra.get("pres", "")
    state.note(event.at, "arrived", dialled=state.call.dialled, via=state.call.via)


def _called(state: Folding, event: CelEvent) -> None:
    state.call.via = placed.VIA if "place" in event.extra else surveyed.VIA
    state.call.wish = state.call.via == placed.VIA  # whoever answers and hangs up before he is in line was missed
    state.call.number, state.call.presentation = event.extra.get("number", ""), "allowed"
    _surveyed(state, event)


def _outgoing(state: Folding, event: CelEvent) -> None:
    state.call.via = surveyed.OUTGOING
    state.call.number, state.call.presentation = event.extra.get("number", ""), "allowed"
    state.note(event.at, "outgoing", **surveyed.detail(event.extra))


def _place(state: Folding, event: CelEvent) -> None:
    state.call.place = placed.asked(event.extra, event.at)
    if state.call.place is not None:
        state.note(event.at, "place", queue=state.call.place.queue, number=state.call.place.number)


def _place_left(state: Folding, event: CelEvent) -> None:
    state.call.place = None
    state.note(event.at, "place_left")


def _surveyed(state: Folding, event: CelEvent) -> None:
    state.note(event.at, surveyed.WHAT[event.name], **surveyed.detail(event.extra))


def _recording(state: Folding, event: CelEvent) -> None:
    if event.extra.get("state") == "off":
        state.note(event.at, "recording_off", why=event.extra.get("why", ""))
        return
    state.call.recording_file, state.call.recording_at = event.extra.get("file", ""), event.at
    state.note(event.at, "recording")


def _notice(state: Folding, event: CelEvent) -> None:
    state.call.notice = event.extra.get("played", "")
    state.note(event.at, "notice", played=state.call.notice, ms=event.extra.get("ms", ""))


def _key(state: Folding, event: CelEvent) -> None:
    key = event.extra.get("key", "")
    if "played" in event.extra:  # the key that cut the recording notice short
        _notice(state, event)
    state.call.keys = (state.call.keys + key)[:MAX_KEYS]
    barge_ms = spoken.milliseconds(event.extra, "barge_ms")
    state.note(event.at, "key", key=key, node=event.extra.get("node", ""), barge_ms=barge_ms)


def _number(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "number", digits=event.extra.get("digits", ""), node=event.extra.get("node", ""))


def _progress(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "progress", **spoken.progress(event.extra))


def _heard(state: Folding, event: CelEvent) -> None:
    if "played" in event.extra:  # the words that came with the end of the recording notice
        _notice(state, event)
    state.note(event.at, "heard", **spoken.take(state.call, event.extra))


def _speech(state: Folding, event: CelEvent) -> None:
    why = event.extra.get("why", "")
    if event.extra.get("state") == "off":
        state.note(event.at, "speech_off", why=why if why in spoken.OFF else "")


def _cancelled(state: Folding, event: CelEvent) -> None:
    service = event.extra.get("service", "")
    state.call.cancelled = True
    if service in SERVICES:  # called off before it rang, there was no EMERGENCY
        state.call.emergency = state.call.emergency or service
    state.note(event.at, "cancelled", service=service if service in SERVICES else "")


def _decided(state: Folding, event: CelEvent) -> None:
    extra = event.extra
    kind, to, by = extra.get("kind", ""), extra.get("to", ""), extra.get("by", "")
    category = extra.get("category", "")
    state.call.decision, state.call.decided_by = kind, by
    if category in CATEGORIES:
        state.call.category = category
    if kind in ("queue", "emergency"):
        state.call.wish = True
    if to == EMERGENCY_QUEUE:
        state.call.emergency_queue = True
    state.note(event.at, "decided", kind=kind, to=to, category=category, by=by)


def _fallback(state: Folding, event: CelEvent) -> None:
    level = event.extra.get("level", "")
    if level in ("2", "3"):
        state.call.fallback = max(state.call.fallback, int(level))
    state.note(event.at, "fallback", level=level, why=event.extra.get("why", ""))


def _queued(state: Folding, event: CelEvent) -> None:
    name = event.extra.get("name", "")
    state.call.queue, state.call.wish = name, True
    state.call.emergency_queue |= name == EMERGENCY_QUEUE
    state.note(event.at, "queued", queue=name)
    state.anchors.setdefault(f"queued {name}", []).append(event.at)


def _overflow(state: Folding, event: CelEvent) -> None:
    extra = event.extra
    why = extra.get("why", "")
    state.note(event.at, "overflow", queue=extra.get("from", ""), to=extra.get("to", ""), why=why)


def _closed(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "closed", queue=event.extra.get("name", ""), to=event.extra.get("to", ""))


def _overloaded(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "overload", calls=event.extra.get("calls", ""))


def _last_agent(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "last_agent", party=event.extra.get("agent", ""))


def _emergency(state: Folding, event: CelEvent) -> None:
    service = event.extra.get("service", "")
    if service in SERVICES:
        state.call.emergency, state.call.wish = service, True
    state.note(event.at, "emergency", service=service, by=event.extra.get("by", ""))


def _added(state: Folding, event: CelEvent) -> None:
    service = event.extra.get("service", "")
    if service in SERVICES and not state.call.emergency:
        state.call.emergency = service
    state.note(event.at, "added", service=service)


def _emergency_trunk(state: Folding, event: CelEvent) -> None:
    extra = event.extra
    trunk, status = extra.get("trunk", ""), extra.get("status", "")
    state.note(event.at, "emergency_trunk", service=extra.get("service", ""), trunk=trunk, status=status)


def _emergency_failed(state: Folding, event: CelEvent) -> None:
    state.call.emergency_failed = True
    state.note(event.at, "emergency_failed", service=event.extra.get("service", ""))


def _consulted(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "consulted", to=event.extra.get("to", ""))


def _listened(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "listened", by=event.extra.get("by", ""), mode=event.extra.get("mode", ""))


def _message(state: Folding, event: CelEvent) -> None:
    seconds, status = event.extra.get("seconds", ""), event.extra.get("status", "")
    if surveyed.spoke(seconds, status, surveyed.MESSAGE_SILENCE):
        state.call.message_file = event.extra.get("file", "")
    state.call.wish = True
    state.note(event.at, "message", seconds=seconds, status=status)


def _announced(state: Folding, event: CelEvent) -> None:
    id = event.extra.get("id", "")
    if ANNOUNCEMENT.fullmatch(id):
        state.call.announced = (*state.call.announced, int(id))[:MAX_ANNOUNCED]
    state.note(event.at, "announced", id=id)


def _barred(state: Folding, event: CelEvent) -> None:
    state.note(event.at, "barred")


def _maintained(state: Folding, event: CelEvent) -> None:
    state.maintenance = True
    state.note(event.at, "maintenance")


HANDLERS: Mapping[str, Callable[[Folding, CelEvent], None]] = {
    "ARRIVED": _arrived,
    "RECORDING": _recording,
    "NOTICE": _notice,
    "KEY": _key,
    "NUMBER": _number,
    "PROGRESS": _progress,
    "DECISION": _decided,
    "FALLBACK": _fallback,
    "QUEUE": _queued,
    "OVERFLOW": _overflow,
    "CLOSED": _closed,
    "OVERLOAD": _overloaded,
    "LAST_AGENT": _last_agent,
    "EMERGENCY": _emergency,
    "EMERGENCY_TRUNK": _emergency_trunk,
    "EMERGENCY_FAILED": _emergency_failed,
    "MESSAGE": _message,
    "ADDED": _added,
    "CONSULT": _consulted,
    "LISTENED": _listened,
    "HEARD": _heard,
    "SPEECH": _speech,
    "CANCELLED": _cancelled,
    "ANNOUNCED": _announced,
    "BARRED": _barred,
    "MAINTENANCE": _maintained,
    **dict.fromkeys(surveyed.WHAT, _surveyed),
    "CALLED": _called,
    "OUTGOING": _outgoing,
    "PLACE": _place,
    "PLACE_LEFT": _place_left,
}
"""By the event's name."""
