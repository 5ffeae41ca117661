"""What time does to tickets: once, in order, by however many processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from tests.unit.ticket_people import AGENT, MORNING, SUPERVISOR, assert_sound, dispatched, do, moment, rulebook
from tickets.book import get
from tickets.sweep import Swept, sweep

LATER = moment("2026-12-01 09:00")


async def clock_events(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        query = "SELECT number, kind FROM ticket_events WHERE actor = 'clock' ORDER BY id"
        return [(row.number, row.kind) for row in await connection.execute(text(query))]


async def test_nothing_is_due(engine: AsyncEngine) -> None:
    await dispatched(engine)
    assert await sweep(engine.begin, rulebook(), MORNING + timedelta(minutes=20), 10) == Swept(0, 0, ())


async def test_after_downtime_all_happens_in_order_at_its_own_time(engine: AsyncEngine) -> None:
    numbers = [(await dispatched(engine, policy="longnan-2021", caller=f"1390000{n:04}")).number for n in range(7)]
    while (await sweep(engine.begin, rulebook("longnan-2021"), LATER, 2)).looked:
        pass
    async with engine.connect() as connection:
        rows = (
            await connection.execute(
                text("SELECT at, kind, number FROM ticket_events WHERE actor = 'clock' ORDER BY id")
            )
        ).all()
        ticket = await get(connection, rulebook(), numbers[0], AGENT)
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    kinds = [row.kind for row in rows if row.number == numbers[0]]
    assert [kind for kind in kinds if kind.startswith("warning")] == [
        "warning_blue",
        "warning_yellow",
        "warning_red",
        "warning_inspection",
    ]
    assert len(set(kinds)) == len(kinds)
    assert (ticket.life.supervised, ticket.wake_at) == (True, None)
    assert rows[-1].at < LATER
    await assert_sound(engine, rulebook("longnan-2021"))


async def test_two_at_once_do_nothing_twice(database_url: str) -> None:
    one, two = create_hotline_engine(database_url), create_hotline_engine(database_url)
    for n in range(30):
        await dispatched(one, policy="longnan-2021", caller=f"1390000{n:04}")

    async def process(engine: AsyncEngine) -> int:
        done = 0
        while swept := (await sweep(engine.begin, rulebook("longnan-2021"), LATER, 3)).looked:
            done += swept
        return done

    shares = await asyncio.gather(process(one), process(two), process(one), process(two))
    assert sum(share > 0 for share in shares) > 1
    happened = await clock_events(one)
    assert len(happened) == len(set(happened))
    assert len({number for number, _ in happened}) == 30
    assert len(happened) % 30 == 0
    await assert_sound(one, rulebook("longnan-2021"))
    await one.dispose()
    await two.dispose()


async def test_a_ticket_that_cannot_be_run_stops_no_other(engine: AsyncEngine) -> None:
    bad = (await dispatched(engine)).number
    good = (await dispatched(engine, caller="13900002222")).number
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET policy = 'gone' WHERE number = :bad"), {"bad": bad})
    assert (await sweep(engine.begin, rulebook(), LATER, 10)).failed == (bad,)
    assert {number for number, _ in await clock_events(engine)} == {good}
    assert (await sweep(engine.begin, rulebook(), LATER, 10)).looked == 0
    assert (await sweep(engine.begin, rulebook(), LATER + timedelta(minutes=11), 10)).failed == (bad,)


async def test_a_command_runs_the_clock_first(engine: AsyncEngine) -> None:
    number = (await dispatched(engine)).number
    async with engine.begin() as connection:
        await do(connection, number, "supervise", SUPERVISOR, LATER, reason="leader")
    happened = await clock_events(engine)
    assert "contact_overdue" in {kind for _, kind in happened}
    assert len(happened) > 1
    assert (await sweep(engine.begin, rulebook(), LATER, 10)).looked == 0
