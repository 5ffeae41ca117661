"""What Asterisk says is so now, as typed rows, and the few things we tell it to do with queues and channels."""

from __future__ import annotations

from dataclasses import dataclass

from routing.ami import Ami, Event

NOT_REACHABLE = ("UNAVAILABLE", "INVALID", "UNKNOWN", "")
"""States of a device that no call would be sent to."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    queue: str
    strategy: str
    waiting: int
    hold_seconds: int
    """Asterisk's moving average of the wait."""
    completed: int
    abandoned: int
    weight: int = 0


@dataclass(frozen=True, slots=True)
class MemberRow:
    queue: str
    interface: str
    name: str
    penalty: int
    paused: bool
    paused_reason: str
    in_call: bool
    status: int
    """Asterisk's device state: 1 not in use, 2 in use, 3 busy, 5 unavailable, 6 ringing, 8 on hold."""
    calls_taken: int
    last_call: int = 0
    """Epoch seconds at which the last one ended; 0: none."""


@dataclass(frozen=True, slots=True)
class WaitingRow:
    queue: str
    position: int
    channel: str
    call_id: str
    caller: str
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class QueueStatus:
    queues: tuple[QueueRow, ...]
    members: tuple[MemberRow, ...]
    waiting: tuple[WaitingRow, ...]


@dataclass(frozen=True, slots=True)
class ChannelRow:
    channel: str
    unique_id: str
    call_id: str
    """The linked id, shared by all channels of one call."""
    state: str
    caller: str
    connected: str
    context: str
    exten: str
    application: str
    bridge_id: str
    duration: str
    """``HH:MM:SS``"""


async def queue_status(ami: Ami, queue: str = "") -> QueueStatus:
    """Queues, members and waiting callers, of all queues or of one."""
    events = (await ami.action("QueueStatus", {"Queue": queue} if queue else {})).events
    return QueueStatus(
        tuple(_queue(event) for event in events if event["Event"] == "QueueParams"),
        tuple(_member(event) for event in events if event["Event"] == "QueueMember"),
        tuple(_waiting(event) for event in events if event["Event"] == "QueueEntry"),
    )


async def channels(ami: Ami) -> tuple[ChannelRow, ...]:
    """Every channel there is."""
    events = (await ami.action("CoreShowChannels")).events
    return tuple(_channel(event) for event in events if event["Event"] == "CoreShowChannel")


async def is_reachable(ami: Ami, endpoint: str) -> bool:
    """Whether Asterisk would send a call there: the other side answers OPTIONS, or is not asked by them."""
    return await device_state(ami, endpoint) not in NOT_REACHABLE


async def device_state(ami: Ami, endpoint: str) -> str:
    """Asterisk's word: ``NOT_INUSE``, ``INUSE``, ``RINGING``, ``ONHOLD``, ``UNAVAILABLE``, …"""
    reply = await ami.action("Getvar", {"Variable": f"DEVICE_STATE(PJSIP/{endpoint})"})
    return reply.response.get("Value", "")


async def queue_add(
    ami: Ami, queue: str, interface: str, *, penalty: int = 0, member_name: str = "", paused: bool = False
) -> None:
    """Add a member; refused if it is one already."""
    await ami.action(
        "QueueAdd",
        {
            "Queue": queue,
            "Interface": interface,
            "Penalty": str(penalty),
            "Paused": _flag(paused),
            "MemberName": member_name,
        },
    )


async def hang_up(ami: Ami, channel: str) -> None:
    await ami.action("Hangup", {"Channel": channel})


async def queue_remove(ami: Ami, queue: str, interface: str) -> None:
    await ami.action("QueueRemove", {"Queue": queue, "Interface": interface})


async def queue_pause(ami: Ami, interface: str, paused: bool, *, reason: str = "", queue: str = "") -> None:
    """Pause or unpause a member, in every queue or in one."""
    fields = {"Interface": interface, "Paused": _flag(paused), "Reason": reason}
    await ami.action("QueuePause", fields | ({"Queue": queue} if queue else {}))


async def stop_mixmonitor(ami: Ami, channel: str) -> None:
    """End the recording of a channel."""
    await ami.action("StopMixMonitor", {"Channel": channel})


def _queue(event: Event) -> QueueRow:
    return QueueRow(
        event.get("Queue", ""),
        event.get("Strategy", ""),
        _int(event, "Calls"),
        _int(event, "Holdtime"),
        _int(event, "Completed"),
        _int(event, "Abandoned"),
        _int(event, "Weight"),
    )


def _member(event: Event) -> MemberRow:
    return MemberRow(
        event.get("Queue", ""),
        event.get("Location") or event.get("Interface", ""),
        event.get("Name", ""),
        _int(event, "Penalty"),
        event.get("Paused") == "1",
        event.get("PausedReason", ""),
        event.get("InCall") == "1",
        _int(event, "Status"),
        _int(event, "CallsTaken"),
        _int(event, "LastCall"),
    )


def _waiting(event: Event) -> WaitingRow:
    return WaitingRow(
        event.get("Queue", ""),
        _int(event, "Position"),
        event.get("Channel", ""),
        event.get("Uniqueid", ""),
        event.get("CallerIDNum", ""),
        _int(event, "Wait"),
    )


def _channel(event: Event) -> ChannelRow:
    return ChannelRow(
        event.get("Channel", ""),
        event.get("Uniqueid", ""),
        event.get("Linkedid", ""),
        event.get("ChannelStateDesc", ""),
        event.get("CallerIDNum", ""),
        event.get("ConnectedLineNum", ""),
        event.get("Context", ""),
        event.get("Exten", ""),
        event.get("Application", ""),
        event.get("BridgeId", ""),
        event.get("Duration", ""),
    )


def _int(event: Event, key: str) -> int:
    value = event.get(key, "")
    return int(value) if value.isascii() and value.lstrip("-").isdigit() else 0


def _flag(value: bool) -> str:
    return "true" if value else "false"
