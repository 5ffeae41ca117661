"""What people and rules did with a call's recording, as entries of the call's timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.keeping import holds_of
from calls.tables import calls, recordings


async def history(connection: AsyncConnection, call_id: str) -> list[dict[str, Any]]:
    """What was done with the recording, as entries of the call's timeline."""
    row = (
        await connection.execute(
            select(recordings.c.erased_at, recordings.c.erased_by, recordings.c.reason, calls.c.arrived_at)
            .outerjoin(calls, calls.c.id == recordings.c.call_id)
            .where(recordings.c.call_id == call_id)
        )
    ).one_or_none()
    found: list[tuple[datetime, str, dict[str, str]]] = []
    for one in await holds_of(connection, call_id):
        found.append((one.at, "recording_held", {"by": one.by, "why": one.reason}))
        if one.lifted_at is not None:
            found.append((one.lifted_at, "recording_released", {"by": one.lifted_by, "why": one.lift_reason}))
    if row is not None and row.erased_at is not None:
        found.append((row.erased_at, "recording_erased", {"by": row.erased_by, "why": row.reason}))
    begin = None if row is None else row.arrived_at
    return [
        {
            "at": at,
            "seconds": round((at - begin).total_seconds(), 3) if begin else 0.0,
            "event": event,
            "detail": detail,
        }
        for at, event, detail in sorted(found, key=lambda one: one[0])
    ]
