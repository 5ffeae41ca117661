"""The clock in the worker: sweeps by itself, reads notices that appear, says what it cannot do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline import clock_job
from hotline.clock_job import ClockJob
from hotline.rulebook import LOOK_SECONDS, Rulebooks
from tests.unit.ticket_people import AGENT, DISPATCHER, MORNING, do, request, rulebook
from tickets.book import create
from tickets.calendar import library_years
from tickets.number import today
from tickets.rulebook import Rulebook

YEAR = max(library_years()) + 1
STOP = asyncio.Event


async def alerts(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT kind, key FROM alerts WHERE closed_at IS NULL ORDER BY id"))
        return [(row.kind, row.key) for row in found]


async def old_ticket(engine: AsyncEngine, at: datetime) -> str:
    async with engine.begin() as connection:
        ticket = await create(connection, rulebook(), request(), AGENT, at)
        await do(connection, ticket.number, "accept", DISPATCHER, at)
        await do(connection, ticket.number, "dispatch", DISPATCHER, at, unit="housing")
    return ticket.number


async def test_what_is_due_is_done(engine: AsyncEngine) -> None:
    await old_ticket(engine, datetime.now(UTC) - timedelta(days=20))
    job = ClockJob(engine, rulebook)
    assert await job.step(STOP()) == 1
    assert await job.step(STOP()) == 0
    async with engine.connect() as connection:
        kinds = await connection.scalars(text("SELECT kind FROM ticket_events WHERE actor = 'clock'"))
        assert "contact_overdue" in set(kinds)


async def test_a_notice_is_read_when_it_appears(engine: AsyncEngine, tmp_path: Path) -> None:
    number = await old_ticket(engine, MORNING.replace(year=YEAR - 1, month=12, day=21))
    ticks = count(0.0, LOOK_SECONDS)
    job = ClockJob(engine, Rulebooks(rulebook(), tmp_path, clock=lambda: next(ticks)))
    await job.step(STOP())
    assert await alerts(engine) == [("calendar_unknown", str(YEAR))]
    statutory = [
        ("元旦", "01-01", "01-03"), ("春节", "02-05", "02-13"), ("清明", "04-05", "04-05"), ("劳动", "05-01", "05-05"),
        ("端午", "06-09", "06-09"), ("中秋", "09-15", "09-15"), ("国庆", "10-01", "10-07"),
    ]  # fmt: skip
    days = "".join(f"  - {{节日: {name}, 从: {YEAR}-{a}, 到: {YEAR}-{b}}}\n" for name, a, b in statutory)
    notice = tmp_path / f"{YEAR}.yaml"
    notice.write_text(f"年份: {YEAR}\n文号: 某通知\n放假:\n{days}补班: []\n", encoding="utf-8")
    await job.step(STOP())
    assert await alerts(engine) == []
    async with engine.connect() as connection:
        query = text("SELECT kind FROM ticket_events WHERE number = :number ORDER BY id DESC LIMIT 1")
        assert await connection.scalar(query, {"number": number}) == "recounted"


async def test_a_ticket_that_cannot_be_run_is_an_alert(engine: AsyncEngine) -> None:
    await old_ticket(engine, datetime.now(UTC) - timedelta(days=20))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET policy = 'gone'"))
    assert await ClockJob(engine, rulebook).step(STOP()) == 1
    assert [kind for kind, _ in await alerts(engine)] == ["clock_failed"]


async def test_it_runs_until_it_is_stopped(engine: AsyncEngine) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(ClockJob(engine, rulebook).run(stop))
    stop.set()
    async with asyncio.timeout(10):
        await running


async def test_what_cannot_be_counted_again_stops_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    await old_ticket(engine, MORNING.replace(year=YEAR - 1, month=12, day=21))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET policy = 'gone'"))
    await ClockJob(engine, Rulebooks(rulebook(), tmp_path)).step(STOP())
    assert ("clock_failed", today()) in await alerts(engine)


async def test_a_fault_of_ours_is_an_alert_and_ends_nothing(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, calls = asyncio.Event(), 0

    def faulty() -> Rulebook:
        nonlocal calls
        calls += 1
        if calls > 1:
            stop.set()
        raise LookupError("a rule that is gone")

    monkeypatch.setattr(clock_job, "INTERVAL", 0.01)
    async with asyncio.timeout(10):
        await ClockJob(engine, faulty).run(stop)
    assert calls > 1
    assert [kind for kind, _ in await alerts(engine)] == ["clock_failed"]
