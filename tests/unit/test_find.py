"""Lists of tickets on a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MORNING,
    SUPERVISOR,
    dispatched,
    do,
    moment,
    officer,
    request,
    rulebook,
)
from tickets.book import create
from tickets.find import Filter, ShortWord, find
from tickets.order import BadCursor
from tickets.permits import Actor, NotAllowed
from tickets.sweep import sweep
from tickets.words import Category, State, Warning

NOW = moment("2026-09-17 12:00")


async def numbers(connection: AsyncConnection, actor: Actor = AGENT, **wanted: Any) -> list[str]:
    page = await find(connection, rulebook(), actor, Filter(**wanted), NOW)
    assert page.cursor is None
    return [ticket.number for ticket in page.tickets]


@pytest.fixture
async def book(engine: AsyncEngine) -> dict[str, str]:
    """Some tickets, by name."""
    made = {
        "leak": (await dispatched(engine)).number,
        "secret": (await dispatched_secret(engine)).number,
    }
    async with engine.begin() as connection:
        others: dict[str, dict[str, Any]] = {
            "noise": {"title": "工地夜间噪音扰民", "content": "凌晨两点 还在施工 100%", "category": Category.HELP},
            "urgent": {"title": "煤气泄漏", "content": "", "urgent": True, "caller": "114", "address": "人民路8号"},
        }
        for name, given in others.items():
            made[name] = (await create(connection, rulebook(), request(**given), AGENT, MORNING)).number
        await do(connection, made["noise"], "accept", DISPATCHER, MORNING)
        await do(connection, made["noise"], "dispatch", DISPATCHER, MORNING, unit="works", co_units=["housing"])
    return made


async def dispatched_secret(engine: AsyncEngine) -> Any:
    named = Actor("named", DISPATCHER.permissions)
    async with engine.begin() as connection:
        secret = request(confidential=True, handler="named", content="工地受贿")
        ticket = await create(connection, rulebook(), secret, AGENT, MORNING)
        await do(connection, ticket.number, "accept", named, MORNING)
        return await do(connection, ticket.number, "dispatch", named, MORNING, unit="housing")


async def test_filters(engine: AsyncEngine, book: dict[str, str]) -> None:
    leak, noise, urgent, secret = book["leak"], book["noise"], book["urgent"], book["secret"]
    async with engine.connect() as connection:
        assert await numbers(connection) == [urgent, noise, leak]
        assert await numbers(connection, SUPERVISOR) == [urgent, noise, secret, leak]
        assert await numbers(connection, states=(State.DISPATCHED,)) == [noise, leak]
        assert await numbers(connection, states=(State.RECEIVED, State.DISPATCHED)) == [urgent, noise, leak]
        assert await numbers(connection, unit="housing") == [noise, leak]
        assert await numbers(connection, unit="housing", category=Category.HELP) == [noise]
        assert await numbers(connection, unit="works", states=(State.COMPLETED,)) == []
        assert await numbers(connection, urgent=True) == [urgent]
        assert await numbers(connection, urgent=False) == [noise, leak]
        assert await numbers(connection, caller="114") == [urgent]
        assert await numbers(connection, caller="13900001111") == [noise, leak]
        assert await numbers(connection, SUPERVISOR, caller="13900001111") == [noise, secret, leak]
        assert await numbers(connection, overdue=True) == []
        assert await numbers(connection, overdue=False) == [urgent, noise, leak]
        assert await numbers(connection, supervised=True) == []
        assert await numbers(connection, channel="web") == [urgent, noise, leak]
        assert await numbers(connection, channel="phone") == []
        assert await numbers(connection, caller="1\0", channel="\0", unit="\0", parent="\0", text="\0某某") == []
        assert await numbers(connection, received_from=NOW) == []
        assert await numbers(connection, received_until=NOW) == [urgent, noise, leak]


async def test_words(engine: AsyncEngine, book: dict[str, str]) -> None:
    leak, noise, urgent = book["leak"], book["noise"], book["urgent"]
    async with engine.connect() as connection:
        assert await numbers(connection, text="噪音") == [noise]
        assert await numbers(connection, text="噪音 施工") == [noise]
        assert await numbers(connection, text="噪音扰民 漏水") == []
        assert await numbers(connection, text="100%") == [noise]
        assert await numbers(connection, text="00_%") == []
        assert await numbers(connection, text="人民路") == [urgent]
        assert await numbers(connection, text="上漏") == [leak]
        # Each pair of letters is there, and the word is not.
        assert await numbers(connection, text="漏水不管") == []
        assert await numbers(connection, SUPERVISOR, text="工地受贿") == []
        with pytest.raises(ShortWord):
            await numbers(connection, text="漏")


async def test_a_unit_sees_its_own(engine: AsyncEngine, book: dict[str, str]) -> None:
    async with engine.connect() as connection:
        assert await numbers(connection, officer("housing")) == [book["noise"], book["leak"]]
        assert await numbers(connection, officer("works")) == [book["noise"]]
        assert await numbers(connection, officer("works"), unit="housing") == [book["noise"]]
        assert await numbers(connection, officer("water"), unit="housing") == []
        with pytest.raises(NotAllowed):
            await numbers(connection, Actor("nobody"))


async def test_pages(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for n in range(25):
            # Several came in the same moment.
            at = MORNING + timedelta(minutes=n // 4)
            ticket = await create(connection, rulebook(), request(caller=f"1390000{n:04}"), AGENT, at)
            await do(connection, ticket.number, "accept", DISPATCHER, at)
            pair = {"unit": "water", "co_units": ["works"]} if n % 2 else {"unit": "works"}
            await do(connection, ticket.number, "dispatch", DISPATCHER, at, **pair)
    for wanted in (Filter(), Filter(unit="works"), Filter(unit="works", text="漏水")):
        seen: list[str] = []
        cursor = None
        async with engine.connect() as connection:
            while True:
                page = await find(connection, rulebook(), AGENT, wanted, NOW, limit=4, cursor=cursor)
                seen += [ticket.number for ticket in page.tickets]
                cursor = page.cursor
                if cursor is None:
                    break
        assert len(seen) == 25
        assert seen == sorted(seen, reverse=True)
    async with engine.connect() as connection:
        for cursor in ("", "x", "bnVsbA", "WyIyMDI2LTA5LTE3IiwgIjIwMjYwOTE3LTAwMDAwMSJd", "é"):
            with pytest.raises(BadCursor):
                await find(connection, rulebook(), AGENT, Filter(), NOW, cursor=cursor)


async def test_warned_and_overdue(engine: AsyncEngine) -> None:
    policy = "longnan-2021"
    number = (await dispatched(engine, policy=policy)).number
    later = moment("2026-09-28 09:00")
    await sweep(engine.begin, rulebook(policy), later, 10)
    async with engine.connect() as connection:
        wanted: dict[str, Any]
        for wanted in (
            {"overdue": True},
            {"supervised": True},
            {"warning": Warning.YELLOW},
            {"overdue": True, "unit": "housing"},
        ):
            page = await find(connection, rulebook(), AGENT, Filter(**wanted), later)
            assert [ticket.number for ticket in page.tickets] == [number], wanted
