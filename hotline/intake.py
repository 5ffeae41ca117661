"""What follows from a call: its ticket (工单) and its alerts. Pure decisions; the reader writes them down."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from calls import placed
from calls.alerts import Alert
from calls.record import EMERGENCY_QUEUE, Call
from calls.spoken import SERVICES
from calls.store import Caller
from routing.number import normalise
from tickets.store import Received
from tickets.ticket import key_of

CATEGORY_NAMES = {
    "consultation": "咨询",
    "help": "求助",
    "complaint": "投诉",
    "report": "举报",
    "suggestion": "建议",
    "other": "其他",
}
BY_SPEECH = frozenset({"speech", "spoken", "cancelled", "unclear"})
"""What decided, where words did (ivr/steps.py)."""

_NOBODY = ("hidden", "malformed", "service")


@lru_cache(maxsize=4096)
def caller_of(number: str, presentation: str) -> Caller:
    known = normalise(number, presentation)
    return Caller(known.display, known.e164, known.kind)


def known_as(who: Caller) -> str | None:
    """What tickets know this caller by; None for a number that is nobody's in particular."""
    return None if who.kind in _NOBODY else key_of(who.display, who.e164)


def request_of(call: Call, caller: Caller) -> Received | None:
    """The ticket of a call that states a wish, an emergency or a message, waits in a queue, or was missed for whatever
    reason, so that there is one to ring back about; else None. One of ours has the ticket of what it is about."""
    if not call.wish and (not call.missed or call.via == placed.VIA):
        return None
    return Received(
        call_id=call.id,
        # The arrival, not the moment of the wish: it does not depend on which of the two streams was read first.
        received_at=datetime.fromtimestamp(call.arrived_at, UTC),
        category=call.category or "other",
        urgent=bool(call.emergency) or call.emergency_queue,
        caller=caller.display,
        caller_e164=caller.e164,
        keyed=call.keys,
        summary=summary_of(call),
    )


def summary_of(call: Call) -> str:
    """A draft for the agent, e.g. ``来电按键1 咨询`` or ``来电说（机器识别）“我家停水两天了” 求助``."""
    category = CATEGORY_NAMES[call.category or "other"]
    parts = []
    if call.via == "emergency":
        parts.append("应急中心转来")
    if call.said:
        parts.append(f"来电说（机器识别）“{call.said}”")
    elif call.decided_by in BY_SPEECH:
        parts.append("来电口述")
    if call.keys:
        parts.append(f"按键{call.keys}" if parts else f"来电按键{call.keys}")
    elif not parts:
        parts.append("来电未按键")
    if call.emergency:
        parts.append(f"紧急求助{call.emergency}")
        if call.cancelled:
            parts.append("主叫取消")
    else:
        parts.append(f"紧急{category}" if call.emergency_queue else category)
    if call.emergency_failed:
        parts.append("应急线路未接通")
    if call.message_file:
        parts.append("有语音留言")
    if call.place is not None:
        parts.append("保留排队位置，等候回电")
    if call.abandoned:
        parts.append("排队中挂断，待回拨")
    elif call.missed:
        parts.append("未接通人工，待回拨")
    return " ".join(parts)


def alerts_of(call: Call, caller: Caller) -> list[Alert]:
    """Each service asked for is an alert of its own; so is the emergency queue, unless a service led there."""
    found: dict[tuple[str, str], Alert] = {}
    who = caller.display or "未知号码"
    services: set[str] = set()

    def say(kind: str, about: str, words: str, data: dict[str, str]) -> None:
        alert = Alert(kind, f"{call.id}/{about}", words, call.id, data)
        found.setdefault((alert.kind, alert.key), alert)

    for entry in call.timeline:
        service = entry.detail.get("service", "")
        match entry.what:
            case "emergency" | "added" if service in SERVICES:
                services.add(service)
                words = f"{who} 来电紧急求助 {service}"
                say("emergency", service, words, {"service": service, "caller": caller.display})
            case "decided" | "queued" if not services and EMERGENCY_QUEUE in (
                entry.detail.get("to"),
                entry.detail.get("queue"),
            ):
                say("emergency", EMERGENCY_QUEUE, f"{who} 紧急来电，已转应急队列", {"caller": caller.display})
            case "emergency_trunk" if entry.detail.get("status") != "ANSWER":
                trunk, status = entry.detail.get("trunk", ""), entry.detail.get("status", "")
                words = f"应急线路 {trunk} 呼叫 {service} 失败：{status}"
                say(
                    "emergency_trunk",
                    f"{service}/{trunk}",
                    words,
                    {"service": service, "trunk": trunk, "status": status},
                )
            case "emergency_failed":
                words = f"{who} 的紧急求助 {service} 全部线路未接通，须人工处置"
                say("emergency_failed", service, words, {"service": service})
    return list(found.values())
