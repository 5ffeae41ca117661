"""Calls that were recorded, for the tests of keeping: raw files as Asterisk leaves them, converted by the real job."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.keeping import Recording, find
from calls.recording_seal import NO_KEYS, Keys
from hotline import scribe_job
from hotline.recordings_job import Sweeper

DAY = "2026/11/22"
ARRIVED = datetime(2026, 11, 22, 1, tzinfo=UTC)
OLD = ARRIVED.timestamp()
KEYS = Keys({"old": bytes(range(32))})
NEW_KEYS = Keys({"old": bytes(range(32)), "new": bytes(range(1, 33))})


def call_id(number: int) -> str:
    return f"hotline-1795296063.{number}"


def put_raw(root: Path, number: int, seconds: float = 1.0, clip: str = "") -> None:
    """``clip``: ``message`` or ``comment``, recorded beside it."""
    path = root / DAY / f"{call_id(number)}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = b"".join(int(number * 7 + at % 900).to_bytes(2, "little") * 2 for at in range(round(seconds * 8000)))
    path.write_bytes(samples)
    os.utime(path, (OLD, OLD))
    if clip:
        with wave.open(str(path.with_name(f"{call_id(number)}-{clip}.wav")), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes([number, 1]) * 4000)


async def add_call(
    engine: AsyncEngine, number: int, *, ended: bool = True, at: datetime = ARRIVED, **facts: Any
) -> str:
    """The call's row and the recording that was begun. ``facts``: columns of the call."""
    values = {"id": call_id(number), "arrived_at": at, "ended_at": at + timedelta(minutes=2) if ended else None}
    values |= facts
    names = ", ".join(values)
    async with engine.begin() as connection:
        await connection.execute(
            text(f"INSERT INTO calls ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values
        )
        await connection.execute(
            text("INSERT INTO recordings (call_id, file) VALUES (:id, :file)"),
            {"id": call_id(number), "file": f"{DAY}/{call_id(number)}.raw"},
        )
    return call_id(number)


async def sweep(engine: AsyncEngine, root: Path, keys: Callable[[], Keys] = lambda: NO_KEYS) -> int:
    caught_up = asyncio.Event()
    caught_up.set()
    return await Sweeper(engine, root, caught_up, asyncio.Event(), scribe_job.expect, keys).sweep()


async def recorded(
    engine: AsyncEngine, root: Path, number: int, keys: Keys = NO_KEYS, clip: str = "", **facts: Any
) -> str:
    """A call whose recording is converted."""
    put_raw(root, number, clip=clip)
    await add_call(engine, number, **facts)
    assert await sweep(engine, root, lambda: keys) == 1
    return call_id(number)


async def row(engine: AsyncEngine, call: str) -> Recording:
    async with engine.connect() as connection:
        return await find(connection, call)


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob(f"{DAY}/*"))


async def audited(engine: AsyncEngine, about: str) -> list[tuple[str, str, dict[str, Any]]]:
    async with engine.connect() as connection:
        query = text("SELECT actor, action, detail FROM audit_entries WHERE object = :about ORDER BY id")
        return [(one.actor, one.action, one.detail) for one in await connection.execute(query, {"about": about})]
