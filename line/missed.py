"""漏接: who was missed and is owed a call, one row a person. All functions work inside the caller's transaction.

The rows are made in the log reader's transaction, of what :mod:`line.owed` decides, and may be made of the same calls
again: what was missed no later than a row of that number says is known. People take a row before they ring, so that
nobody is rung by two; one that was taken and came to nothing is free again after :data:`TAKEN_FOR`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from line.faults import LineFault
from line.owed import Settled
from line.words import MissedEnd, PlaceState

TAKEN_FOR = timedelta(minutes=10)
"""Whoever took a row has so long to ring."""


@dataclass(frozen=True, slots=True)
class Missed:
    """``calls``: how many were missed, of which ``call_id`` is the last; ``ticket``: that call's, if it has one.
    ``place``: he also waits to be called back in line."""

    id: int
    number: str
    call_id: str
    calls: int
    first_at: datetime
    last_at: datetime
    ended: str
    ended_at: datetime | None
    ended_by: str
    taken_by: str
    taken_at: datetime | None
    ticket: str | None
    place: bool

    def taken(self, now: datetime) -> bool:
        return self.taken_at is not None and now < self.taken_at + TAKEN_FOR

    @property
    def about(self) -> str:
        """The ticket that whoever rings talks about. Raises LineFault ``no_ticket``."""
        if self.ticket is None:
            raise LineFault("no_ticket", f"漏接清单 {self.id} 号的来电没有工单")
        return self.ticket


# One row of a number at a time, however many of its calls a step of the reader brings.
_OWE = """
WITH found AS ({found}), new AS (
    SELECT number, (array_agg(call_id ORDER BY at DESC, call_id DESC))[1] AS call_id, count(*)::int4 AS calls,
        min(at) AS first_at, max(at) AS last_at
    FROM found f WHERE NOT EXISTS (SELECT 1 FROM missed_callers k WHERE k.number = f.number AND k.last_at >= f.at)
    GROUP BY number ORDER BY number)
INSERT INTO missed_callers AS m (number, call_id, calls, first_at, last_at)
SELECT number, call_id, calls, first_at, last_at FROM new
ON CONFLICT (number) WHERE ended = '' DO UPDATE
SET call_id = excluded.call_id, calls = m.calls + excluded.calls, last_at = excluded.last_at
"""
_OWE_CALLS = text(
    _OWE.format(
        # Whoever was rung for his place and missed once more is owed a call about what he called for.
        found="SELECT c.caller_e164 AS number, coalesce(p.call_id, c.id) AS call_id, c.ended_at AS at FROM calls c"
        " LEFT JOIN line_place_tries t ON t.call_id = c.id LEFT JOIN line_places p ON p.id = t.place_id"
        " WHERE c.id = ANY(CAST(:ids AS text[])) AND c.missed AND c.ended_at IS NOT NULL AND c.caller_e164 IS NOT NULL"
    )
)
_OWE_PLACES = text(
    _OWE.format(
        found="SELECT number, call_id, ended_at AS at FROM line_places"
        " WHERE id = ANY(CAST(:ids AS bigint[])) AND state = :given_up AND ended_at IS NOT NULL"
    )
)
_SETTLE = text(
    "UPDATE missed_callers m SET ended = r.ended, ended_at = to_timestamp(r.at), ended_by = r.by"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, at float8, ended text, by text)"
    " WHERE m.number = r.number AND m.ended = '' AND m.last_at < to_timestamp(r.at)"
)
_SELECT = (
    "SELECT m.id, m.number, m.call_id, m.calls, m.first_at, m.last_at, m.ended, m.ended_at, m.ended_by, m.taken_by,"
    " m.taken_at, (SELECT t.number FROM tickets t WHERE t.call_id = m.call_id LIMIT 1) AS ticket,"
    " EXISTS (SELECT 1 FROM line_places p WHERE p.number = m.number AND p.state IN ('waiting', 'ringing')) AS place"
    " FROM missed_callers m"
)
_LIST = text(
    f"{_SELECT} WHERE (:all OR m.ended = '') AND (:after = 0 OR (m.first_at, m.id) >"
    " (SELECT a.first_at, a.id FROM missed_callers a WHERE a.id = :after)) ORDER BY m.first_at, m.id LIMIT :limit"
)
_ONE = text(f"{_SELECT} WHERE m.id = :id")
_LOCK = text("SELECT 1 FROM missed_callers WHERE id = :id FOR UPDATE")
# By the call, not by its number: kinds of numbers that nobody is rung on are not known to SQL.
_UNLISTED = text(
    "SELECT count(*) FROM calls c WHERE c.missed AND c.ended_at IS NOT NULL AND c.arrived_at >= :since"
    " AND NOT EXISTS (SELECT 1 FROM missed_callers m WHERE m.number = c.caller_e164"
    "  AND c.ended_at BETWEEN m.first_at AND m.last_at)"
)


async def owe(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Those of these calls that are over, and missed, with a number."""
    if call_ids:
        await connection.execute(_OWE_CALLS, {"ids": list(call_ids)})


