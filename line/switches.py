"""What a supervisor switches on for the whole line, with a reason and, perhaps, an end. In the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from line.faults import LineFault
from line.tables import line_switches
from line.words import Switch

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class On:
    """A switch that is on. ``until`` None: until it is switched off."""

    reason: str
    by: str
    since: datetime
    until: datetime | None


async def switch_on(
    connection: AsyncConnection, switch: Switch, reason: str, until: datetime | None, by: str, at: datetime
) -> On:
    """Also to give one that is on another reason or end. Raises LineFault ``until``."""
    if until is not None and not at < until <= at + LONGEST:
        raise LineFault("until", f"结束时间须晚于现在，最长 {LONGEST.days} 天；不写则直到关闭")
    values = {"reason": reason, "switched_by": by, "switched_at": at, "until": until}
    new = insert(line_switches).values(name=switch, **values)
    await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    return On(reason, by, at, until)


async def switch_off(connection: AsyncConnection, switch: Switch) -> bool:
    """Whether it was on, or would still be but for its end."""
    return (await connection.execute(delete(line_switches).where(line_switches.c.name == switch))).rowcount > 0


async def find(connection: AsyncConnection, switch: Switch, at: datetime) -> On | None:
    """None: it is off."""
    c = line_switches.c
    query = select(line_switches).where(c.name == switch, or_(c.until.is_(None), c.until > at))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else On(row.reason, row.switched_by, row.switched_at, row.until)
