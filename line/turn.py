"""Whose turn it is of those who kept a place in line, and where in the queue they stand. Pure.

A place is a channel in the real queue that no telephone ever rings for (a *hold*, asterisk_conf/extensions.conf.j2,
[place-hold]): so Asterisk's own positions count it, and it keeps one free agent from those behind it. It is time to
ring the person when an agent would be free for the hold. That is found as Asterisk will do it: heavier queues first,
each queue in its order, each caller one member; a caller whose telephone is about to be answered has one already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calls.placed import CALLS, held_for, is_hold
from line.words import PlaceState, TryOutcome
from routing.live import MemberRow, QueueStatus, WaitingRow
from routing.queues import Queue

AGAIN = timedelta(seconds=3)
"""Until somebody who did not answer is rung again."""
LONGEST = timedelta(hours=4)
"""Who joined longer ago is on the list of the missed: nobody wants to be rung in the middle of the night."""
_FREE, _RINGING, _AWAY = (0, 1), (6, 7), (4, 5)
"""Asterisk's device states: unknown, not in use; ringing, ringing while in use; invalid, unavailable."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A live place. ``call_id``: of the call that it was asked for in."""

    id: int
    call_id: str
    queue: str
    number: str
    joined_at: datetime
    state: PlaceState
    tries: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """Asterisk at one moment. ``live``: ids of all channels. ``queues``: the rules. ``tried``: the place, by id of a
    call to whoever kept it."""

    status: QueueStatus
    live: frozenset[str]
    queues: Mapping[str, Queue]
    tried: Mapping[str, Waiting]
    now: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """To be made. ``position``: in the queue, from 1."""

    place: Waiting
    position: int


@dataclass(frozen=True, slots=True)
class Move:
    """To the end of another queue, as a caller who waited as long. ``channel``: what holds it now."""

    place: Waiting
    queue: str
    channel: str


@dataclass(frozen=True, slots=True)
class Steps:
    """``drop``: channels that hold a place which is none. ``ring``: with the position of the hold."""

    move: tuple[Move, ...] = ()
    drop: tuple[str, ...] = ()
    make: tuple[Hold, ...] = ()
    ring: tuple[Hold, ...] = ()


def steps(places: Iterable[Waiting], exchange: Exchange) -> Steps:
    """``places``: all live ones. A hold of a call that is not known (yet) is left alone: see :func:`unknown_holds`."""
    by_call = {one.call_id: one for one in (*on_the_line(exchange), *places)}
    drop: list[str] = []
    move: list[Move] = []
    held: dict[str, WaitingRow] = {}
    for entry in _in_order(exchange.status.waiting):
        call_id = held_for(entry.channel) if is_hold(entry.channel) else ""
        place = by_call.get(call_id)
        if place is not None and (call_id in held or entry.queue != place.queue):
            drop.append(entry.channel)
        elif place is not None:
            held[call_id] = entry
            if to := _overflows(place, exchange):
                move.append(Move(place, to, entry.channel))
    missing = [one for one in by_call.values() if one.call_id not in held and _is_to_be_held(one, exchange)]
    served = _served(by_call, exchange)
    ring = [
        Hold(place, held[call_id].position)
        for call_id, place in by_call.items()
        if call_id in served.difference(one.place.call_id for one in move)
        and call_id in held
        and place.state is PlaceState.WAITING
        and place.next_at <= exchange.now
        # He has not hung up yet.
        and call_id not in exchange.live
    ]
    return Steps(tuple(move), tuple(drop), tuple(_made(missing, by_call, exchange)), tuple(ring))


def on_the_line(exchange: Exchange) -> list[Waiting]:
    """Places of those who have answered: each is held until he stands in the queue himself."""
    return [one for call_id, one in exchange.tried.items() if call_id in exchange.live]


def unknown_holds(places: Iterable[Waiting], status: QueueStatus) -> dict[str, str]:
    """Channels that hold a place of none of ``places``, and for which call."""
    known = {one.call_id for one in places}
    found = {entry.channel: held_for(entry.channel) for entry in status.waiting if is_hold(entry.channel)}
    return {channel: call_id for channel, call_id in found.items() if call_id not in known}


