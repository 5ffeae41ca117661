"""席位: who sits at which telephone. All functions work inside the caller's transaction.

One person a telephone and one telephone a person. Whoever has no session left (expired, disabled) keeps no seat from
others. Which telephones there are, and what Asterisk is told, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from people.faults import PeopleFault
from people.sessions import ABSOLUTE, IDLE
from people.tables import seats, sessions, users


@dataclass(frozen=True, slots=True)
class Taken:
    """``present``: the person is signed in."""

    extension: str
    user_id: int
    name: str
    display_name: str
    taken_at: datetime
    present: bool


async def list_taken(connection: AsyncConnection, now: datetime) -> Sequence[Taken]:
    """By extension."""
    return [_taken(row) for row in await connection.execute(_query(now).order_by(seats.c.extension))]


async def seat_of(connection: AsyncConnection, user_id: int, now: datetime) -> Taken | None:
    row = (await connection.execute(_query(now).where(seats.c.user_id == user_id))).one_or_none()
    return None if row is None else _taken(row)


async def taken_by(connection: AsyncConnection, extension: str, now: datetime) -> Taken | None:
    row = (await connection.execute(_query(now).where(seats.c.extension == extension))).one_or_none()
    return None if row is None else _taken(row)


async def take(connection: AsyncConnection, extension: str, user_id: int, now: datetime) -> Taken | None:
    """Sit down there; who sits there already is left there. Returns whom this takes the place of: somebody who is no
    longer signed in. Raises PeopleFault ``seated`` (elsewhere), ``seat_taken``."""
    mine = await seat_of(connection, user_id, now)
    if mine is not None and mine.extension != extension:
        raise PeopleFault("seated", f"您已在席位 {mine.extension}，请先离席")
    if mine is not None:
        return None
    before = await taken_by(connection, extension, now)
    if before is not None:
        if before.present:
            raise PeopleFault("seat_taken", f"席位 {extension} 正由 {before.display_name} 使用")
        await connection.execute(delete(seats).where(seats.c.extension == extension, seats.c.user_id == before.user_id))
    new = insert(seats).values(extension=extension, user_id=user_id, taken_at=now).on_conflict_do_nothing()
    if (await connection.execute(new.returning(seats.c.extension))).one_or_none() is None:
        raise PeopleFault("seat_taken", f"席位 {extension} 刚被别人使用")
    return before


async def release(connection: AsyncConnection, extension: str, user_id: int) -> bool:
    """Whether this person sat there."""
    done = await connection.execute(
        delete(seats).where(seats.c.extension == extension, seats.c.user_id == user_id).returning(seats.c.extension)
    )
    return done.one_or_none() is not None


def _query(now: datetime) -> Select[Any]:
    alive = exists().where(
        sessions.c.user_id == users.c.id, sessions.c.seen_at > now - IDLE, sessions.c.began_at > now - ABSOLUTE
    )
    present = (users.c.disabled_at.is_(None) & alive).label("present")
    return select(seats, users.c.name, users.c.display_name, present).join(users, users.c.id == seats.c.user_id)


def _taken(row: Any) -> Taken:
    return Taken(row.extension, row.user_id, row.name, row.display_name or row.name, row.taken_at, row.present)
