"""The events of one call folded into its record. Pure: the same set of events gives the same record, in whatever order
and in however many pieces they were read, because they are put in order here first.

CEL tells what happened to the microsecond; queue_log adds what only the queue knows (place in line, ring without
answer, giving up) in whole seconds, so its entries take the time of the CEL event that they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from calls import placed, queue_log, spoken, surveyed
from calls.cel import CelEvent
from calls.entries import SAME_MOMENT, without_channel, without_flicker
from calls.own_queue import of_common_queue
from calls.parties import Parties, endpoint, is_agent, is_emergency
from calls.queue_log import QueueEvent
from calls.record import Call, Entry
from calls.spoken import SERVICES

Event = CelEvent | QueueEvent

CATEGORIES = frozenset({"consultation", "help", "complaint", "report", "suggestion", "other"})
EMERGENCY_QUEUE = "emergency"
JOIN_SECONDS = 45.0
"""Between the decision for a queue and joining it come the last agent's telephone and, with nobody logged in, an
announcement."""
MAX_KEYS = 60
MAX_ANNOUNCED = 20
ANNOUNCEMENT = re.compile("[0-9]{1,18}")
BEGINNINGS = ("ARRIVED", "CALLED", "OUTGOING")
"""Our own event at the beginning of a citizen's call, of ours to a citizen once it is answered, and of an agent's to a
citizen when it begins to ring. On the citizen's channel, always."""
OURS = (surveyed.VIA, surveyed.OUTGOING)


def fold(call_id: str, events: Iterable[Event]) -> Call | None:
    """None while the call's beginning has not been read: an agent's own call, one of ours that was not answered, or a
    line still to come."""
    cel: list[CelEvent] = []
    queue: list[QueueEvent] = []
    for event in events:
        if isinstance(event, CelEvent):
            cel.append(event)
        else:
            queue.append(event)
    cel.sort(key=lambda event: (event.at, event.position))
    queue.sort(key=lambda event: event.position)
    begun = next((event for event in cel if event.kind == "USER" and event.name in BEGINNINGS), None)
    if begun is None:
        return None
    # An agent's call is named after the agent's channel, which was there first.
    citizen = begun.unique if begun.name == "OUTGOING" else call_id
    # Whom we rang answered a moment before the dialplan could say so.
    answers = (event.at for event in cel if event.kind == "ANSWER" and event.unique == citizen)
    state = _Fold(Call(id=call_id, arrived_at=min([begun.at, *answers])), caller=begun.channel, citizen=citizen)
    for event in cel:
        state.cel(event)
    state.settle_end()
    for line in of_common_queue(cel, queue):
        state.queue_line(line)
    return state.result()


