"""What is asked of Asterisk for the call at a seat, and when nothing can be. Pure: rows in, commands out.

A consultation is Asterisk's attended transfer: a ``Local`` channel to ``[agent-transfer]`` whose first half the agent
talks with. Its steps are feature codes (``features.conf``), played to Asterisk as if they came from the telephone, so
that a desk telephone and a page do the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routing.live import ChannelRow
from routing.seat import Doing, Seat, Target, TargetKind, TelephoneFault

TRANSFER = "agent-transfer"
"""The context of targets (``extensions.conf``)."""
LISTEN_IN, AGAIN = "listen-in", "again"
CONSULT_CODE = "0"
"""In that context: goes to the target that the variable ``CONSULT_TO`` names. A transfer is begun by keys, and a queue
or a unit has none."""
_FEATURE = {Doing.COMPLETE: ("*", "4"), Doing.CONFERENCE: ("*", "3"), Doing.SWAP: ("*", "5")}
_CONFIRMED_BY = {Doing.COMPLETE: "AttendedTransfer", Doing.CONFERENCE: "AttendedTransfer", Doing.SWAP: "BridgeEnter"}
_AT_PHONE = {Doing.ANSWER: "接听", Doing.HOLD: "保持", Doing.RESUME: "恢复通话"}


@dataclass(frozen=True, slots=True)
class Command:
    """One action of the manager interface, sent once. ``events``: with these values in them and in this order they say
    that it has happened; none: the response says so."""

    action: str
    fields: Mapping[str, str]
    events: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeatCall:
    """``call_id``: as the log names the call. ``others``: the channels in the same bridge. ``consult``: the agent's
    half of a consultation under way, or empty. ``consulted``: it is a colleague's that is talked in."""

    channel: str
    call_id: str
    up: bool
    others: tuple[str, ...]
    consult: str = ""
    consulted: bool = False


def find_call(rows: Sequence[ChannelRow], extension: str) -> SeatCall:
    """The one call at this telephone. Raises TelephoneFault ``no_call``, ``several_calls``."""
    mine = [row for row in rows if row.channel.startswith(f"PJSIP/{extension}-")]
    if not mine:
        raise TelephoneFault("no_call", "席位上没有通话")
    if len(mine) > 1:
        raise TelephoneFault("several_calls", "话机上有多个通话，请在话机上操作")
    (own,) = mine
    beside = [row for row in rows if own.bridge_id and row.bridge_id == own.bridge_id and row is not own]
    consulted = any(_is_local(row, ";2") for row in beside)
    halves = [row for row in rows if row.call_id == own.call_id and _is_local(row, ";1")]
    if len(halves) > 1:
        # A colleague who is consulted consults another: mine is the one that I talk with.
        halves = [row for row in halves if row in beside]
    consult = halves[0].channel if halves and not consulted else ""
    return SeatCall(
        own.channel, own.call_id, own.state == "Up", tuple(row.channel for row in beside), consult, consulted
    )


def plan(call: SeatCall, seat: Seat, do: Doing, target: Target | None) -> list[Command]:
    """The commands, in order; the next is sent once the one before has happened. Raises TelephoneFault."""
    if do in _AT_PHONE:
        where = "页面的电话上" if seat.phone == "browser" else "话机上"
        raise TelephoneFault("at_phone", f"请在{where}{_AT_PHONE[do]}")
    if do is Doing.HANGUP:
        # As if the telephone had done it: the record of the call says who hung up.
        source = _set(call, "CHANNEL(hangupsource)", call.channel)
        return [source, _command(call, "Hangup", {"Cause": "16"}, ["Hangup"], Channel=call.channel)]
    if not call.up:
        raise TelephoneFault("not_now", "电话还没有接通")
    if do in (Doing.MUTE, Doing.UNMUTE):
        return [_set(call, "MUTEAUDIO(in)", "on" if do is Doing.MUTE else "off")]
    if target is not None:
        return _begin(call, do, target)
    if not call.consult:
        raise TelephoneFault("not_now", "没有正在进行的咨询")
    if do is Doing.CANCEL:
        return _cancel(call)
    return _feature(call, do)


