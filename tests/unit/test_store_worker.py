"""The worker's parts together, on a real PostgreSQL and a home of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.transcripts import Made, Said
from hotline import worker as worker_module
from hotline.db import driver_url
from hotline.heart import HEARTBEAT
from hotline.rulebook import LOST_KEY, check_keys, open_rulebook
from hotline.secrets import KEY_FILE, load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Database, Recording
from hotline.worker import serve, serve_tickets
from tests.unit.recorded import add_called, add_recording, add_ticket, call_id, silence, tone
from tests.unit.ticket_people import AGENT, MORNING, request
from tickets.book import create, edit
from tickets.ticket import Edit

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"
CALL = "hotline-1795296063.0"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings(home=tmp_path, database=Database(url=database_url), recording=Recording(min_free_mb=0))
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    settings.cel_file.parent.mkdir(parents=True)
    return settings


async def no_asterisk() -> None:
    raise AssertionError("there is room")


async def test_from_log_lines_to_a_wav_file_and_a_clean_end(settings: Settings, database_url: str) -> None:
    raw = settings.recordings_dir / f"2026/11/22/{CALL}.raw"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"\1\0\2\0" * 8000)
    os.utime(raw, (1_795_296_000, 1_795_296_000))
    stop = asyncio.Event()
    async with await psycopg.AsyncConnection.connect(driver_url(database_url), autocommit=True) as session:
        await session.execute("LISTEN calls")
        worker = asyncio.create_task(serve(settings, stop, no_asterisk))
        for name, file in (("queue_log", settings.queue_log_file), ("cel.csv", settings.cel_file)):
            shutil.copy(STREAMS / name, file)
        told = [note.payload async for note in session.notifies(timeout=20, stop_after=1)]
        assert CALL in told[0].split()
        assert (settings.run_dir / HEARTBEAT).exists()
        state = None
        async with asyncio.timeout(30):
            while state != ("done",):
                await asyncio.sleep(0.1)
                cursor = await session.execute("SELECT state FROM recordings WHERE call_id = %s", (CALL,))
                state = await cursor.fetchone()
    assert raw.with_suffix(".wav").stat().st_size == 44 + 32_000
    stop.set()
    async with asyncio.timeout(10):
        await worker
    assert not (settings.run_dir / HEARTBEAT).exists()


async def test_words_that_an_older_version_left_open_are_sealed(settings: Settings, engine: AsyncEngine) -> None:
    number, call = await add_ticket(engine, call_id(0)), call_id(1)
    await add_called(engine, number, await add_recording(engine, settings.recordings_dir, 1, tone(1), silence(1)))
    async with engine.begin() as connection:
        one = await transcripts.claim(connection)
        assert one is not None
        assert await transcripts.finish(connection, one, Made((Said("caller", 0, 1, "停水"),), "w", "b", 1.0), MORNING)
        secret = Edit(confidential=True, handler="agent")
        await edit(connection, open_rulebook(settings), number, secret, AGENT, MORNING)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_tickets(settings, engine, stop))
    found = None
    async with asyncio.timeout(20):
        while not found:
            await asyncio.sleep(0.02)
            async with engine.connect() as connection:
                query = "SELECT sealed_for FROM transcripts WHERE call_id = :call"
                found = await connection.scalar(text(query), {"call": call})
        stop.set()
        await serving
    assert found == number


async def test_a_stop_waits_for_no_sealing(settings: Settings, engine: AsyncEngine) -> None:
    stop = asyncio.Event()
    waits = text("SELECT true FROM pg_locks WHERE NOT granted AND relation = CAST('transcripts' AS regclass)")
    async with asyncio.timeout(20), engine.begin() as connection:
        await connection.execute(text("LOCK TABLE transcripts"))
        serving = asyncio.create_task(serve_tickets(settings, engine, stop))
        while not await connection.scalar(waits):
            await asyncio.sleep(0.02)
        stop.set()
        await serving


async def kinds(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.scalars(text("SELECT kind FROM alerts WHERE closed_at IS NULL")))


async def test_a_lost_key_is_an_alert_until_it_is_back(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = open_rulebook(settings)
    file = settings.home / KEY_FILE
    async with engine.begin() as connection:
        await create(connection, book, request(confidential=True, handler="agent"), AGENT, MORNING)
    kept = file.read_bytes()
    file.unlink()
    monkeypatch.setattr(worker_module, "RULES_SECONDS", 0.02)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_tickets(settings, engine, stop))
    async with asyncio.timeout(20):
        while await kinds(engine) != {"rules_faulty"}:
            await asyncio.sleep(0.02)
        open_rulebook(settings, create=True)
        while await kinds(engine) != {LOST_KEY}:
            await asyncio.sleep(0.02)
        stop.set()
        await serving
    file.write_bytes(kept)
    async with engine.begin() as connection:
        await check_keys(connection, settings)
    assert await kinds(engine) == set()