def after(outcome: TryOutcome, tries: int, allowed: int) -> PlaceState:
    """What becomes of a place after it was rung so many times, this one counted."""
    if outcome is TryOutcome.ANSWERED:
        return PlaceState.SERVED
    if outcome is TryOutcome.NOT_DIALLED or tries < allowed:
        return PlaceState.WAITING
    return PlaceState.GIVEN_UP


def _is_to_be_held(place: Waiting, exchange: Exchange) -> bool:
    """Whoever is being rung is held already, or, if he has answered, stands in the queue himself."""
    return place.state is PlaceState.WAITING and not any(
        call_id in exchange.live and one.id == place.id for call_id, one in exchange.tried.items()
    )


def _made(missing: Sequence[Waiting], by_call: Mapping[str, Waiting], exchange: Exchange) -> Iterator[Hold]:
    """At one more than those who joined earlier and still wait."""
    joined: dict[str, list[datetime]] = {}
    for entry in _in_order(exchange.status.waiting):
        joined.setdefault(entry.queue, []).append(_joined_at(entry, by_call, exchange))
    for place in sorted(missing, key=lambda one: (one.joined_at, one.id)):
        line = joined.setdefault(place.queue, [])
        position = 1 + sum(at <= place.joined_at for at in line)
        line.append(place.joined_at)
        yield Hold(place, position)


def _joined_at(entry: WaitingRow, by_call: Mapping[str, Waiting], exchange: Exchange) -> datetime:
    mine = is_hold(entry.channel)
    place = by_call.get(held_for(entry.channel)) if mine else exchange.tried.get(entry.call_id)
    if place is not None:
        return place.joined_at
    return exchange.now - timedelta(seconds=entry.wait_seconds)


def _served(by_call: Mapping[str, Waiting], exchange: Exchange) -> set[str]:
    """Calls whose holds would get an agent at this moment."""
    status = exchange.status
    weight = {row.queue: row.weight for row in status.queues}
    lines: dict[str, list[WaitingRow]] = {}
    for entry in _in_order(status.waiting):
        if not is_hold(entry.channel) or held_for(entry.channel) in by_call:
            lines.setdefault(entry.queue, []).append(entry)
    taken: set[str] = set()
    served: set[str] = set()
    while any(lines.values()):
        heads = [line[0] for line in lines.values() if line]
        entry = min(heads, key=lambda one: (-weight.get(one.queue, 0), -one.wait_seconds, one.queue))
        lines[entry.queue].pop(0)
        hold = is_hold(entry.channel)
        member = _member_for(entry, hold, taken, exchange)
        if member is not None:
            taken.add(member.interface)
            if hold:
                served.add(held_for(entry.channel))
    return served


def _member_for(entry: WaitingRow, hold: bool, taken: set[str], exchange: Exchange) -> MemberRow | None:
    mine = [one for one in exchange.status.members if one.queue == entry.queue and one.interface not in taken]
    ringing = [] if hold else [one for one in mine if one.status in _RINGING]
    free = [one for one in mine if _is_free(one, exchange)]
    best = sorted(ringing, key=lambda one: one.penalty) + sorted(free, key=lambda one: one.penalty)
    return best[0] if best else None


def _is_free(member: MemberRow, exchange: Exchange) -> bool:
    if member.status not in _FREE or member.paused or member.in_call:
        return False
    over = datetime.fromtimestamp(member.last_call + _wrapup(member, exchange), UTC)
    return member.last_call == 0 or over <= exchange.now


def _wrapup(member: MemberRow, exchange: Exchange) -> int:
    queue = exchange.queues.get(member.queue)
    return 0 if queue is None else queue.wrapup_seconds


def _overflows(place: Waiting, exchange: Exchange) -> str:
    """Into which queue; empty: not yet, or there is none."""
    queue = exchange.queues.get(place.queue)
    if queue is None or place.state is not PlaceState.WAITING or queue.then not in exchange.queues:
        return ""
    logged = any(one.queue == place.queue and one.status not in _AWAY for one in exchange.status.members)
    longest = queue.max_wait_seconds if logged else queue.empty_wait_seconds
    return queue.then if exchange.now - place.joined_at >= timedelta(seconds=longest) else ""


def _in_order(entries: Iterable[WaitingRow]) -> list[WaitingRow]:
    return sorted(entries, key=lambda one: (one.queue, one.position))


def is_ours(call_id: str) -> bool:
    """A call of ours to somebody who kept a place."""
    return call_id.startswith(CALLS)
