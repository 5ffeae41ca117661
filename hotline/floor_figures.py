"""What the live floor tells from the database: who sits where, and how the day has gone so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from people.seats import list_taken
from routing.floor_plan import Sitting
from routing.floor_rows import TodayNow

CHINA = ZoneInfo("Asia/Shanghai")
WITHIN_SECONDS = 15
_TODAY = text(
    "SELECT count(*) FILTER (WHERE queue <> '') AS offered,"
    " count(*) FILTER (WHERE queue <> '' AND human_at IS NOT NULL) AS answered,"
    " count(*) FILTER (WHERE queue <> '' AND time_to_human <= :within) AS answered_15s,"
    " count(*) FILTER (WHERE abandoned) AS abandoned,"
    " avg(time_to_human) FILTER (WHERE queue <> '') AS mean_wait,"
    " (SELECT count(*) FROM callback_attempts WHERE freed_at IS NULL) AS callbacks_running,"
    " (SELECT count(*) FROM line_places WHERE state IN ('waiting', 'ringing')) AS places_waiting"
    # Calls of ours are no wish of a citizen's, and who is rung back for a place was counted when it was kept.
    " FROM calls WHERE arrived_at >= :midnight AND via NOT IN ('callback', 'outgoing', 'place')"
)


async def today(connection: AsyncConnection, now: datetime) -> TodayNow:
    """Since midnight in China. The time to a person counts from the answer, menu included."""
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    row = (await connection.execute(_TODAY, {"midnight": midnight, "within": WITHIN_SECONDS})).one()
    mean = None if row.mean_wait is None else round(float(row.mean_wait), 1)
    return TodayNow(**{**row._mapping, "mean_wait": mean})


async def sitting(connection: AsyncConnection, now: datetime) -> Mapping[str, Sitting]:
    """Who is signed in and has a seat, by extension."""
    taken = await list_taken(connection, now)
    return {one.extension: Sitting(one.name, one.display_name or one.name) for one in taken if one.present}
