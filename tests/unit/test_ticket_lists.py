"""A desk's lists: by what is due and how urgent it is, what waits for whom, what one has had to do with."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.unit.api_peer import Api, api_for
from tests.unit.ticket_people import AGENT, DISPATCHER, MORNING, dispatched, do, moment, officer, request, rulebook
from tickets.book import create
from tickets.find import Filter, count, find
from tickets.order import BadCursor, Sort
from tickets.permits import Actor
from tickets.tables import metadata
from tickets.waiting import DONE_BY, NAMES, WaitingFor
from tickets.words import Category, SuperviseReason

NOW = moment("2026-09-17 12:00")


@pytest.fixture
async def book(engine: AsyncEngine) -> dict[str, str]:
    """Tickets by name, in the order in which they came."""
    made = {"complaint": (await dispatched(engine)).number}
    made["question"] = (await dispatched(engine, "water", category=Category.CONSULTATION)).number
    made["urgent"] = (await dispatched(engine, category=Category.HELP, urgent=True)).number
    made["supervised"] = (await dispatched(engine, category=Category.HELP)).number
    async with engine.begin() as connection:
        for name in ("new", "accepted", "declined"):
            made[name] = (await create(connection, rulebook(), request(), AGENT, MORNING)).number
        await do(connection, made["accepted"], "accept", DISPATCHER, MORNING)
        await do(connection, made["declined"], "decline", DISPATCHER, MORNING, reason="other")
        boss = Actor("boss", frozenset({"ticket.read_all", "ticket.supervise"}))
        await do(connection, made["supervised"], "supervise", boss, NOW, reason=SuperviseReason.LEADER)
        await do(connection, made["complaint"], "extend", officer("housing"), NOW, working_days=5, reason="疑难")
        await do(connection, made["question"], "contact", officer("water"), NOW)
    return made


async def _names(
    connection: AsyncConnection, book: dict[str, str], wanted: Filter, sort: Sort = Sort.RECEIVED, actor: Actor = AGENT
) -> list[str]:
    """Page by page, two at a time."""
    names = {number: name for name, number in book.items()}
    found: list[str] = []
    cursor = None
    while True:
        page = await find(connection, rulebook(), actor, wanted, NOW, sort=sort, limit=2, cursor=cursor)
        found += [names[ticket.number] for ticket in page.tickets]
        if page.cursor is None:
            return found
        cursor = page.cursor


async def test_orders(engine: AsyncEngine, book: dict[str, str]) -> None:
    async with engine.connect() as connection:
        assert await _names(connection, book, Filter()) == list(book)[::-1]
        due = await _names(connection, book, Filter(), Sort.DUE)
        assert due == ["question", "urgent", "complaint", "supervised", "new", "accepted"]
        urgency = await _names(connection, book, Filter(), Sort.URGENCY)
        assert urgency == ["urgent", "supervised", "question", "complaint", "new", "accepted"]
        mine = await _names(connection, book, Filter(), Sort.DUE, officer("housing"))
        assert mine == ["urgent", "complaint", "supervised"]
        words = await _names(connection, book, Filter(text="漏水"), Sort.URGENCY)
        assert words == urgency
        # A page that the newest do not fill is looked for by pairs of letters.
        assert await _names(connection, book, Filter(text="物业不管", urgent=True), Sort.DUE) == ["urgent"]


async def test_cursors_of_another_order_are_refused(engine: AsyncEngine, book: dict[str, str]) -> None:
    async with engine.connect() as connection:
        page = await find(connection, rulebook(), AGENT, Filter(), NOW, sort=Sort.DUE, limit=1)
        assert page.cursor is not None
        for sort in (Sort.RECEIVED, Sort.URGENCY):
            with pytest.raises(BadCursor):
                await find(connection, rulebook(), AGENT, Filter(), NOW, sort=sort, cursor=page.cursor)
        at, number = NOW.isoformat(), book["new"]
        wrong: list[object] = [[], {}, 1, ["urgency", at, number], ["urgency", 1, "2026-01-01T00:00:00", number]]
        wrong += [["urgency", rank, at, number] for rank in (9, "0", True)]
        for values in wrong:
            cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
            with pytest.raises(BadCursor):
                await find(connection, rulebook(), AGENT, Filter(), NOW, sort=Sort.URGENCY, cursor=cursor)
        for moment_of in ("infinity", "never"):
            cursor = base64.urlsafe_b64encode(json.dumps([moment_of, number]).encode()).decode()
            with pytest.raises(BadCursor):
                await find(connection, rulebook(), AGENT, Filter(), NOW, cursor=cursor)


async def test_what_waits(engine: AsyncEngine, book: dict[str, str]) -> None:
    assert set(NAMES) == set(DONE_BY) == set(WaitingFor)
    expected = {
        WaitingFor.ACCEPT: {"new"},
        WaitingFor.DISPATCH: {"accepted"},
        WaitingFor.CONTACT: {"complaint", "urgent", "supervised"},
        WaitingFor.COMPLETE: {"complaint", "question", "urgent", "supervised"},
        WaitingFor.DECIDE_EXTENSION: {"complaint"},
    }
    async with engine.begin() as connection:
        for one in WaitingFor:
            found = await _names(connection, book, Filter(waiting_for=one), Sort.URGENCY)
            assert set(found) == expected.get(one, set()), one
            assert await count(connection, rulebook(), AGENT, Filter(waiting_for=one), NOW, 100) == len(found)
        assert await count(connection, rulebook(), AGENT, Filter(), NOW, 3) == 4, "more than that are not counted"
        unit = officer("housing")
        assert await count(connection, rulebook(), unit, Filter(waiting_for=WaitingFor.COMPLETE), NOW, 100) == 3
        at, name = NOW, book["supervised"]
        await do(connection, name, "return", unit, at, reason="不是本单位职责")
        await do(connection, book["urgent"], "complete", unit, at, result="已通水")
        await do(connection, book["question"], "complete", officer("water"), at, result="已答复")
        await do(connection, book["question"], "review", DISPATCHER, at, **{"pass": True})
        await do(connection, book["question"], "ask_callback", AGENT, at)
        for one, named in (
            (WaitingFor.DECIDE_RETURN, ["supervised"]),
            (WaitingFor.CONTACT, ["complaint"]),
            (WaitingFor.REVIEW, ["urgent"]),
            (WaitingFor.ARCHIVE, ["question"]),
            (WaitingFor.CALLBACK, ["question"]),
        ):
            assert await _names(connection, book, Filter(waiting_for=one)) == named, one


async def test_ones_own(engine: AsyncEngine, book: dict[str, str]) -> None:
    mine = Filter(mine=True)
    async with engine.begin() as connection:
        given = request(confidential=True, handler="agent")
        book["secret"] = (await create(connection, rulebook(), given, DISPATCHER, MORNING)).number
        dispatched_ones = ["accepted", "declined", "supervised", "urgent", "question", "complaint"]
        assert set(await _names(connection, book, mine, actor=DISPATCHER)) == set(dispatched_ones)
        assert await _names(connection, book, mine, Sort.DUE, officer("housing")) == ["complaint"]
        assert "secret" in await _names(connection, book, mine)
        assert await _names(connection, book, Filter(mine=True, text="物业不管"), actor=officer("water")) == [
            "question"
        ]
        assert await _names(connection, book, mine, actor=Actor("new", AGENT.permissions)) == []


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def test_over_the_api(api: Api) -> None:
    one, other = await api.new(), await api.dispatched(urgent=True)
    counts = await api.json("dispatcher", "GET", "/tickets/counts")
    waiting = {row["waiting_for"]: row for row in counts["waiting"]}
    assert waiting["accept"] == {"waiting_for": "accept", "name": "待受理", "mine": True, "count": 1, "more": False}
    assert (waiting["complete"]["count"], waiting["complete"]["mine"]) == (1, False)
    assert (counts["urgent"]["count"], counts["overdue"]["count"]) == (1, 0)
    stranger = await api.json("stranger", "GET", "/tickets/counts")
    assert not any(row["count"] for row in stranger["waiting"])
    listed = await api.json("dispatcher", "GET", "/tickets?sort=urgency&limit=1")
    assert [row["number"] for row in listed["items"]] == [other]
    following = await api.json("dispatcher", "GET", f"/tickets?sort=urgency&limit=1&after={listed['next']}")
    assert [row["number"] for row in following["items"]] == [one]
    waiting_one = await api.json("dispatcher", "GET", "/tickets?waiting_for=accept")
    assert [row["number"] for row in waiting_one["items"]] == [one]
    mine = await api.json("dispatcher", "GET", "/tickets?mine=true&sort=due")
    assert [row["number"] for row in mine["items"]] == [other]


async def test_topics(api: Api) -> None:
    topics = await api.json("agent", "GET", "/catalogue?search=停水")
    assert [(one["matter"], one["unit_name"]) for one in topics["items"]] == [("供水", "water")]
    assert len((await api.json("agent", "GET", "/catalogue"))["items"]) == 2
    body = {"category": "complaint", "text": "小区停水"}
    found = await api.json("agent", "POST", "/catalogue/proposals", json=body)
    assert [one["unit"] for one in found["items"]] == ["water", "housing"]
    assert "停水" in found["items"][0]["reason"]


async def test_on_paper(api: Api) -> None:
    number = await api.dispatched()
    await api.do("officer", number, "complete", result="已恢复供水，电话13800001234", basis="供水条例")
    paper = await api.json("dispatcher", "GET", f"/tickets/{number}/print")
    assert (paper["city"], paper["category_name"], paper["unit_name"]) == ("大连市", "投诉", "housing")
    assert paper["ticket"]["number"] == number
    last = paper["history"][-1]
    assert (last["name"], last["actor"]) == ("办结", "officer")
    assert last["text"].startswith("已恢复供水，电话")
    assert "13800001234" not in json.dumps(paper)
    assert last["text"].endswith("供水条例")


async def test_likely_repeats_can_be_merged(api: Api) -> None:
    one, again = await api.new(address="人民路12号"), await api.new(address="人民路12号")
    found = await api.json("agent", "GET", f"/tickets/{again}/repeats")
    (row,) = found["items"]
    assert (row["number"], row["same"], row["open"], row["can_merge"]) == (
        one,
        ["caller", "place", "topic"],
        True,
        True,
    )
    assert row["why"] == "同一号码；同一地点；内容相近（100%）"
    headers = {"If-Match": f'"{again}-1"'}
    await api.json("dispatcher", "POST", f"/tickets/{again}/merge", json={"into": one}, headers=headers)
    assert (await api.json("agent", "GET", f"/tickets/{one}/repeats"))["items"] == []
    await api.do("dispatcher", one, "accept")
    await api.do("dispatcher", one, "dispatch", unit="housing")
    await api.do("officer", one, "complete", result="已修")
    like = await api.json("agent", "GET", f"/tickets/{await api.new()}/similar")
    assert [(row["number"], row["unit_name"], row["result"]) for row in like["items"]] == [(one, "housing", "已修")]


async def test_the_indexes_are_there(engine: AsyncEngine) -> None:
    wanted = {one.name for table in metadata.tables.values() for one in table.indexes}
    async with engine.connect() as connection:
        there = {row.indexname for row in await connection.execute(text("SELECT indexname FROM pg_indexes"))}
    assert wanted <= there