class _Fold:
    def __init__(self, call: Call, caller: str, citizen: str) -> None:
        """``caller``: the citizen's channel, ``citizen``: its unique id."""
        self.call = call
        self._caller = caller
        self._citizen = citizen
        self._entries: list[Entry] = []
        self._parties = Parties()
        self._company: set[str] = set()
        self._held = False
        self._last = call.arrived_at
        self._unanswered: dict[str, bool] = {}
        self._anchors: dict[str, list[float]] = {}
        self._hangup_source = ""
        self._maintenance = False

    # ---- CEL ---------------------------------------------------------------------------------------------------

    def cel(self, event: CelEvent) -> None:
        self._last = event.at
        handler = _USER.get(event.name) if event.kind == "USER" else _CEL.get(event.kind)
        if handler is not None:
            handler(self, event)

    def _note(self, at: float, what: str, **detail: str) -> None:
        self._entries.append(Entry(at, what, {key: value for key, value in detail.items() if value}))

    def _arrived(self, event: CelEvent) -> None:
        extra = event.extra
        self.call.dialled = extra.get("dialled", "")
        self.call.via = extra.get("via", "")
        self.call.number = extra.get("number", "")
        self.call.presentation = extra.get("pres", "")
        self._note(event.at, "arrived", dialled=self.call.dialled, via=self.call.via)

    def _called(self, event: CelEvent) -> None:
        self.call.via = placed.VIA if "place" in event.extra else surveyed.VIA
        self.call.wish = self.call.via == placed.VIA  # whoever answers and hangs up before he is in line was missed
        self.call.number, self.call.presentation = event.extra.get("number", ""), "allowed"
        self._surveyed(event)

    def _outgoing(self, event: CelEvent) -> None:
        self.call.via = surveyed.OUTGOING
        self.call.number, self.call.presentation = event.extra.get("number", ""), "allowed"
        self._note(event.at, "outgoing", **surveyed.detail(event.extra))

    def _place(self, event: CelEvent) -> None:
        self.call.place = placed.asked(event.extra, event.at)
        if self.call.place is not None:
            self._note(event.at, "place", queue=self.call.place.queue, number=self.call.place.number)

    def _place_left(self, event: CelEvent) -> None:
        self.call.place = None
        self._note(event.at, "place_left")

    def _surveyed(self, event: CelEvent) -> None:
        self._note(event.at, surveyed.WHAT[event.name], **surveyed.detail(event.extra))

    def _recording(self, event: CelEvent) -> None:
        if event.extra.get("state") == "off":
            self._note(event.at, "recording_off", why=event.extra.get("why", ""))
            return
        self.call.recording_file, self.call.recording_at = event.extra.get("file", ""), event.at
        self._note(event.at, "recording")

    def _notice(self, event: CelEvent) -> None:
        self.call.notice = event.extra.get("played", "")
        self._note(event.at, "notice", played=self.call.notice, ms=event.extra.get("ms", ""))

    def _key(self, event: CelEvent) -> None:
        key = event.extra.get("key", "")
        if "played" in event.extra:  # the key that cut the recording notice short
            self._notice(event)
        self.call.keys = (self.call.keys + key)[:MAX_KEYS]
        barge_ms = spoken.milliseconds(event.extra, "barge_ms")
        self._note(event.at, "key", key=key, node=event.extra.get("node", ""), barge_ms=barge_ms)

    def _number(self, event: CelEvent) -> None:
        self._note(event.at, "number", digits=event.extra.get("digits", ""), node=event.extra.get("node", ""))

    def _progress(self, event: CelEvent) -> None:
        self._note(event.at, "progress", **spoken.progress(event.extra))

    def _heard(self, event: CelEvent) -> None:
        if "played" in event.extra:  # the words that came with the end of the recording notice
            self._notice(event)
        self._note(event.at, "heard", **spoken.take(self.call, event.extra))

    def _speech(self, event: CelEvent) -> None:
        why = event.extra.get("why", "")
        if event.extra.get("state") == "off":
            self._note(event.at, "speech_off", why=why if why in spoken.OFF else "")

    def _cancelled(self, event: CelEvent) -> None:
        service = event.extra.get("service", "")
        self.call.cancelled = True
        if service in SERVICES:  # called off before it rang, there was no EMERGENCY
            self.call.emergency = self.call.emergency or service
        self._note(event.at, "cancelled", service=service if service in SERVICES else "")

    def _decided(self, event: CelEvent) -> None:
        extra = event.extra
        kind, to, by = extra.get("kind", ""), extra.get("to", ""), extra.get("by", "")
        category = extra.get("category", "")
        self.call.decision, self.call.decided_by = kind, by
        if category in CATEGORIES:
            self.call.category = category
        if kind in ("queue", "emergency"):
            self.call.wish = True
        if to == EMERGENCY_QUEUE:
            self.call.emergency_queue = True
        self._note(event.at, "decided", kind=kind, to=to, category=category, by=by)

    def _fallback(self, event: CelEvent) -> None:
        level = event.extra.get("level", "")
        if level in ("2", "3"):
            self.call.fallback = max(self.call.fallback, int(level))
        self._note(event.at, "fallback", level=level, why=event.extra.get("why", ""))

    def _queued(self, event: CelEvent) -> None:
        name = event.extra.get("name", "")
        self.call.queue, self.call.wish = name, True
        self.call.emergency_queue |= name == EMERGENCY_QUEUE
        self._note(event.at, "queued", queue=name)
        self._anchors.setdefault(f"queued {name}", []).append(event.at)

    def _overflow(self, event: CelEvent) -> None:
        extra = event.extra
        why = extra.get("why", "")
        self._note(event.at, "overflow", queue=extra.get("from", ""), to=extra.get("to", ""), why=why)

    def _closed(self, event: CelEvent) -> None:
        self._note(event.at, "closed", queue=event.extra.get("name", ""), to=event.extra.get("to", ""))

    def _overloaded(self, event: CelEvent) -> None:
        self._note(event.at, "overload", calls=event.extra.get("calls", ""))

    def _last_agent(self, event: CelEvent) -> None:
        self._note(event.at, "last_agent", party=event.extra.get("agent", ""))

    def _emergency(self, event: CelEvent) -> None:
        service = event.extra.get("service", "")
        if service in SERVICES:
            self.call.emergency, self.call.wish = service, True
        self._note(event.at, "emergency", service=service, by=event.extra.get("by", ""))

    def _added(self, event: CelEvent) -> None:
        service = event.extra.get("service", "")
        if service in SERVICES and not self.call.emergency:
            self.call.emergency = service
        self._note(event.at, "added", service=service)

    def _emergency_trunk(self, event: CelEvent) -> None:
        extra = event.extra
        trunk, status = extra.get("trunk", ""), extra.get("status", "")
        self._note(event.at, "emergency_trunk", service=extra.get("service", ""), trunk=trunk, status=status)

    def _emergency_failed(self, event: CelEvent) -> None:
        self.call.emergency_failed = True
        self._note(event.at, "emergency_failed", service=event.extra.get("service", ""))

    def _consulted(self, event: CelEvent) -> None:
        self._note(event.at, "consulted", to=event.extra.get("to", ""))

    def _listened(self, event: CelEvent) -> None:
        self._note(event.at, "listened", by=event.extra.get("by", ""), mode=event.extra.get("mode", ""))

    def _message(self, event: CelEvent) -> None:
        seconds, status = event.extra.get("seconds", ""), event.extra.get("status", "")
        if surveyed.spoke(seconds, status, surveyed.MESSAGE_SILENCE):
            self.call.message_file = event.extra.get("file", "")
        self.call.wish = True
        self._note(event.at, "message", seconds=seconds, status=status)

    def _announced(self, event: CelEvent) -> None:
        id = event.extra.get("id", "")
        if ANNOUNCEMENT.fullmatch(id):
            self.call.announced = (*self.call.announced, int(id))[:MAX_ANNOUNCED]
        self._note(event.at, "announced", id=id)

    def _barred(self, event: CelEvent) -> None:
        self._note(event.at, "barred")

    def _maintained(self, event: CelEvent) -> None:
        self._maintenance = True
        self._note(event.at, "maintenance")

    def _answer(self, event: CelEvent) -> None:
        if event.channel in self._unanswered:
            self._unanswered[event.channel] = False
        if event.unique == self._citizen and self.call.answered_at is None:
            self.call.answered_at = event.at
            self._note(event.at, "answered")

    def _start(self, event: CelEvent) -> None:
        if event.unique != self.call.id and (is_agent(event.channel) or is_emergency(event.channel)):
            self._unanswered[event.channel] = True
            self._note(event.at, "rang", party=endpoint(event.channel))

    def _end(self, event: CelEvent) -> None:
        self._parties.leave(event.channel)
        self._meet(event.at)
        if self._unanswered.pop(event.channel, False):
            self._anchors.setdefault(f"rang {endpoint(event.channel)}", []).append(event.at)

    def _hangup(self, event: CelEvent) -> None:
        if event.unique == self._citizen and self.call.ended_at is None:
            self.call.ended_at = event.at
            self._hangup_source = event.extra.get("hangupsource", "")

    def _enter(self, event: CelEvent) -> None:
        self._parties.enter(event.channel, event.extra.get("bridge_id", ""))
        self._meet(event.at)

    def _exit(self, event: CelEvent) -> None:
        self._parties.leave(event.channel, event.extra.get("bridge_id", ""))
        self._meet(event.at)

    def _meet(self, at: float) -> None:
        """Who talks with the caller has changed, perhaps."""
        company = self._parties.talking_to(self._caller)
        for channel in sorted(company - self._company):
            party = endpoint(channel)
            if is_agent(channel):
                self.call.agent = party
            if self.call.human_at is None and (is_agent(channel) or is_emergency(channel)):
                self.call.human_at = at
            self._note(at, "connected", party=party, channel=channel)
        for channel in sorted(self._company - company):
            self._note(at, "left", party=endpoint(channel), channel=channel)
        self._company = company

    def _stream_begin(self, event: CelEvent) -> None:
        # Music for somebody who waits in a queue is no hold: only the caller in a bridge is held.
        if event.channel == self._caller and self._parties.joined(self._caller) and not self._held:
            self._held = True
            self._note(event.at, "held")

    def _stream_end(self, event: CelEvent) -> None:
        if event.channel == self._caller and self._held:
            self._held = False
            self._note(event.at, "unheld")

    def _transferred(self, event: CelEvent) -> None:
        how = "blind" if event.kind == "BLINDTRANSFER" else "attended"
        # An attended transfer names a Local channel, or nothing: whom the caller now talks to tells more.
        others = sorted(endpoint(channel) for channel in self._company if channel != event.channel)
        to = event.extra.get("extension", "") if how == "blind" else " ".join(others)
        self._note(event.at, "transferred", by=endpoint(event.channel), to=to, how=how)

    def settle_end(self) -> None:
        if self.call.ended_at is not None:
            self.call.hangup_by = _hangup_by(self._hangup_source, self._caller)

    # ---- queue_log -------------------------------------------------------------------------------------------------

    def queue_line(self, event: QueueEvent) -> None:
        handler = _QUEUE.get(event.kind)
        if handler is not None:
            handler(self, event)

    def _moment(self, second: float, anchor: str, before: float = 1.0) -> float | None:
        """The CEL moment that a whole second of queue_log belongs to, each used once."""
        near = [at for at in self._anchors.get(anchor, ()) if second - before <= at < second + 2]
        if not near:
            return None
        best = min(near, key=lambda at: abs(at - second - 0.5))
        self._anchors[anchor].remove(best)
        return best

    def _within(self, second: float) -> float:
        """End of that second, but inside the call."""
        end = self.call.ended_at if self.call.ended_at is not None else self._last
        return max(self.call.arrived_at, min(second + 0.999999, end))

    def _entered(self, event: QueueEvent) -> None:
        position = event.data[2] if len(event.data) > 2 else ""
        at = self._moment(event.at, f"queued {event.queue}", before=JOIN_SECONDS)
        if at is None:
            self._note(self._within(event.at), "queued", queue=event.queue, position=position)
        else:
            self._entries = [
                replace(one, detail={**one.detail, "position": position})
                if one.at == at and one.what == "queued" and position
                else one
                for one in self._entries
            ]
        self.call.queue, self.call.wish = self.call.queue or event.queue, True
        self.call.emergency_queue |= event.queue == EMERGENCY_QUEUE

    def _no_answer(self, event: QueueEvent) -> None:
        at = self._moment(event.at, f"rang {event.agent}")
        ms = event.data[0] if event.data else ""
        self._note(self._within(event.at) if at is None else at, "no_answer", party=event.agent, ms=ms)

    def _abandoned(self, event: QueueEvent) -> None:
        waited = event.data[2] if len(event.data) > 2 else ""
        self.call.abandoned = True
        self._note(self._within(event.at), "abandoned", queue=event.queue, seconds=waited)

    def _left_queue(self, event: QueueEvent) -> None:
        why = event.kind.removeprefix("EXIT").removeprefix("WITH").lower()
        key = event.data[0] if event.kind == "EXITWITHKEY" and event.data else ""
        key = key if key.isprintable() else ""  # over an announced position Asterisk loses it
        self._note(self._within(event.at), "left_queue", queue=event.queue, why=why, key=key)

    def _completed(self, event: QueueEvent) -> None:
        """Only where CEL names no source of the hang-up."""
        call = self.call
        if call.ended_at is not None and call.hangup_by == "system" and abs(call.ended_at - event.at) < 2:
            call.hangup_by = "caller" if event.kind == "COMPLETECALLER" else f"agent {event.agent}"

    def _restarted(self, event: QueueEvent) -> None:
        self._lost(event, "asterisk_restarted")

    def _gone(self, event: QueueEvent) -> None:
        self._lost(event, "hangup_lost")

    def _node_lost(self, event: QueueEvent) -> None:
        self._lost(event, "node_lost")

    def _lost(self, event: QueueEvent, what: str) -> None:
        if self.call.ended_at is None:
            self.call.ended_at, self.call.hangup_by = self._last, "system"
            self._note(max(event.at, self._last), what)

    # ---- the result ------------------------------------------------------------------------------------------------

    def result(self) -> Call:
        call = self.call
        over = call.ended_at is not None
        wanted = call.wish or self._maintenance
        nobody = wanted and call.human_at is None and not call.message_file and call.place is None
        if call.via in (*OURS, placed.VIA):  # what it means is for whom it was made for, and there is a ticket already
            call.wish = False
        entries = without_flicker(sorted(self._entries, key=lambda entry: entry.at))
        if call.ended_at is not None:
            last = call.ended_at - SAME_MOMENT
            entries = [one for one in entries if one.what not in ("left", "unheld") or one.at < last]
            hung_up = Entry(call.ended_at, "hung_up", {"by": call.hangup_by})
            after = next((i for i, one in enumerate(entries) if one.at > call.ended_at), len(entries))
            entries.insert(after, hung_up)
        call.timeline = tuple(without_channel(one) for one in entries)
        call.missed = call.via not in OURS and (call.abandoned or (over and nobody))
        served = call.wish or call.missed or call.decision or any(one.what == "progress" for one in entries)
        call.informed = bool(call.announced) and not served and call.hangup_by == "caller"
        return call


