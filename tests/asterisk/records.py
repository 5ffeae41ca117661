"""What was written down about calls: waits for the database to know, by its own notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import list_alerts
from calls.listing import list_calls, load_timeline, timeline_rows
from hotline.db import database_url, driver_url, open_engine
from tests.asterisk.instance import Instance
from tickets.store import numbers_of
from tickets.tables import tickets

Row = dict[str, Any]
Found = TypeVar("Found")
LOOK_AGAIN_SECONDS = 0.3
"""Recordings and alerts change without a notification about their call."""


async def call_of(
    instance: Instance,
    number: str | None,
    *,
    recording: bool = False,
    until: str = "hung_up",
    since: datetime | None = None,
    seconds: float = 30.0,
) -> Row:
    """The last call of this caller (None: of anybody), with ``until`` in its timeline and its recording converted."""

    def good(call: Row) -> bool:
        events = [entry["event"] for entry in call["timeline"]]
        converted = not recording or (call["recording"] or {}).get("state") == "done"
        return until in events and converted

    async def look(connection: AsyncConnection) -> Row | None:
        mine = [row for row in await list_calls(connection, limit=500, since=since) if number in (None, row["number"])]
        calls = await _whole(connection, mine[:1])
        return calls[0] if calls and good(calls[0]) else None

    return await wait(instance, look, seconds, f"no call of {number} with {until}")


async def all_calls(instance: Instance, count: int, *, seconds: float = 40.0) -> list[Row]:
    """All calls, once there are ``count``, all ended."""

    async def look(connection: AsyncConnection) -> list[Row] | None:
        rows = await list_calls(connection, limit=1000)
        if len(rows) < count or not all(row["ended_at"] for row in rows):
            return None
        return await _whole(connection, rows)

    return await wait(instance, look, seconds, f"not {count} ended calls")


async def _tickets(connection: AsyncConnection) -> list[Row]:
    rows = await connection.execute(select(tickets).order_by(tickets.c.received_at.desc(), tickets.c.number.desc()))
    return [dict(row._mapping) for row in rows]


async def ticket_of(instance: Instance, call: Row) -> Row:
    """The one ticket of this call."""
    async with open_engine(instance.settings) as engine, engine.connect() as connection:
        found = [row for row in await _tickets(connection) if row["call_id"] == call["id"]]
    assert len(found) == 1, found
    return found[0]


async def all_tickets(instance: Instance) -> list[Row]:
    async with open_engine(instance.settings) as engine, engine.connect() as connection:
        return await _tickets(connection)


async def alert_of(instance: Instance, kind: str, *, call: Row | None = None, closed: bool = False) -> Row:
    """The first such alert that is open, or the first that was closed."""

    async def look(connection: AsyncConnection) -> Row | None:
        for row in await list_alerts(connection, include_closed=True, limit=100):
            fits = call is None or row["call_id"] == call["id"]
            if row["kind"] == kind and fits and (row["closed_at"] is not None) is closed:
                return dict(row)
        return None

    return await wait(instance, look, 20.0, f"no alert {kind}")


def events(call: Row) -> list[str]:
    return [entry["event"] for entry in call["timeline"]]


async def _whole(connection: AsyncConnection, rows: list[Row]) -> list[Row]:
    for row in rows:
        whole = await load_timeline(connection, row["id"])
        assert whole is not None
        row["timeline"] = timeline_rows(whole)
    # After the timelines: each statement sees what is committed by then, and a ticket comes with its event or before.
    numbers = await numbers_of(connection, [row["id"] for row in rows])
    for row in rows:
        row["ticket"] = numbers.get(row["id"])
    return rows


async def wait(
    instance: Instance, look: Callable[[AsyncConnection], Awaitable[Found | None]], seconds: float, complaint: str
) -> Found:
    listener = await _connected(driver_url(database_url(instance.settings)), seconds, complaint)
    try:
        await listener.execute("LISTEN calls")
        async with asyncio.timeout(seconds), open_engine(instance.settings) as engine:
            while True:
                # One moment for all that is looked at: a call's row and its events must not be of two.
                async with engine.connect() as connection:
                    await connection.execution_options(isolation_level="REPEATABLE READ")
                    found = await look(connection)
                if found is not None:
                    return found
                async for _ in listener.notifies(timeout=LOOK_AGAIN_SECONDS, stop_after=1):
                    pass
    except TimeoutError as error:
        raise AssertionError(complaint) from error
    finally:
        await listener.close()


async def _connected(url: str, seconds: float, complaint: str) -> psycopg.AsyncConnection:
    """A session with a server that may be recovering from having been killed."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await psycopg.AsyncConnection.connect(url, autocommit=True)
        except psycopg.OperationalError as error:
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(complaint) from error
            await asyncio.sleep(0.1)  # between two tries
