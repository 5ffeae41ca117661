"""Places in line 排队回拨 in the database: whoever asked for one, each time he was rung, and what came of it. All
functions work inside the caller's transaction.

What a call says of its place, and what came of ringing, is written in the log reader's transaction; that somebody is
going to be rung, before he is (:func:`claim`). A place is a node's, whose queue it is in and whose dialler rings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, func, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.placed import CALLS
from line import missed
from line.cut import LIVE
from line.tables import line_place_tries, line_places
from line.turn import AGAIN, LONGEST, Waiting, after
from line.words import PlaceState, TryOutcome

_UNSURE = (TryOutcome.NOT_DIALLED, TryOutcome.UNKNOWN)
MOST = 1_000
_p, _t = line_places.c, line_place_tries.c


@dataclass(frozen=True, slots=True)
class Asked:
    """``number``: E.164, one that is rung back (:func:`line.owed.can_be_rung`)."""

    call_id: str
    queue: str
    number: str
    joined_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Try:
    """A call to be made, once."""

    call_id: str
    place: Waiting


@dataclass(frozen=True, slots=True)
class OpenTry:
    """Nobody has said what came of it."""

    call_id: str
    begun_at: datetime


async def keep(connection: AsyncConnection, asked: Asked, node: str = "") -> bool:
    """Whether it is kept: of a number that has an earlier place the earlier one is. Asked for again in the same call,
    with another number, that one is rung."""
    values: dict[str, Any] = {
        "call_id": asked.call_id,
        "queue": asked.queue,
        "number": asked.number,
        "joined_at": asked.joined_at,
        "asked_at": asked.asked_at,
        "next_at": asked.asked_at,
        "node": node,
    }
    made = postgresql.insert(line_places).values(values).on_conflict_do_nothing().returning(_p.id)
    if (await connection.execute(made)).one_or_none() is not None:
        return True
    row = (await connection.execute(select(line_places).where(_p.call_id == asked.call_id))).one_or_none()
    if row is None:
        # Known, so that nobody takes what holds it for one still to come.
        ended = {"state": PlaceState.WITHDRAWN, "ended_at": asked.asked_at}
        await connection.execute(postgresql.insert(line_places).values(values | ended).on_conflict_do_nothing())
        return False
    other = line_places.alias()
    taken = exists().where(other.c.number == asked.number, other.c.state.in_(LIVE), other.c.id != row.id)
    changed = update(line_places).where(_p.id == row.id, _p.number != asked.number, _p.state.in_(LIVE), ~taken)
    await connection.execute(changed.values(number=asked.number))
    return row.state in LIVE


async def leave(connection: AsyncConnection, call_id: str, at: datetime) -> None:
    """The caller goes on waiting on the line."""
    gone = update(line_places).where(_p.call_id == call_id, _p.state.in_(LIVE))
    await connection.execute(gone.values(state=PlaceState.WITHDRAWN, ended_at=at))


async def got_through(connection: AsyncConnection, number: str, call_id: str, at: datetime) -> None:
    """He speaks with somebody in another call than the one in which he asked for his place, or in one of ours."""
    gone = update(line_places).where(_p.number == number, _p.call_id != call_id, _p.state.in_(LIVE), _p.asked_at < at)
    await connection.execute(gone.values(state=PlaceState.WITHDRAWN, ended_at=at))


async def live(connection: AsyncConnection, node: str = "") -> list[Waiting]:
    query = select(line_places).where(_p.state.in_(LIVE), _p.node == node).order_by(_p.joined_at, _p.id).limit(MOST)
    return [_waiting(row) for row in await connection.execute(query)]


async def known(connection: AsyncConnection, call_ids: Iterable[str]) -> set[str]:
    """Those of these calls in which a place was asked for, whatever has become of it."""
    query = select(_p.call_id).where(_p.call_id.in_(list(call_ids)))
    return set((await connection.scalars(query)).all())


async def tried(connection: AsyncConnection, now: datetime, node: str = "") -> dict[str, Waiting]:
    """Whose place each call of the last hours was for, by the call's id; also of those who were reached."""
    joined = line_place_tries.join(line_places, _p.id == _t.place_id)
    query = select(line_places, _t.call_id.label("rung_as")).select_from(joined)
    newest = select(func.max(_t.id)).scalar_subquery()
    recent = query.where(_t.id > newest - MOST, _t.begun_at > now - LONGEST, _p.node == node)
    return {row.rung_as: _waiting(row) for row in await connection.execute(recent)}


async def open_tries(connection: AsyncConnection, node: str = "") -> list[OpenTry]:
    joined = line_place_tries.join(line_places, _p.id == _t.place_id)
    query = select(_t.call_id, _t.begun_at).select_from(joined).where(_t.outcome == "", _p.node == node)
    return [OpenTry(row.call_id, row.begun_at) for row in await connection.execute(query.order_by(_t.id).limit(MOST))]


