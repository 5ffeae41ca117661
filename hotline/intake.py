"""What follows from a call: its ticket (工单) and its alerts. Pure decisions; the reader writes them down."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from calls.alerts import Alert
from calls.record import Call
from calls.store import Caller
from routing.number import normalise
from tickets.store import Received

CATEGORY_NAMES = {
    "consultation": "咨询",
    "help": "求助",
    "complaint": "投诉",
    "report": "举报",
    "suggestion": "建议",
    "other": "其他",
}


@lru_cache(maxsize=4096)
def caller_of(number: str, presentation: str) -> Caller:
    known = normalise(number, presentation)
    return Caller(known.display, known.e164, known.kind)


def request_of(call: Call, caller: Caller) -> Received | None:
    """The ticket of a call that states a wish, an emergency or a message, or waits in a queue; else None."""
    if not call.wish:
        return None
    return Received(
        call_id=call.id,
        # The arrival, not the moment of the wish: it does not depend on which of the two streams was read first.
        received_at=datetime.fromtimestamp(call.arrived_at, UTC),
        category=call.category or "other",
        urgent=bool(call.emergency),
        caller=caller.display,
        caller_e164=caller.e164,
        keyed=call.keys,
        summary=summary_of(call),
    )


def summary_of(call: Call) -> str:
    """A draft for the agent, e.g. ``来电按键1 咨询``."""
    category = CATEGORY_NAMES[call.category or "other"]
    parts = []
    if call.via == "emergency":
        parts.append("应急中心转来")
    if call.keys:
        parts.append(f"来电按键{call.keys}")
    elif call.via != "emergency":
        parts.append("来电未按键")
    parts.append(f"紧急求助{call.emergency}" if call.emergency else category)
    if call.emergency_failed:
        parts.append("应急线路未接通")
    if call.message_file:
        parts.append("有语音留言")
    if call.abandoned:
        parts.append("排队中挂断，待回拨")
    elif call.missed:
        parts.append("未接通人工，待回拨")
    return " ".join(parts)


def alerts_of(call: Call, caller: Caller) -> list[Alert]:
    found = []
    if call.emergency:
        words = f"{caller.display or '未知号码'} 来电紧急求助 {call.emergency}"
        found.append(Alert("emergency", call.id, words, call.id, {"service": call.emergency, "caller": caller.display}))
    for entry in call.timeline:
        if entry.what == "emergency_trunk" and entry.detail.get("status") != "ANSWER":
            trunk, status = entry.detail.get("trunk", ""), entry.detail.get("status", "")
            service = entry.detail.get("service", "")
            words = f"应急线路 {trunk} 呼叫 {service} 失败：{status}"
            data = {"service": service, "trunk": trunk, "status": status}
            found.append(Alert("emergency_trunk", f"{call.id}/{service}/{trunk}", words, call.id, data))
    if call.emergency_failed:
        words = f"{caller.display or '未知号码'} 的紧急求助 {call.emergency} 全部线路未接通，已转应急队列"
        found.append(Alert("emergency_failed", call.id, words, call.id, {"service": call.emergency}))
    return found
