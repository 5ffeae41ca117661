"""Several matters become several tickets, several tickets of one matter become one; a notice moves limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from routing.number import HIDDEN_DISPLAY, MALFORMED_DISPLAY
from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MORNING,
    assert_sound,
    dispatched,
    do,
    moment,
    officer,
    request,
    rulebook,
)
from tickets.book import NotAllowed, Refused, create, get
from tickets.calendar import Holiday, Notice, WorkingDays, library_years, load_working_days
from tickets.find import duplicates_of
from tickets.history import events_of
from tickets.recount import Recounted, provisional_year, recount
from tickets.split import Part, merge, split
from tickets.ticket import ANONYMOUS
from tickets.words import Category, LimitKind, State

NEXT_YEAR = max(library_years()) + 1


async def test_split(engine: AsyncEngine) -> None:
    book = rulebook("fuzhou-2007")
    async with engine.begin() as connection:
        whole = await create(connection, book, request(requester="张三"), AGENT, MORNING)
        parts = [Part(category=Category.HELP, content="路灯不亮"), Part(category=Category.CONSULTATION, content="医保")]
        made = await split(connection, book, whole.number, parts, DISPATCHER, MORNING)
    assert [ticket.parent for ticket in made] == [whole.number] * 2
    assert [ticket.requester for ticket in made] == ["张三"] * 2
    assert made[0].policy == whole.policy
    async with engine.connect() as connection:
        last = (await events_of(connection, book, whole.number))[-1]
        assert (last.kind, last.data["parts"]) == ("split", [ticket.number for ticket in made])
        assert last.articles == ("第八条",)
    await assert_sound(engine, book)
    sent = await dispatched(engine)
    async with engine.begin() as connection:
        with pytest.raises(Refused, match="已转办"):
            await split(connection, book, sent.number, parts, DISPATCHER, MORNING)
        with pytest.raises(NotAllowed):
            await split(connection, book, sent.number, parts, officer("housing"), MORNING)


async def test_merge(engine: AsyncEngine) -> None:
    book = rulebook("anhui-2021")
    main = await dispatched(engine, policy="anhui-2021")
    later = MORNING + timedelta(hours=1)
    for count, caller in enumerate(("13900001111", "13900001111")):
        async with engine.begin() as connection:
            again = await create(connection, book, request(caller=caller), AGENT, later)
            assert main.number in again.earlier
            after = await merge(connection, book, again.number, main.number, DISPATCHER, later)
        assert after.life.callers == (caller,) * (count + 2)
    assert after.life.supervised
    async with engine.begin() as connection:
        gone = await get(connection, book, again.number, AGENT)
        assert (gone.duplicate_of, gone.life.state, gone.wake_at) == (main.number, State.ARCHIVED, None)
        with pytest.raises(Refused, match="已并入"):
            await do(connection, gone.number, "accept", DISPATCHER, later)
        for number, into in ((main.number, main.number), (main.number, gone.number), (gone.number, main.number)):
            with pytest.raises(Refused):
                await merge(connection, book, number, into, DISPATCHER, later)
    await assert_sound(engine, book)


def with_notice() -> WorkingDays:
    """The first week of January is off."""
    first, last = moment(f"{NEXT_YEAR}-01-01 00:00").date(), moment(f"{NEXT_YEAR}-01-08 00:00").date()
    days = [Holiday.model_construct(name="元旦", first=first, last=last)]
    notice = Notice.model_construct(year=NEXT_YEAR, number="某通知", holidays=days, made_up=[])
    return WorkingDays({NEXT_YEAR: notice}, provisional=True)


async def test_a_notice_moves_the_limits_that_rest_on_it(engine: AsyncEngine) -> None:
    book = rulebook().with_days(load_working_days(provisional=True))
    start = moment(f"{NEXT_YEAR - 1}-12-21 09:00")
    async with engine.begin() as connection:
        number = (await create(connection, book, request(), AGENT, start)).number
        await do(connection, number, "accept", DISPATCHER, start)
        await do(connection, number, "dispatch", DISPATCHER, start, unit="housing")
        await do(connection, number, "extend", officer("housing"), start, working_days=5, reason="鉴定")
        ticket = await do(connection, number, "decide_extension", DISPATCHER, start, agree=True)
    limit = ticket.life.limits[LimitKind.COMPLETE]
    assert limit.provisional
    assert not ticket.life.limits[LimitKind.CONTACT].provisional
    new = with_notice()
    async with engine.connect() as connection:
        assert await provisional_year(connection) == NEXT_YEAR
    at = start + timedelta(days=1)
    assert await recount(engine.begin, book.with_days(new), at, "某通知") == Recounted(1, 1)
    async with engine.connect() as connection:
        after = await get(connection, book, number, AGENT)
        event = (await events_of(connection, book, number))[-1]
        wakes = await connection.scalar(text("SELECT wake_at FROM tickets"))
    moved = after.life.limits[LimitKind.COMPLETE]
    assert moved.due.date() == new.add(start.date(), 25)
    assert moved.due > limit.due
    assert not moved.provisional
    assert after.due_at == moved.due
    assert wakes == after.wake_at
    assert (event.kind, event.data["why"]) == ("recounted", "某通知")
    assert event.data["moved"] == {"complete": [limit.due.isoformat(), moved.due.isoformat()]}
    assert event.articles == ("第二十条",)
    await assert_sound(engine, book)
    assert await recount(engine.begin, book.with_days(new), at, "某通知") == Recounted(0, 0)


async def test_a_ticket_that_cannot_be_counted_again_stops_no_other(engine: AsyncEngine) -> None:
    book = rulebook().with_days(load_working_days(provisional=True))
    start = moment(f"{NEXT_YEAR - 1}-12-21 09:00")
    numbers = []
    for _ in range(2):
        async with engine.begin() as connection:
            numbers.append((await create(connection, book, request(), AGENT, start)).number)
            await do(connection, numbers[-1], "accept", DISPATCHER, start)
            await do(connection, numbers[-1], "dispatch", DISPATCHER, start, unit="housing")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET policy = 'gone' WHERE number = :one"), {"one": numbers[0]})
    done = await recount(engine.begin, book.with_days(with_notice()), start, "某通知")
    assert (done.tickets, done.failed) == (1, (numbers[0],))


async def test_what_is_kept_until_the_review_moves_too(engine: AsyncEngine) -> None:
    book = rulebook("longnan-2021").with_days(load_working_days(provisional=True))
    start = moment(f"{NEXT_YEAR - 1}-12-29 09:00")
    policy = "longnan-2021"
    async with engine.begin() as connection:
        number = (await create(connection, book, request(), AGENT, start)).number
        await do(connection, number, "accept", DISPATCHER, start, policy=policy)
        await do(connection, number, "dispatch", DISPATCHER, start, unit="housing", policy=policy)
        ticket = await do(
            connection, number, "complete", officer("housing"), start, result="已修", basis="条例", policy=policy
        )
    limit = ticket.life.kept[LimitKind.COMPLETE]
    assert limit.provisional
    new = with_notice()
    await recount(engine.begin, book.with_days(new), start + timedelta(hours=1), "某通知")
    async with engine.begin() as connection:
        moved = (await get(connection, book, number, AGENT)).life.kept[LimitKind.COMPLETE]
        assert moved.due > limit.due
        assert not moved.provisional
        assert await connection.scalar(text("SELECT count(*) FROM deadlines WHERE provisional AND kept")) == 0
    await assert_sound(engine, book)


async def test_secret_and_plain_do_not_merge(engine: AsyncEngine) -> None:
    book = rulebook()
    async with engine.begin() as connection:
        plain = await create(connection, book, request(), AGENT, MORNING)
        secret = await create(connection, book, request(confidential=True, handler="dispatcher"), AGENT, MORNING)
        for one, other in ((plain, secret), (secret, plain)):
            with pytest.raises(Refused, match="保密"):
                await merge(connection, book, one.number, other.number, DISPATCHER, MORNING)


async def test_hidden_numbers_are_different_people(engine: AsyncEngine) -> None:
    assert {HIDDEN_DISPLAY, MALFORMED_DISPLAY} < set(ANONYMOUS)
    book = rulebook("anhui-2021")
    main = await dispatched(engine, policy="anhui-2021", caller=HIDDEN_DISPLAY)
    async with engine.begin() as connection:
        for _ in range(3):
            again = await create(connection, book, request(caller=HIDDEN_DISPLAY), AGENT, MORNING)
            assert (again.life.caller, again.earlier) == ("", ())
            after = await merge(connection, book, again.number, main.number, DISPATCHER, MORNING)
        assert await duplicates_of(connection, main.number) == [
            (f"{main.number[:-6]}{count:06}", "web") for count in (2, 3, 4)
        ]
    assert len(set(after.life.callers)) == 4
    await assert_sound(engine, book)
