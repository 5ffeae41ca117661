"""Manual callbacks on a real PostgreSQL: who is to be called, in which order, and whom that is shown."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.secrets import load_or_create
from hotline.settings import Settings
from tests.unit.api_peer import Api, api_for
from tests.unit.command_line import answer, hotline
from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MANAGER,
    MORNING,
    SUPERVISOR,
    dispatched,
    do,
    moment,
    officer,
    request,
    rulebook,
)
from tickets.book import create, note
from tickets.order import BadCursor
from tickets.permits import CALLBACK, Actor, NotAllowed
from tickets.tasks import Tasks, callback_tasks
from tickets.told import COMMANDS, event_name

HOUSING = officer("housing")


async def done(engine: AsyncEngine, at: str) -> str:
    """A ticket, completed at ``at`` and passed by the review."""
    number = (await dispatched(engine)).number
    async with engine.begin() as connection:
        await do(connection, number, "complete", HOUSING, moment(at), result="已修好")
        await do(connection, number, "review", DISPATCHER, moment(at), **{"pass": True})
    return number


async def say(engine: AsyncEngine, number: str, what: str, at: str, actor: Actor = CALLBACK, **fields: Any) -> None:
    async with engine.begin() as connection:
        await do(connection, number, what, actor, moment(at), **fields)


async def tasks(engine: AsyncEngine, actor: Actor = AGENT, **given: Any) -> Tasks:
    async with engine.connect() as connection:
        return await callback_tasks(connection, actor, **given)


async def test_the_longest_owed_first_with_its_reasons(engine: AsyncEngine) -> None:
    numbers = [await done(engine, "2026-09-18 09:00") for _ in range(5)]
    first, second, third, content, supervised = numbers
    await say(engine, third, "ask_callback", "2026-09-18 13:00")
    await say(engine, second, "unsolved", "2026-09-18 12:00", reason="仍在漏水")
    await say(engine, first, "rate", "2026-09-18 11:00", level="dissatisfied")
    await say(engine, content, "rate", "2026-09-18 10:00", level="satisfied")
    await say(engine, supervised, "supervise", "2026-09-18 14:00", SUPERVISOR, reason="leader")
    # Said again, and for another reason: it is owed since the first time.
    await say(engine, first, "unsolved", "2026-09-18 15:00")
    found = (await tasks(engine)).tasks
    assert [(one.ticket.number, one.since, [*one.why]) for one in found] == [
        (first, moment("2026-09-18 11:00"), ["dissatisfied", "unsolved"]),
        (second, moment("2026-09-18 12:00"), ["unsolved"]),
        (third, moment("2026-09-18 13:00"), ["asked"]),
        (supervised, moment("2026-09-18 14:00"), ["supervised"]),
    ]
    await say(engine, second, "fulfil", "2026-09-18 16:00", AGENT, obligation="manual_callback")
    await say(engine, third, "rate", "2026-09-18 16:00", AGENT, level="satisfied")
    assert [one.ticket.number for one in (await tasks(engine)).tasks] == [first, supervised]


async def test_what_the_unit_has_again_is_asked_about_when_it_is_done(engine: AsyncEngine) -> None:
    early, late = [await done(engine, "2026-09-18 09:00") for _ in range(2)]
    await say(engine, early, "rate", "2026-09-18 10:00", level="dissatisfied")
    await say(engine, late, "rate", "2026-09-18 11:00", level="dissatisfied")
    await say(engine, early, "review", "2026-09-18 12:00", DISPATCHER, **{"pass": False, "reason": "属实"})
    assert [one.ticket.number for one in (await tasks(engine)).tasks] == [late]
    await say(engine, early, "complete", "2026-09-21 09:00", HOUSING, result="已换水管")
    found = (await tasks(engine)).tasks
    assert [(one.ticket.number, one.since) for one in found] == [
        (late, moment("2026-09-18 11:00")),
        (early, moment("2026-09-21 09:00")),
    ]


async def test_whoever_asked_for_a_person_does_not_wait_for_the_unit(engine: AsyncEngine) -> None:
    number, other = [await done(engine, "2026-09-18 09:00") for _ in range(2)]
    await say(engine, number, "rate", "2026-09-18 10:00", level="dissatisfied")
    await say(engine, other, "unsolved", "2026-09-18 11:00")
    await say(engine, number, "review", "2026-09-18 12:00", DISPATCHER, **{"pass": False, "reason": "属实"})
    await say(engine, number, "ask_callback", "2026-09-18 13:00")
    assert [one.ticket.number for one in (await tasks(engine)).tasks] == [number, other]
    await say(engine, number, "complete", "2026-09-21 09:00", HOUSING, result="已换水管")
    first = (await tasks(engine)).tasks[0]
    assert (first.ticket.number, first.since) == (number, moment("2026-09-18 10:00"))


async def test_page_by_page(engine: AsyncEngine) -> None:
    numbers = [await done(engine, "2026-09-18 09:00") for _ in range(5)]
    for number in numbers:
        await say(engine, number, "unsolved", "2026-09-18 10:00")
    async with engine.begin() as connection:
        # As one that was owed before it was written down since when.
        await connection.execute(
            text("UPDATE tickets SET life = life - 'callback_since' - 'callback_why' WHERE number = :number"),
            {"number": numbers[3]},
        )
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await tasks(engine, limit=2, cursor=cursor)
        seen += [one.ticket.number for one in page.tasks]
        cursor = page.cursor
    assert cursor is None
    assert seen == [numbers[3], *numbers[:3], numbers[4]]
    for bad in ("x", "bnVsbA", "WzUsICIyMDI2MDkxNy0wMDAwMDEiXQ", "WyIiLCAieCJd", "WyJ4IiwgIjIwMjYwOTE3LTAwMDAwMSJd"):
        with pytest.raises(BadCursor):
            await tasks(engine, cursor=bad)


async def test_no_other_ticket_is_looked_at(engine: AsyncEngine) -> None:
    """The query's order and conditions are the index's: there is nothing to sort and nothing to pass over."""
    statements: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", hear)
    await tasks(engine, SUPERVISOR, limit=1)
    event.remove(engine.sync_engine, "before_cursor_execute", hear)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        (query,) = [re.sub(r"%\(\w+\)s(::\w+)?", "2", one) for one in statements if "callback_since" in one]
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
    assert "tickets_callback" in plan
    assert "Sort" not in plan


async def test_a_confidential_one_is_for_its_handler(engine: AsyncEngine) -> None:
    named = Actor("named", DISPATCHER.permissions)
    async with engine.begin() as connection:
        secret = request(confidential=True, handler="named")
        number = (await create(connection, rulebook(), secret, AGENT, MORNING)).number
        for what, fields in (("accept", {}), ("dispatch", {"unit": "housing"})):
            await do(connection, number, what, named, MORNING, **fields)
        unit = Actor("named", HOUSING.permissions, "housing")
        await do(connection, number, "complete", unit, moment("2026-09-18 09:00"), result="已查")
        await do(connection, number, "unsolved", CALLBACK, moment("2026-09-18 10:00"))
    assert (await tasks(engine)).tasks == ()
    for actor in (named, SUPERVISOR):
        (one,) = (await tasks(engine, actor)).tasks
        assert (one.ticket.number, one.ticket.title, one.ticket.caller) == (number, "", "")
    assert (await tasks(engine, MANAGER)).tasks == ()
    with pytest.raises(NotAllowed):
        await tasks(engine, HOUSING)


# ---- over the API, and told in Chinese ---------------------------------------------------------------------------


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def test_tasks_over_the_api(api: Api) -> None:
    numbers = []
    for _ in range(3):
        number = await api.dispatched(requester="王小明")
        await api.do("officer", number, "complete", result="已恢复供水")
        await api.do("dispatcher", number, "review", **{"pass": True})
        await api.do("agent", number, "unsolved", reason="王小明说仍停水，13900001111")
        numbers.append(number)
    first = await api.json("agent", "GET", "/callback-tasks?limit=2")
    second = await api.json("supervisor", "GET", f"/callback-tasks?limit=2&after={first['next']}")
    assert [one["number"] for one in first["items"] + second["items"]] == numbers
    assert second["next"] is None
    (task,) = second["items"]
    assert (task["why"], task["why_names"], task["rating"]) == (["unsolved"], ["诉求未解决"], None)
    assert "13900001111" not in json.dumps(first)
    assert "王小明" not in json.dumps(first, ensure_ascii=False)
    for who in ("officer", "leader", "manager", "administrator"):
        await api.json(who, "GET", "/callback-tasks", 403)
    await api.json("agent", "GET", "/callback-tasks?after=x", 422)
    shown = await api.json("agent", "GET", f"/tickets/{numbers[0]}")
    assert shown["obligations"] == ["manual_callback"]
    policy = await api.json("agent", "GET", "/policies/dalian-2015")
    assert policy["评价"]["语音回访"]["条"] == "第二十一条"


async def test_the_history_is_told_in_chinese(api: Api) -> None:
    number = await api.dispatched()
    path = f"/tickets/{number}"
    answer = await api.ask("agent", "GET", path)
    async with api.engine.begin() as connection:
        said = {"comment": "请打13900001111"}
        book = api.services.rulebook()
        await note(connection, book, number, "callback_unreached", CALLBACK, MORNING, {"text": "无人接听"}, said)
    again = await api.ask("agent", "GET", path)
    assert again.headers["ETag"] == answer.headers["ETag"]
    history = await api.json("agent", "GET", f"{path}/history")
    assert [one["name"] for one in history["items"]] == ["登记", "受理", "转办", "回访：未接通"]
    assert history["items"][-1]["data"] == {"text": "无人接听"}
    assert "13900001111" not in json.dumps(history)


async def test_on_the_command_line(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    assert "（无）" in (await asyncio.to_thread(hotline, "tickets", "--tasks")).output
    numbers = [await done(engine, "2026-09-18 09:00") for _ in range(2)]
    for number in numbers:
        await say(engine, number, "unsolved", "2026-09-18 12:00", reason="仍在漏水")
    async with engine.begin() as connection:
        said = {"comment": "一直没人来"}
        await note(connection, rulebook(), numbers[0], "callback_answered", CALLBACK, MORNING, {"text": "未解决"}, said)
    assert [one["number"] for one in await asyncio.to_thread(answer, "tickets", "--tasks")] == numbers
    (task,) = await asyncio.to_thread(answer, "tickets", "--tasks", "--last", "1")
    assert (task["why"], task["since"]) == (["unsolved"], "2026-09-18T12:00:00+08:00")
    assert "诉求未解决" in (await asyncio.to_thread(hotline, "tickets", "--tasks")).output.replace("\n", "")
    assert (await asyncio.to_thread(hotline, "tickets", "--tasks", "--overdue")).exit_code == 2
    history = (await asyncio.to_thread(answer, "tickets", "show", numbers[0]))["history"]
    assert [one["name"] for one in history][-2:] == ["反映未解决", "回访：答复"]
    shown = (await asyncio.to_thread(hotline, "tickets", "show", numbers[0])).output
    assert all(word in shown for word in ("反映未解决", "仍在漏水", "一直没人来"))


def test_names() -> None:
    assert event_name("complete_overdue", {"text": "办结逾期"}) == "办结逾期"
    assert event_name("of_another_version", {}) == "of_another_version"
    assert len(set(COMMANDS.values())) == len(COMMANDS)
