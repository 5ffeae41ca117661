"""Numbers that are not to be rung: of those who asked for it, and those whom an official put there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.faults import CallbackFault
from callback.tables import do_not_call
from routing.number import normalise


@dataclass(frozen=True, slots=True)
class Entry:
    """``number``: E.164. ``by``: who put it there, ``callback`` for the citizen himself."""

    number: str
    reason: str
    by: str
    at: datetime


async def add(connection: AsyncConnection, number: str, reason: str, by: str, at: datetime) -> bool:
    """Whether it was new; the first reason stays. ``number`` in E.164: raises CallbackFault ``number`` for another."""
    if normalise(number).e164 != number:
        raise CallbackFault("number", "号码须为国际格式，如 +8613900000001")
    row = {"number": number, "reason": reason, "by": by, "at": at}
    made = insert(do_not_call).values(row).on_conflict_do_nothing(index_elements=["number"])
    return (await connection.execute(made.returning(do_not_call.c.number))).one_or_none() is not None


async def remove(connection: AsyncConnection, number: str) -> bool:
    """Whether it was there."""
    return (await connection.execute(delete(do_not_call).where(do_not_call.c.number == number))).rowcount > 0


async def contains(connection: AsyncConnection, number: str) -> bool:
    found = select(do_not_call.c.number).where(do_not_call.c.number == number)
    return (await connection.execute(found)).one_or_none() is not None


async def page(connection: AsyncConnection, after: str = "", limit: int = 100) -> list[Entry]:
    """In the order of the numbers, from behind ``after``."""
    query = select(do_not_call).where(do_not_call.c.number > after).order_by(do_not_call.c.number).limit(limit)
    return [Entry(row.number, row.reason, row.by, row.at) for row in await connection.execute(query)]
