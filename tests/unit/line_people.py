"""Rows for the tests of the line: calls as the log reader writes them, and tickets of a caller."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.tables import calls
from tickets.tables import tickets

CALLER = "+8613900001111"
_numbers = iter(range(1, 1_000_000))


async def add_call(connection: AsyncConnection, at: datetime, seconds: float = 60.0, **fields: Any) -> str:
    """A call of CALLER that ended, answered at once."""
    id = f"hotline-1795296063.{next(_numbers)}"
    row = {
        "id": id,
        "via": "public",
        "caller_e164": CALLER,
        "arrived_at": at,
        "answered_at": at,
        "ended_at": at + timedelta(seconds=seconds),
        "hangup_by": "caller",
        **fields,
    }
    await connection.execute(insert(calls).values(row))
    return id


async def add_ticket(connection: AsyncConnection, at: datetime, state: str = "dispatched", **fields: Any) -> None:
    row = {
        "number": f"20200101-{next(_numbers):06d}",
        "channel": "phone",
        "received_at": at,
        "life": {},
        "state": state,
        "category": "help",
        "caller_key": CALLER,
        **fields,
    }
    await connection.execute(insert(tickets).values(row))