def left_behind(call: SeatCall) -> str:
    """The channel that the seat's new telephone takes on, or of a call of three joins: of those who are there, the one
    who was first. Raises TelephoneFault."""
    # Who was consulted and joined is for a moment there by way of the consultation's own half.
    apart = call.consult and (call.consult not in call.others or len(call.others) == 1)
    if not call.up or len(call.others) not in (1, 2) or apart or call.consulted:
        raise TelephoneFault("not_now", "这个通话不能在新的页面上继续")
    return min(call.others, key=lambda one: (one == call.consult, _made(one)))


def _made(channel: str) -> str:
    """Channels are numbered as they are made."""
    return channel.rpartition("-")[2]


def _begin(call: SeatCall, do: Doing, target: Target) -> list[Command]:
    commands = []
    if call.consult:
        if target.kind is not TargetKind.EMERGENCY:
            raise TelephoneFault("not_now", "正在咨询，请先完成或取消")
        if do is Doing.CONSULT and call.consult.startswith(f"Local/{target.id}@"):
            # Asked twice: by keys, too, when the answer was waited for in vain. No centre is hung up on for that.
            return []
        # Nobody has to think of that first.
        commands += _cancel(call)
    elif not call.others:
        raise TelephoneFault("not_now", "没有可以转接的对方")
    exten = f"unit-{target.id}" if target.kind is TargetKind.UNIT else target.id
    if target.kind is TargetKind.UNIT:
        whose = call.others[0] if do is Doing.TRANSFER else call.channel
        value = f"{exten}:{target.number}"
        commands.append(Command("Setvar", {"Channel": whose, "Variable": "__UNIT_DIALLED", "Value": value}))
    if do is Doing.TRANSFER:
        fields = {"Context": TRANSFER, "Exten": exten}
        return [*commands, _command(call, "BlindTransfer", fields, ["BlindTransfer"], TransfererChannel=call.channel)]
    if not exten.isdigit():
        commands.append(_set(call, "__CONSULT_TO", exten))
        exten = CONSULT_CODE
    fields = {"Context": TRANSFER, "Exten": exten}
    return [*commands, _command(call, "Atxfer", fields, ["Newchannel"], Linkedid=call.call_id, Exten=exten)]


def _cancel(call: SeatCall) -> list[Command]:
    """Half a second after the agent is with the other side again: until then Asterisk plays the agent its
    ``xferfailsound`` and loses keys. Of one who had swapped it would not tell when that is over."""
    swapped = bool(call.others) and call.consult not in call.others
    back = _feature(call, Doing.SWAP) if swapped else []
    return [*back, _command(call, "CancelAtxfer", {}, ["BridgeEnter", "NewConnectedLine"], Channel=call.channel)]


def _feature(call: SeatCall, do: Doing) -> list[Command]:
    star, key = _FEATURE[do]
    values = {"Channel" if do is Doing.SWAP else "OrigTransfererChannel": call.channel}
    return [_key(call, star), _key(call, key, [_CONFIRMED_BY[do]], values)]


def _key(call: SeatCall, digit: str, events: Sequence[str] = (), values: Mapping[str, str] | None = None) -> Command:
    fields = {"Digit": digit, "Duration": "100", "Receive": "true"}
    return _command(call, "PlayDTMF", fields, events, **(values or {}))


def _set(call: SeatCall, variable: str, value: str) -> Command:
    return _command(call, "Setvar", {"Variable": variable, "Value": value})


def _command(
    call: SeatCall, action: str, fields: Mapping[str, str], events: Sequence[str] = (), **values: str
) -> Command:
    return Command(action, {"Channel": call.channel, **fields}, events, values)


def _is_local(row: ChannelRow, half: str) -> bool:
    name = row.channel
    return name.startswith("Local/") and f"@{TRANSFER}-" in name and name.endswith(half)


def agent_in(rows: Sequence[ChannelRow], call_id: str, extensions: Sequence[str]) -> tuple[str, str]:
    """Extension and channel of the agent who talks in this call: of several, the one who was there first. Raises
    TelephoneFault ``no_agent``."""
    talking = [row for row in rows if row.call_id == call_id and row.bridge_id and row.state == "Up"]
    for row in sorted(talking, key=lambda row: _made(row.channel)):
        extension = row.channel.removeprefix("PJSIP/").rpartition("-")[0]
        if row.channel.startswith("PJSIP/") and extension in extensions:
            return extension, row.channel
    raise TelephoneFault("no_agent", "这个通话没有座席在接听，或已结束")
