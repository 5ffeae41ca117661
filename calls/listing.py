"""Calls as people and programs look at them: rows with plain values, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.record import Call
from calls.store import load_events
from calls.tables import calls, recordings
from calls.timeline import fold


async def list_calls(
    connection: AsyncConnection,
    *,
    limit: int,
    missed: bool = False,
    since: datetime | None = None,
    call_id: str | None = None,
) -> list[dict[str, Any]]:
    """Keys: the columns of the calls table, and ``recording``: None, or those named in ``_RECORDING``."""
    joined = calls.outerjoin(recordings, recordings.c.call_id == calls.c.id)
    columns = [recordings.c[name].label(f"recording_{name}") for name in _RECORDING]
    query = select(calls, *columns).select_from(joined).order_by(calls.c.arrived_at.desc(), calls.c.id.desc())
    if missed:
        query = query.where(calls.c.missed)
    if since is not None:
        query = query.where(calls.c.arrived_at >= since)
    if call_id is not None:
        query = query.where(calls.c.id == call_id)
    return [_row(row._mapping) for row in await connection.execute(query.limit(limit))]


async def load_timeline(connection: AsyncConnection, call_id: str) -> Call | None:
    """The whole record of one call, its timeline included, folded anew from its events."""
    return fold(call_id, (await load_events(connection, [call_id])).get(call_id, ()))


def timeline_rows(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "at": datetime.fromtimestamp(entry.at, UTC),
            "seconds": round(entry.at - call.arrived_at, 3),
            "event": entry.what,
            "detail": dict(entry.detail),
        }
        for entry in call.timeline
    ]


_RECORDING = ("path", "sha256", "seconds", "offset_ms", "bytes", "state", "reason")


def _row(found: Mapping[Any, Any]) -> dict[str, Any]:
    row = {str(key): value for key, value in found.items() if not str(key).startswith("recording_")}
    recording = {name: found[f"recording_{name}"] for name in _RECORDING}
    row["recording"] = recording if recording["state"] not in (None, "none") else None
    return row
