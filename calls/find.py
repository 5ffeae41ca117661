"""Calls as the desk looks for them: lists, newest first, a page at a time, and one with what belongs to it. Each way to
ask has an index, and a page is read in its order.

A call of a confidential ticket is only for who sees the ticket: ``handler`` is the name of who asks, None for those who
see them all. All functions work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, TextClause, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from calls.tables import calls, recordings

MOST = 200
MOST_COUNTED = 1000
_of = calls.c
Row = Mapping[Any, Any]
# OFFSET 0: for this call alone, not for all that there are.
_NOT_SECRET = (
    "NOT EXISTS (SELECT 1 FROM (SELECT o.number FROM call_own_tickets o WHERE o.call_id = calls.id OFFSET 0) o"
    " JOIN tickets t ON t.number = o.number"
    " WHERE t.confidential AND NOT (t.handler <> '' AND t.handler = :handler))"
)


class UnknownCall(Exception):
    """There is no such call, or not for who asks."""


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold. ``number``: E.164. ``live``: under way, or not."""

    since: datetime | None = None
    until: datetime | None = None
    number: str | None = None
    agent: str | None = None
    queue: str | None = None
    live: bool | None = None
    emergency: bool | None = None
    message: bool | None = None
    missed: bool | None = None


async def find_calls(
    connection: AsyncConnection, wanted: Filter, *, handler: str | None, limit: int, after: str | None = None
) -> list[Row]:
    """Rows of ``calls`` with ``recording_state``, None where nothing is known of one. ``after``: id of the call before.
    Raises UnknownCall for an ``after`` that is none."""
    conditions = _conditions(wanted)
    if after is not None:
        conditions.append(tuple_(_of.arrived_at, _of.id) < tuple_(await _arrival(connection, after), after))
    query = _rows(conditions, handler).order_by(_of.arrived_at.desc(), _of.id.desc()).limit(min(limit, MOST))
    return [row._mapping for row in await connection.execute(query)]


async def unheard(
    connection: AsyncConnection, *, handler: str | None, limit: int, after: str | None = None
) -> list[Row]:
    """Calls whose message nobody has heard yet, the longest waiting first, as :func:`find_calls`."""
    conditions: list[ColumnElement[bool] | TextClause] = [_LEFT, _of.message_heard_at.is_(None)]
    if after is not None:
        conditions.append(tuple_(_of.arrived_at, _of.id) > tuple_(await _arrival(connection, after), after))
    query = _rows(conditions, handler).order_by(_of.arrived_at, _of.id).limit(min(limit, MOST))
    return [row._mapping for row in await connection.execute(query)]


async def one_call(connection: AsyncConnection, call_id: str, *, handler: str | None) -> Row:
    """As :func:`find_calls`. Raises UnknownCall."""
    found: list[Row] = [row._mapping for row in await connection.execute(_rows([_of.id == call_id], handler))]
    if not found:
        raise UnknownCall(call_id)
    return found[0]


async def note_heard(connection: AsyncConnection, call_id: str, by: str, at: datetime) -> bool:
    """Whether it was new: whoever was first stays."""
    change = calls.update().where(_of.id == call_id, _LEFT, _of.message_heard_at.is_(None))
    return (await connection.execute(change.values(message_heard_at=at, message_heard_by=by))).rowcount > 0


_NUMBERS = text(
    "SELECT call_id, min(number) AS number FROM call_own_tickets WHERE call_id = ANY(CAST(:calls AS text[]))"
    " GROUP BY call_id"
)


async def tickets_of(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, str]:
    """Of each call that has one, a ticket it made or was about."""
    found = await connection.execute(_NUMBERS, {"calls": list(call_ids)})
    return {row.call_id: row.number for row in found}


_COUNTS = text(
    "SELECT count(*) AS calls, count(*) FILTER (WHERE missed) AS missed FROM (SELECT missed FROM calls"
    " WHERE caller_e164 = CAST(:number AS text) AND arrived_at > :since AND arrived_at <= :until"
    " AND id <> :but ORDER BY arrived_at DESC LIMIT :most) AS c"
)


async def counts_of(
    connection: AsyncConnection, number: str, since: datetime, until: datetime, but: str
) -> tuple[int, int]:
    """How often a number called, beside the call ``but``, and how often it was missed; at most MOST_COUNTED."""
    asked = {"number": number, "since": since, "until": until, "but": but, "most": MOST_COUNTED}
    row = (await connection.execute(_COUNTS, asked)).one()
    return row.calls, row.missed


# As the partial indexes have it.
_LEFT = text("calls.message_file <> ''")
_EMERGENCY = text("calls.emergency <> ''")


def _conditions(wanted: Filter) -> list[ColumnElement[bool] | TextClause]:
    found: list[ColumnElement[bool] | TextClause] = []
    if wanted.since is not None:
        found.append(_of.arrived_at >= wanted.since)
    if wanted.until is not None:
        found.append(_of.arrived_at < wanted.until)
    if wanted.number is not None:
        found.append(_of.caller_e164 == wanted.number)
    if wanted.agent is not None:
        found += [_of.agent == wanted.agent, text("calls.agent <> ''")]
    if wanted.queue is not None:
        found += [_of.queue == wanted.queue, text("calls.queue <> ''")]
    if wanted.live is not None:
        found.append(_of.ended_at.is_(None) if wanted.live else _of.ended_at.is_not(None))
    if wanted.emergency is not None:
        found.append(_EMERGENCY if wanted.emergency else _of.emergency == "")
    if wanted.message is not None:
        found.append(_LEFT if wanted.message else _of.message_file == "")
    if wanted.missed is not None:
        found.append(_of.missed if wanted.missed else ~_of.missed)
    return found


def _rows(conditions: Sequence[ColumnElement[bool] | TextClause], handler: str | None) -> Select[Any]:
    columns = [recordings.c[name].label(f"recording_{name}") for name in _RECORDING]
    joined = calls.outerjoin(recordings, recordings.c.call_id == _of.id)
    query = select(calls, *columns).select_from(joined).where(*conditions)
    if handler is None:
        return query
    return query.where(text(_NOT_SECRET).bindparams(handler=handler))


_RECORDING = ("state", "reason", "seconds", "offset_ms", "clips")


async def _arrival(connection: AsyncConnection, call_id: str) -> datetime:
    found: datetime | None = await connection.scalar(select(_of.arrived_at).where(_of.id == call_id))
    if found is None:
        raise UnknownCall(call_id)
    return found