async def owe_places(connection: AsyncConnection, place_ids: Sequence[int]) -> None:
    """Those of these places that were given up."""
    if place_ids:
        await connection.execute(_OWE_PLACES, {"ids": list(place_ids), "given_up": PlaceState.GIVEN_UP})


async def settle(connection: AsyncConnection, settled: Iterable[Settled]) -> int:
    """Ends the rows of these people. Returns how many there were."""
    rows = [{"number": one.number, "at": one.at, "ended": one.end, "by": one.by} for one in settled]
    if not rows:
        return 0
    return (await connection.execute(_SETTLE, {"rows": json.dumps(rows)})).rowcount


async def list_missed(connection: AsyncConnection, *, limit: int, after: int = 0, ended: bool = False) -> list[Missed]:
    """Who waits longest first, behind the row ``after``; with those whose matter is ended, if asked for."""
    values = {"all": ended, "after": after, "limit": limit}
    return [_missed(row) for row in await connection.execute(_LIST, values)]


async def unlisted(connection: AsyncConnection, since: datetime) -> int:
    """Missed calls of people who cannot be rung: hidden and other numbers that nobody calls back on."""
    return int(await connection.scalar(_UNLISTED, {"since": since}) or 0)


async def get(connection: AsyncConnection, id: int) -> Missed:
    """Raises LineFault ``unknown``."""
    row = (await connection.execute(_ONE, {"id": id})).one_or_none()
    if row is None:
        raise LineFault("unknown", f"漏接清单中没有 {id} 号")
    return _missed(row)


async def take(connection: AsyncConnection, id: int, by: str, now: datetime) -> Missed:
    """``by`` is going to ring. Raises LineFault."""
    found = await _owed(connection, id)
    if found.taken(now) and found.taken_by != by:
        raise LineFault("taken", f"漏接清单 {id} 号已由 {found.taken_by} 领取")
    await connection.execute(
        text("UPDATE missed_callers SET taken_by = :by, taken_at = :now WHERE id = :id"),
        {"id": id, "by": by, "now": now},
    )
    return await get(connection, id)


async def close(connection: AsyncConnection, id: int, by: str, now: datetime) -> Missed:
    """Nobody needs to ring any more. Raises LineFault."""
    await _owed(connection, id)
    await connection.execute(
        text("UPDATE missed_callers SET ended = :end, ended_at = :now, ended_by = :by WHERE id = :id"),
        {"id": id, "end": MissedEnd.CLOSED, "by": by, "now": now},
    )
    return await get(connection, id)


def shown(one: Missed) -> dict[str, Any]:
    """Empty texts are null."""
    return {name: None if value == "" else value for name, value in asdict(one).items()}


async def _owed(connection: AsyncConnection, id: int) -> Missed:
    """Locked until the transaction ends."""
    await connection.execute(_LOCK, {"id": id})
    found = await get(connection, id)
    if found.ended:
        raise LineFault("ended", f"漏接清单 {id} 号已了结")
    return found


def _missed(row: Any) -> Missed:
    return Missed(**row._mapping)
