"""The book of tickets on a real PostgreSQL: commands, versions, history, secrecy."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MANAGER,
    MORNING,
    SUPERVISOR,
    assert_sound,
    dispatched,
    do,
    leader,
    moment,
    officer,
    request,
    rulebook,
)
from tickets.book import Conflict, NotAllowed, NotFound, Refused, create, edit, execute, get, note
from tickets.clock import run
from tickets.commands import COMMAND
from tickets.earlier import earlier_of
from tickets.history import events_after, events_of, feed_end
from tickets.life import Life
from tickets.lifecycle import apply
from tickets.permits import CALLBACK, Actor
from tickets.ticket import Edit
from tickets.words import Category, LimitKind, State

HOUSING = officer("housing")


async def whole_life(engine: AsyncEngine) -> str:
    """From the request to the archive, an extension and a late completion on the way."""
    number = (await dispatched(engine)).number
    steps: list[tuple[str, str, Actor, dict[str, Any]]] = [
        ("2026-09-17 11:00", "view", HOUSING, {}),
        ("2026-09-17 14:00", "contact", HOUSING, {}),
        ("2026-09-18 09:00", "extend", HOUSING, {"working_days": 1, "reason": "须请第三方鉴定"}),
        ("2026-09-18 10:00", "decide_extension", DISPATCHER, {"agree": True}),
        ("2026-10-27 10:00", "complete", HOUSING, {"result": "已修好", "basis": "物业条例"}),
        ("2026-10-27 15:00", "review", SUPERVISOR, {"pass": True}),
        ("2026-10-28 09:00", "rate", AGENT, {"level": "satisfied"}),
        ("2026-10-28 09:30", "fulfil", AGENT, {"obligation": "notify_citizen"}),
        ("2026-10-28 10:00", "archive", SUPERVISOR, {}),
    ]
    for at, what, actor, fields in steps:
        async with engine.begin() as connection:
            await do(connection, number, what, actor, moment(at), **fields)
    return number


async def test_a_whole_life(engine: AsyncEngine) -> None:
    number = await whole_life(engine)
    async with engine.connect() as connection:
        ticket = await get(connection, rulebook(), number, AGENT)
        events = await events_of(connection, rulebook(), number)
    assert ticket.life.state is State.ARCHIVED
    assert ticket.life.supervised
    assert ticket.version == 12
    kinds = [event.kind for event in events]
    assert kinds[:4] == ["received", "accept", "dispatch", "view"]
    assert kinds.index("complete_overdue") < kinds.index("complete")
    late = next(event for event in events if event.kind == "complete_overdue")
    assert (late.actor, late.articles) == ("clock", ("第二十条",))
    assert late.at == moment("2026-10-23 00:00")
    completed = next(event for event in events if event.kind == "complete")
    assert completed.words["command"]["result"] == "已修好"
    assert "result" not in completed.data["command"]
    await assert_sound(engine, rulebook())


async def test_the_events_played_through_the_core_come_to_the_row(engine: AsyncEngine) -> None:
    number = await whole_life(engine)
    book = rulebook()
    policy = book.policy("dalian-2015")
    async with engine.connect() as connection:
        ticket = await get(connection, book, number, AGENT)
        events = await events_of(connection, book, number)
    life = Life.model_validate(events[0].changes)
    for event in events[1:]:
        if event.actor == "clock":
            continue
        command = {**event.data["command"], **event.words.get("command", {})}
        life, _ = run(policy, book.days, life, event.at)
        life = apply(policy, book.days, life, COMMAND.validate_python({"do": event.kind, **command}), event.at).life
    assert life == ticket.life


async def test_what_is_refused_leaves_nothing(engine: AsyncEngine) -> None:
    number = (await dispatched(engine)).number
    with pytest.raises(Refused, match="第二十四条"):
        async with engine.begin() as connection:
            await do(connection, number, "archive", DISPATCHER, moment("2026-09-18 09:00"))
    async with engine.connect() as connection:
        assert (await get(connection, rulebook(), number, AGENT)).version == 3
        assert len(await events_of(connection, rulebook(), number)) == 3
        with pytest.raises(NotFound):
            await get(connection, rulebook(), "20260917-999999", AGENT)


async def test_a_version_that_is_not_the_present_one(engine: AsyncEngine) -> None:
    ticket = await dispatched(engine)
    view = COMMAND.validate_python({"do": "view"})
    async with engine.begin() as connection:
        await execute(connection, rulebook(), ticket.number, view, HOUSING, MORNING, expected_version=ticket.version)
    with pytest.raises(Conflict) as caught:
        async with engine.begin() as connection:
            await execute(connection, rulebook(), ticket.number, view, HOUSING, MORNING, expected_version=3)
    assert caught.value.version == 4


async def test_twenty_officers_at_once(database_url: str) -> None:
    """Everybody tries to accept, dispatch and work on the same tickets: one dispatch each, and no update is lost."""
    engine = create_hotline_engine(database_url, pool_size=20)
    numbers = []
    async with engine.begin() as connection:
        for _ in range(6):
            numbers.append((await create(connection, rulebook(), request(), AGENT, MORNING)).number)
    done: list[tuple[str, str]] = []

    async def person(count: int) -> None:
        sender = Actor(f"dispatcher-{count}", DISPATCHER.permissions)
        works = officer(f"unit-{count}", f"officer-{count}")
        for turn in range(6):
            number = numbers[(count + turn) % len(numbers)]
            at = MORNING + timedelta(minutes=count)
            for actor, what, fields in (
                (sender, "accept", {}),
                (sender, "dispatch", {"unit": f"unit-{count}"}),
                (works, "contact", {}),
                (sender, "repeat", {"caller": f"caller-{count}-{turn}"}),
            ):
                try:
                    async with engine.begin() as connection:
                        await do(connection, number, what, actor, at, **fields)
                    done.append((number, what))
                except (Refused, NotAllowed):
                    pass

    await asyncio.gather(*(person(count) for count in range(20)))
    for number in numbers:
        assert done.count((number, "accept")) == 1
        assert done.count((number, "dispatch")) == 1
    assert sum(what == "repeat" for _, what in done) == 120
    assert await assert_sound(engine, rulebook()) == 6
    async with engine.connect() as connection:
        for number in numbers:
            ticket = await get(connection, rulebook(), number, AGENT)
            assert ticket.version == 1 + sum(one == number for one, _ in done)
            assert len(ticket.life.callers) == 21
    await engine.dispose()


async def test_who_asked_does_not_decide(engine: AsyncEngine) -> None:
    number = (await dispatched(engine)).number
    both = Actor("both", HOUSING.permissions | DISPATCHER.permissions, "housing")
    at = moment("2026-09-18 09:00")
    async with engine.begin() as connection:
        await do(connection, number, "extend", both, at, working_days=1, reason="鉴定")
    with pytest.raises(NotAllowed, match="他人"):
        async with engine.begin() as connection:
            await do(connection, number, "decide_extension", both, at, agree=True)
    async with engine.begin() as connection:
        await do(connection, number, "decide_extension", DISPATCHER, at, agree=True)


async def test_a_leader_signs(engine: AsyncEngine) -> None:
    number = (await dispatched(engine, policy="anhui-2021")).number
    at = moment("2026-09-18 09:00")
    fields: dict[str, Any] = {"result": "已修", "policy": "anhui-2021"}
    with pytest.raises(NotAllowed, match="签批"):
        async with engine.begin() as connection:
            await do(connection, number, "complete", HOUSING, at, leader_approval=True, **fields)
    async with engine.begin() as connection:
        ticket = await do(connection, number, "complete", leader("housing"), at, leader_approval=True, **fields)
    assert ticket.life.state is State.COMPLETED


async def test_only_the_units_own(engine: AsyncEngine) -> None:
    ticket = await dispatched(engine)
    for other in (officer("water"), Actor("nobody"), Actor("no-unit", HOUSING.permissions)):
        with pytest.raises(NotAllowed):
            async with engine.begin() as connection:
                await do(connection, ticket.number, "view", other, MORNING)
        async with engine.connect() as connection:
            with pytest.raises(NotAllowed) as caught:
                await get(connection, rulebook(), ticket.number, other)
            assert caught.value.hidden


async def test_events_are_kept(engine: AsyncEngine) -> None:
    await dispatched(engine)
    for statement in (
        "DELETE FROM ticket_events",
        "UPDATE ticket_events SET actor = 'nobody'",
        "UPDATE ticket_events SET words = NULL",
        "UPDATE ticket_events SET words = '{}', kind = 'drafted'",
        "UPDATE ticket_events SET words = NULL, kind = 'drafted'",
        "UPDATE ticket_events SET words = NULL, sealed = 'x', actor = 'nobody'",
        "TRUNCATE ticket_events CASCADE",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))


async def test_the_feed_is_in_the_order_of_commits(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        start = await feed_end(connection)
    async with engine.connect() as slow, engine.connect() as quick:
        first = await create(slow, rulebook(), request(), AGENT, MORNING)
        await create(quick, rulebook(), request(), AGENT, MORNING - timedelta(days=1))
        await quick.commit()
        seen, position = await events_after(quick, AGENT, start, 100)
        assert len(seen) == 1
        await quick.rollback()
        await slow.commit()
        later, _ = await events_after(quick, AGENT, position, 100)
    assert [one.event.number for one in later] == [first.number]
    assert later[0].event.words == {}


async def test_earlier_tickets_of_the_same_caller(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await create(connection, rulebook(), request(title="楼上漏水没人管"), AGENT, MORNING)
        await create(connection, rulebook(), request(title="路灯不亮", content="一片漆黑"), AGENT, MORNING)
        await create(connection, rulebook(), request(category=Category.HELP), AGENT, MORNING)
        await create(connection, rulebook(), request(caller="13900002222"), AGENT, MORNING)
        again = await create(connection, rulebook(), request(), AGENT, MORNING)
        unit = Actor("officer", frozenset({"ticket.read_unit"}), "housing")
        assert again.earlier == (first.number,)
        assert await earlier_of(connection, again, unit) == ()


SECRET = {
    "confidential": True, "handler": "agent", "content": "举报某某受贿", "requester": "张三", "channel_ref": "举报第7号"
}  # fmt: skip


async def test_a_confidential_ticket(engine: AsyncEngine) -> None:
    book = rulebook()
    named = Actor("named", DISPATCHER.permissions)
    async with engine.begin() as connection:
        ticket = await create(connection, book, request(**{**SECRET, "handler": "named"}), AGENT, MORNING)
        number = ticket.number
        await do(connection, number, "accept", named, MORNING)
        await do(connection, number, "repeat", named, MORNING, caller="13900001111")
    async with engine.connect() as connection:
        for nosy in (AGENT, MANAGER, DISPATCHER, HOUSING):
            with pytest.raises(NotAllowed):
                await get(connection, book, number, nosy)
        assert (await get(connection, book, number, SUPERVISOR)).content == "举报某某受贿"
        ticket = await get(connection, book, number, named)
        assert (ticket.requester, ticket.channel_ref) == ("张三", "举报第7号")
        assert ticket.life.callers[0] == ticket.life.callers[1] != "13900001111"
        seen, _ = await events_after(connection, AGENT, 0, 100)
        assert seen == []
    await assert_nowhere(engine, "受贿", "张三", "13900001111", "第7号")
    # Under a new key.
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE ticket_events SET sealed = sealed WHERE sealed IS NOT NULL"))
    await assert_sound(engine, book)


async def assert_nowhere(engine: AsyncEngine, *words: str) -> None:
    async with engine.connect() as connection:
        for table in ("tickets", "ticket_events", "deadlines"):
            for row in (await connection.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars():
                assert not any(word in row for word in words)


async def test_a_ticket_becomes_confidential(engine: AsyncEngine) -> None:
    book = rulebook()
    ticket = await dispatched(engine, content="举报某某受贿", requester="张三")
    async with engine.begin() as connection:
        await do(connection, ticket.number, "repeat", AGENT, MORNING + timedelta(hours=1), caller="13900001111")
    change = Edit(confidential=True, handler="housing-officer")
    async with engine.begin() as connection:
        changed = await edit(connection, book, ticket.number, change, DISPATCHER, MORNING + timedelta(hours=2))
    assert changed.confidential
    await assert_nowhere(engine, "受贿", "张三", "13900001111", "楼上漏水")
    await assert_sound(engine, book)
    async with engine.begin() as connection:
        assert (await get(connection, book, ticket.number, HOUSING)).content == "举报某某受贿"
        events = await events_of(connection, book, ticket.number)
        assert events[0].words["requester"] == "张三"
        with pytest.raises(Refused, match="保密"):
            await edit(connection, book, ticket.number, Edit(confidential=False), SUPERVISOR, MORNING)


async def test_edit(engine: AsyncEngine) -> None:
    book = rulebook()
    async with engine.begin() as connection:
        ticket = await create(connection, book, request(), AGENT, MORNING)
        changed = await edit(
            connection, book, ticket.number, Edit(title="漏水", category=Category.HELP, urgent=True), AGENT, MORNING
        )
        assert (changed.title, changed.life.category, changed.content) == ("漏水", Category.HELP, "物业不管")
        await do(connection, ticket.number, "accept", DISPATCHER, MORNING)
        with pytest.raises(Refused, match="已受理"):
            await edit(connection, book, ticket.number, Edit(urgent=False), AGENT, MORNING)
        with pytest.raises(NotAllowed):
            await edit(
                connection, book, ticket.number, Edit(title="x"), Actor("m", frozenset({"ticket.read_all"})), MORNING
            )
    await assert_sound(engine, book)


async def test_what_is_archived_is_not_rewritten(engine: AsyncEngine) -> None:
    number = await whole_life(engine)
    async with engine.begin() as connection:
        with pytest.raises(Refused, match="归档"):
            await edit(connection, rulebook(), number, Edit(content="别的话"), SUPERVISOR, moment("2026-10-29 09:00"))


async def test_zero_characters_do_no_harm(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        ticket = await create(connection, rulebook(), request(title="漏\0水"), AGENT, MORNING)
        assert ticket.title == "漏水"
        await do(connection, ticket.number, "accept", DISPATCHER, MORNING)
        await do(connection, ticket.number, "dispatch", DISPATCHER, MORNING, unit="hous\0ing", co_units=["wat\0er"])
        ticket = await do(connection, ticket.number, "return", HOUSING, MORNING, reason="不属\0本单位")
        with pytest.raises(NotFound):
            await get(connection, rulebook(), "2026\0", AGENT)
    assert (ticket.life.unit, ticket.life.co_units) == ("housing", ("water",))


async def test_a_county(engine: AsyncEngine) -> None:
    policy = "fuzhou-2007"
    ticket = await dispatched(engine, "minhou", policy, county=True)
    assert (ticket.life.state, ticket.county) == (State.AT_COUNTY, "minhou")
    county, unit = officer("minhou"), officer("minhou-housing")
    async with engine.begin() as connection:
        later = MORNING + timedelta(hours=1)
        await do(connection, ticket.number, "forward", county, later, unit="minhou-housing", policy=policy)
        asked = {"reason": "不属本单位", "suggested_unit": "water", "policy": policy}
        await do(connection, ticket.number, "return", unit, later, **asked)
        with pytest.raises(NotAllowed):
            await do(connection, ticket.number, "decide_return", unit, later, agree=True, policy=policy)
        ticket = await do(connection, ticket.number, "decide_return", county, later, agree=True, policy=policy)
    assert (ticket.life.state, ticket.life.unit, ticket.county) == (State.AT_COUNTY, "minhou", "minhou")
    assert LimitKind.COMPLETE not in ticket.life.limits
    await assert_sound(engine, rulebook(policy))


SAID = {"comment": "还是漏水，我叫王小明"}


async def test_a_note_stands_in_the_history_and_changes_nothing(engine: AsyncEngine) -> None:
    before = await dispatched(engine)
    at = moment("2026-09-17 08:00")  # earlier than what was written last
    async with engine.begin() as connection:
        start = await feed_end(connection)
        given = {"attempt": 7, "answers": {"solved": "no"}}
        await note(
            connection, rulebook(), before.number, "callback_answered", CALLBACK, at, given, SAID, ("第二十一条",)
        )
    async with engine.begin() as connection:
        # Whoever opened it before may still write.
        after = await get(connection, rulebook(), before.number, AGENT)
        assert after == before
        command = COMMAND.validate_python({"do": "view"})
        seen = await execute(
            connection,
            rulebook(),
            before.number,
            command,
            HOUSING,
            moment("2026-09-17 10:00"),
            expected_version=before.version,
        )
        assert seen.version == before.version + 1
        told = (await events_of(connection, rulebook(), before.number, "callback_answered"))[0]
        fed, _ = await events_after(connection, AGENT, start, 10)
    assert (told.at, told.actor, told.articles) == (at, "callback", ("第二十一条",))
    assert (told.data, told.words) == (given, SAID)
    assert [one.event.kind for one in fed] == ["callback_answered"]
    assert await assert_sound(engine, rulebook()) == 1


async def test_what_is_no_note(engine: AsyncEngine) -> None:
    number = (await dispatched(engine)).number
    async with engine.begin() as connection:
        kind: Any = "archive"
        with pytest.raises(ValueError, match="no kind of note"):
            await note(connection, rulebook(), number, kind, CALLBACK, MORNING)
        for given in ({"data": {"changes": {"state": "archived"}}}, {"words": {"changes": {"state": "archived"}}}):
            parts: dict[str, Any] = given
            with pytest.raises(ValueError, match="changes nothing"):
                await note(connection, rulebook(), number, "callback_asked", CALLBACK, MORNING, **parts)
        with pytest.raises(NotAllowed):
            await note(connection, rulebook(), number, "callback_asked", HOUSING, MORNING)
        with pytest.raises(NotFound):
            await note(connection, rulebook(), "20260917-999999", "callback_asked", CALLBACK, MORNING)
    async with engine.connect() as connection:
        kinds = {event.kind for event in await events_of(connection, rulebook(), number)}
    assert kinds == {"received", "accept", "dispatch"}


async def test_a_confidential_tickets_note_is_sealed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        secret = await create(connection, rulebook(), request(confidential=True, handler="agent"), AGENT, MORNING)
        given = {"outcome": "answered"}
        await note(connection, rulebook(), secret.number, "callback_answered", CALLBACK, MORNING, given, SAID)
        raw = await connection.scalar(text("SELECT ticket_events::text FROM ticket_events ORDER BY id DESC LIMIT 1"))
        told = (await events_of(connection, rulebook(), secret.number, "callback_answered"))[0]
    assert "王小明" not in raw
    assert (told.data, told.words) == (given, SAID)


async def test_callbacks_say_what_the_citizen_said_and_no_more(engine: AsyncEngine) -> None:
    number = (await dispatched(engine)).number
    async with engine.begin() as connection:
        await do(connection, number, "complete", HOUSING, moment("2026-09-18 09:00"), result="已修好")
        at = moment("2026-09-18 10:00")
        for what, fields in (("review", {"pass": True}), ("supervise", {"reason": "leader"})):
            with pytest.raises(NotAllowed):
                await do(connection, number, what, CALLBACK, at, **fields)
        await do(connection, number, "rate", CALLBACK, at, level="satisfied")
        life = (await do(connection, number, "unsolved", CALLBACK, at, reason="仍在漏水")).life
    assert (life.rating, life.unsolved, life.completions) == ("satisfied", True, 1)
    assert (life.callback_why, life.callback_since) == (("unsolved",), at)
    assert await assert_sound(engine, rulebook()) == 1
