"""The robots' calls in the hotline's database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.store import load_events
from calls.timeline import fold
from hotline.simulate.ends import Caller, caller
from hotline.simulate.positions import Place

BATCH = 500
# Hidden numbers are the robots' too, as far as anybody can tell: real callers come by no test endpoint.
_MINE = (
    " FROM calls c WHERE c.via = 'test' AND c.arrived_at >= :since"
    " AND (c.caller_e164 IS NULL OR c.caller_e164 = ANY(CAST(:numbers AS text[])))"
)
_STATE = text(
    "SELECT count(*) AS calls, count(*) FILTER (WHERE c.ended_at IS NULL)"
    " + (SELECT count(*) FROM calls o WHERE o.via = 'place' AND o.ended_at IS NULL AND o.arrived_at >= :since) AS open"
    f"{_MINE}"
)
_LIVE = text(
    "SELECT count(*) FROM line_places WHERE number = ANY(CAST(:numbers AS text[])) AND state IN ('waiting', 'ringing')"
)
_CALLERS = text(
    "SELECT c.id, c.caller_e164, c.arrived_at, c.human_at, c.abandoned, c.missed, c.message_file,"
    " (SELECT p.state FROM line_places p WHERE p.call_id = c.id) AS place_state,"
    " (SELECT min(r.human_at) FROM line_places p JOIN line_place_tries t ON t.place_id = p.id"
    "  JOIN calls r ON r.id = t.call_id WHERE p.call_id = c.id) AS back_at,"
    " EXISTS (SELECT 1 FROM missed_callers m WHERE m.number = coalesce((SELECT p.number FROM line_places p"
    f"  WHERE p.call_id = c.id), c.caller_e164) AND m.last_at >= c.arrived_at) AS listed{_MINE}"
    " ORDER BY c.arrived_at, c.id"
)
_PLACES = text(
    "SELECT p.call_id, p.queue, p.joined_at, p.asked_at, p.ended_at, array_remove(array_agg(t.call_id), NULL) AS rung,"
    " min(r.human_at) AS back_at, max(r.ended_at) AS gone_at FROM line_places p"
    " LEFT JOIN line_place_tries t ON t.place_id = p.id LEFT JOIN calls r ON r.id = t.call_id"
    " WHERE p.joined_at >= :since GROUP BY p.id"
)


async def written(connection: AsyncConnection, since: datetime, numbers: Sequence[str]) -> tuple[int, int]:
    """How many of the robots' calls are there, and how many, with those for places in line, have not ended."""
    row = (await connection.execute(_STATE, {"since": since, "numbers": list(numbers)})).one()
    return row.calls, row.open


async def live_places(connection: AsyncConnection, numbers: Sequence[str]) -> int:
    return int(await connection.scalar(_LIVE, {"numbers": list(numbers)}) or 0)


async def callers(connection: AsyncConnection, since: datetime, numbers: Sequence[str]) -> list[Caller]:
    """In the order of their calls."""
    found = await connection.execute(_CALLERS, {"since": since, "numbers": list(numbers)})
    rows = [dict(row._mapping) for row in found]
    queued = await _queued(connection, (row["id"] for row in rows))
    return [caller(row, queued.get(row["id"])) for row in rows]


async def places(connection: AsyncConnection, since: datetime) -> list[Place]:
    """Everybody's, not the robots' alone: whoever is ahead counts."""
    found = []
    for row in await connection.execute(_PLACES, {"since": since}):
        # Until an agent is there, he hangs up in line once more, or is not rung any more.
        until = None if row.ended_at is None else row.back_at or row.gone_at or row.ended_at
        place = Place(
            call=row.call_id,
            queue=row.queue,
            joined_at=row.joined_at.timestamp(),
            asked_at=row.asked_at.timestamp(),
            until=None if until is None else until.timestamp(),
            rung=frozenset(row.rung),
        )
        found.append(place)
    return found


async def _queued(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    ids = list(ids)
    for begin in range(0, len(ids), BATCH):
        for id, events in (await load_events(connection, ids[begin : begin + BATCH])).items():
            call = fold(id, events)
            moments = [entry.at for entry in call.timeline if entry.what == "queued"] if call is not None else []
            if moments:
                found[id] = datetime.fromtimestamp(min(moments), UTC)
    return found