async def claim(connection: AsyncConnection, place_id: int, now: datetime) -> Try | None:
    """None: it is not to be rung any more, or somebody else rings."""
    due = update(line_places).where(_p.id == place_id, _p.state == PlaceState.WAITING, _p.next_at <= now)
    ringing = due.values(state=PlaceState.RINGING, tries=_p.tries + 1).returning(line_places)
    row = (await connection.execute(ringing)).one_or_none()
    if row is None:
        return None
    id = await connection.scalar(text("SELECT nextval(pg_get_serial_sequence('line_place_tries', 'id'))"))
    call_id = f"{CALLS}{int(now.timestamp())}.{id}"
    made = insert(line_place_tries).values(id=id, place_id=place_id, call_id=call_id, begun_at=now)
    await connection.execute(made)
    return Try(call_id, _waiting(row))


async def note_outcome(
    connection: AsyncConnection,
    call_id: str,
    outcome: TryOutcome,
    allowed: int,
    now: datetime,
    answered_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> None:
    """Once; but where nobody could tell, what Asterisk's log says later still counts. Nothing happens for a call that
    is none of ours. ``allowed``: how often one is rung."""
    tries = line_place_tries
    await connection.execute(
        update(tries).where(_t.call_id == call_id, _t.ended_at.is_(None)).values(ended_at=ended_at)
    )
    unsure = [] if outcome in _UNSURE else [one.value for one in _UNSURE]
    noted = update(tries).where(_t.call_id == call_id, _t.outcome.in_(["", *unsure]))
    row = (
        await connection.execute(noted.values(outcome=outcome, answered_at=answered_at).returning(_t.id, _t.place_id))
    ).one_or_none()
    if row is None:
        return
    place = (await connection.execute(select(line_places).where(_p.id == row.place_id).with_for_update())).one()
    later = await connection.scalar(select(exists().where(_t.place_id == place.id, _t.id > row.id, _t.outcome == "")))
    reached = outcome is TryOutcome.ANSWERED and place.state == PlaceState.GIVEN_UP
    if later or (place.state not in LIVE and not reached):
        return
    rung = max(0, place.tries - 1) if outcome is TryOutcome.NOT_DIALLED else place.tries
    state = after(outcome, rung, allowed)
    ended = None if state is PlaceState.WAITING else ended_at or now
    changed = update(line_places).where(_p.id == place.id)
    await connection.execute(changed.values(state=state, tries=rung, next_at=now + AGAIN, ended_at=ended))
    if state is PlaceState.GIVEN_UP:
        await missed.owe_places(connection, [place.id])


async def move(connection: AsyncConnection, place_id: int, queue: str) -> bool:
    """Into another queue, unless he is being rung or it is over."""
    moved = update(line_places).where(_p.id == place_id, _p.state == PlaceState.WAITING).values(queue=queue)
    return (await connection.execute(moved)).rowcount == 1


async def give_up(connection: AsyncConnection, place_id: int, now: datetime) -> None:
    """He cannot be rung."""
    await _give_up(connection, _p.id == place_id, now)


async def give_up_old(connection: AsyncConnection, now: datetime, node: str = "") -> int:
    """Whoever joined too long ago, and is not being rung. Returns how many."""
    return await _give_up(connection, (_p.joined_at < now - LONGEST) & (_p.node == node), now)


async def _give_up(connection: AsyncConnection, which: Any, now: datetime) -> int:
    ended = update(line_places).where(which, _p.state == PlaceState.WAITING)
    ids = (await connection.scalars(ended.values(state=PlaceState.GIVEN_UP, ended_at=now).returning(_p.id))).all()
    await missed.owe_places(connection, ids)
    return len(ids)


async def list_places(connection: AsyncConnection, *, limit: int, ended: bool = False) -> list[dict[str, Any]]:
    """The columns of line_places; ``ticket``: the number of its call's; ``rung``: each try. Live ones in order, then,
    if asked for, those that are over, the last first."""
    live_first = _p.state.in_(LIVE)
    query = select(line_places, _TICKET.label("ticket"))
    if not ended:
        query = query.where(live_first)
    late = func.extract("epoch", func.coalesce(_p.ended_at, _p.joined_at))
    rows = await connection.execute(query.order_by(live_first.desc(), _p.ended_at.desc(), late, _p.id).limit(limit))
    found = [dict(row._mapping) | {"rung": []} for row in rows]
    by_id = {row["id"]: row for row in found}
    rung = select(line_place_tries).where(_t.place_id.in_(by_id)).order_by(_t.id)
    for row in await connection.execute(rung):
        by_id[row.place_id]["rung"].append(
            {"call_id": row.call_id, "begun_at": row.begun_at, "answered_at": row.answered_at, "outcome": row.outcome}
        )
    return found


_TICKET: Any = (
    select(text("t.number")).select_from(text("tickets t")).where(text("t.call_id = line_places.call_id")).limit(1)
).scalar_subquery()


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        row.id, row.call_id, row.queue, row.number, row.joined_at, PlaceState(row.state), row.tries, row.next_at
    )
