"""The events of one call folded into its record. Pure: the same set of events gives the same record, in whatever order
and in however many pieces they were read, because they are put in order here first.

CEL tells what happened to the microsecond; queue_log adds what only the queue knows (place in line, ring without
answer, giving up) in whole seconds, so its entries take the time of the CEL event that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable

from calls import placed, surveyed, timeline_channels, timeline_own, timeline_queue
from calls.cel import CelEvent
from calls.entries import SAME_MOMENT, without_channel, without_flicker
from calls.own_queue import of_common_queue
from calls.queue_log import QueueEvent
from calls.record import Call, Entry
from calls.timeline_state import Folding

Event = CelEvent | QueueEvent
BEGINNINGS = ("ARRIVED", "CALLED", "OUTGOING")
"""Our own event at the beginning of a citizen's call, of ours to a citizen once it is answered, and of an agent's to a
citizen when it begins to ring. On the citizen's channel, always."""


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
    arrived_at = min([begun.at, *answers])
    state = Folding(Call(id=call_id, arrived_at=arrived_at), caller=begun.channel, citizen=citizen, last=arrived_at)
    for event in cel:
        _take(state, event)
    timeline_channels.settle_end(state)
    for line in of_common_queue(cel, queue):
        if handler := timeline_queue.HANDLERS.get(line.kind):
            handler(state, line)
    return _result(state)


def _take(state: Folding, event: CelEvent) -> None:
    state.last = event.at
    if event.kind == "USER":
        handler = timeline_own.HANDLERS.get(event.name)
    else:
        handler = timeline_channels.HANDLERS.get(event.kind)
    if handler is not None:
        handler(state, event)


def _result(state: Folding) -> Call:
    call = state.call
    over = call.ended_at is not None
    wanted = call.wish or state.maintenance
    nobody = wanted and call.human_at is None and not call.message_file and call.place is None
    ours = call.via in surveyed.OURS
    if ours or call.via == placed.VIA:  # what it means is for whom it was made for, and there is a ticket already
        call.wish = False
    entries = without_flicker(sorted(state.entries, key=lambda entry: entry.at))
    if call.ended_at is not None:
        last = call.ended_at - SAME_MOMENT
        entries = [one for one in entries if one.what not in ("left", "unheld") or one.at < last]
        hung_up = Entry(call.ended_at, "hung_up", {"by": call.hangup_by})
        after = next((i for i, one in enumerate(entries) if one.at > call.ended_at), len(entries))
        entries.insert(after, hung_up)
    call.timeline = tuple(without_channel(one) for one in entries)
    call.missed = not ours and (call.abandoned or (over and nobody))
    served = call.wish or call.missed or call.decision or any(one.what == "progress" for one in entries)
    call.informed = bool(call.announced) and not served and call.hangup_by == "caller"
    return call