def _hangup_by(source: str, caller: str) -> str:
    if source and source == caller:
        return "caller"
    if is_agent(source):
        return f"agent {endpoint(source)}"
    if is_emergency(source):
        return "emergency"
    return "system"


_USER: dict[str, Callable[[_Fold, CelEvent], None]] = {
    "ARRIVED": _Fold._arrived,
    "RECORDING": _Fold._recording,
    "NOTICE": _Fold._notice,
    "KEY": _Fold._key,
    "NUMBER": _Fold._number,
    "PROGRESS": _Fold._progress,
    "DECISION": _Fold._decided,
    "FALLBACK": _Fold._fallback,
    "QUEUE": _Fold._queued,
    "OVERFLOW": _Fold._overflow,
    "CLOSED": _Fold._closed,
    "OVERLOAD": _Fold._overloaded,
    "LAST_AGENT": _Fold._last_agent,
    "EMERGENCY": _Fold._emergency,
    "EMERGENCY_TRUNK": _Fold._emergency_trunk,
    "EMERGENCY_FAILED": _Fold._emergency_failed,
    "MESSAGE": _Fold._message,
    "ADDED": _Fold._added,
    "CONSULT": _Fold._consulted,
    "LISTENED": _Fold._listened,
    "HEARD": _Fold._heard,
    "SPEECH": _Fold._speech,
    "CANCELLED": _Fold._cancelled,
    "ANNOUNCED": _Fold._announced,
    "BARRED": _Fold._barred,
    "MAINTENANCE": _Fold._maintained,
    **dict.fromkeys(surveyed.WHAT, _Fold._surveyed),
    "CALLED": _Fold._called,
    "OUTGOING": _Fold._outgoing,
    "PLACE": _Fold._place,
    "PLACE_LEFT": _Fold._place_left,
}
_CEL: dict[str, Callable[[_Fold, CelEvent], None]] = {
    "CHAN_START": _Fold._start,
    "CHAN_END": _Fold._end,
    "ANSWER": _Fold._answer,
    "HANGUP": _Fold._hangup,
    "BRIDGE_ENTER": _Fold._enter,
    "BRIDGE_EXIT": _Fold._exit,
    "BLINDTRANSFER": _Fold._transferred,
    "ATTENDEDTRANSFER": _Fold._transferred,
    "STREAM_BEGIN": _Fold._stream_begin,
    "STREAM_END": _Fold._stream_end,
}
_QUEUE: dict[str, Callable[[_Fold, QueueEvent], None]] = {
    "ENTERQUEUE": _Fold._entered,
    "RINGNOANSWER": _Fold._no_answer,
    "ABANDON": _Fold._abandoned,
    "EXITWITHTIMEOUT": _Fold._left_queue,
    "EXITWITHKEY": _Fold._left_queue,
    "EXITEMPTY": _Fold._left_queue,
    "COMPLETEAGENT": _Fold._completed,
    "COMPLETECALLER": _Fold._completed,
    queue_log.START: _Fold._restarted,
    queue_log.GONE: _Fold._gone,
    queue_log.LOST: _Fold._node_lost,
}
