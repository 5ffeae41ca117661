"""Tickets like one, and tickets that may be the same matter again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.ticket_people import AGENT, DISPATCHER, MORNING, dispatched, do, officer, request, rulebook
from tickets.alike import Weights, pairs_of, same_place
from tickets.book import create, get
from tickets.permits import Actor, NotAllowed
from tickets.similar import SameAs, repeats_of, similar_to
from tickets.words import Category


def test_seldom_words_count_more() -> None:
    said = ["请尽快处理，楼上漏水", "请尽快处理，电梯停运", "请尽快处理，路灯不亮", "请尽快处理，电梯困人"]
    texts = [pairs_of(one) for one in said]
    weights = Weights(texts)
    assert weights.likeness(texts[1], texts[3]) > weights.likeness(texts[1], texts[0]) > 0
    assert weights.likeness(texts[0], texts[0]) == pytest.approx(1)
    assert weights.likeness(texts[0], frozenset()) == 0
    assert weights.seldom(texts[0], 1)[0] in "楼上漏水"
    assert pairs_of("停 水，A1") == {"a1"}


@pytest.mark.parametrize(
    ("one", "other", "words", "same"),
    [
        ("人民路12号", "人民路 12号", "", True),
        ("人民路12号", "人民路13号", "", False),
        ("人民路12号", "", "就在人民路12号门口", True),
        ("", "", "人民路", False),
        ("3号", "3号", "", False),
        ("幸福小区3号楼2单元", "幸福小区3号楼2单元502", "", True),
    ],
)
def test_the_same_place(one: str, other: str, words: str, *, same: bool) -> None:
    assert same_place(one, other, words) is same


async def _new(engine: AsyncEngine, days: int = 0, /, **given: Any) -> str:
    async with engine.begin() as connection:
        return (await create(connection, rulebook(), request(**given), AGENT, MORNING + timedelta(days=days))).number


async def _repeats(engine: AsyncEngine, number: str, actor: Actor = AGENT) -> dict[str, tuple[SameAs, ...]]:
    async with engine.begin() as connection:
        ticket = await get(connection, rulebook(), number, actor)
        return {one.ticket.number: one.same for one in await repeats_of(connection, ticket, actor)}


async def test_repeats(engine: AsyncEngine) -> None:
    caller, place, topic = SameAs.CALLER, SameAs.PLACE, SameAs.TOPIC
    lift = {"title": "电梯停运三天", "content": "老人下不了楼", "address": "幸福小区3号楼", "caller": "13900002222"}
    other = {"title": "路灯不亮", "content": "晚上看不见路", "address": "中山路8号", "caller": "13900003333"}
    number = await _new(engine, 0, **lift)
    again = await _new(engine, 3, **{**lift, "content": "电梯还是停运"})
    neighbour = await _new(engine, 5, **{**lift, "caller": "13900004444", "content": "电梯停运，没有人修"})
    await _new(engine, 5, **other)
    await _new(engine, 5, **{**other, "caller": lift["caller"]})  # the same person about something else
    await _new(engine, 5, **{**other, "address": lift["address"]})  # something else at the same place
    await _new(engine, 31, **lift)  # too late
    blank = await _new(engine, 6, title="", content="", caller=lift["caller"])
    named = await _new(
        engine, 7, **{**lift, "address": "", "caller": "13900005555", "content": "幸福小区3号楼电梯停运"}
    )
    found = await _repeats(engine, number)
    assert found == {
        again: (caller, place, topic),
        neighbour: (place, topic),
        blank: (caller,),
        named: (place, topic),
    }
    assert next(iter(found)) == again, "the likeliest first"
    # A unit's person is told of the unit's tickets only; a stranger to it of none.
    with pytest.raises(NotAllowed):
        await _repeats(engine, number, officer("housing"))
    nobody = Actor("nobody", frozenset({"ticket.read_unit"}))
    async with engine.begin() as connection:
        ticket = await get(connection, rulebook(), number, AGENT)
        assert await repeats_of(connection, ticket, officer("housing")) == []
        with pytest.raises(NotAllowed):
            await repeats_of(connection, ticket, nobody)


async def test_a_confidential_ticket_is_no_repeat_for_who_may_not_see_it(engine: AsyncEngine) -> None:
    number = await _new(engine)
    await _new(engine, 1, confidential=True, handler="somebody")
    plain = await _new(engine, 1)
    assert list(await _repeats(engine, number)) == [plain]


async def test_similar_ones_say_where_they_ended(engine: AsyncEngine) -> None:
    like = (await dispatched(engine, title="电梯停运", content="电梯停运三天没人修", caller="1")).number
    async with engine.begin() as connection:
        later = MORNING + timedelta(days=1)
        await do(connection, like, "complete", officer("housing"), later, result="已修复", basis="规定")
        await do(connection, like, "review", DISPATCHER, later, **{"pass": True})
        await do(connection, like, "rate", AGENT, later, level="satisfied")
    await dispatched(engine, title="路灯不亮", content="晚上看不见路", caller="2")
    other_category = (await dispatched(engine, title="电梯停运", content="电梯何时修好", category=Category.HELP)).number
    await _new(engine, title="电梯停运", content="还没有人办")  # nothing to learn from it yet
    number = await _new(engine, 2, title="电梯停运", content="小区电梯停运", caller="3")
    async with engine.begin() as connection:
        ticket = await get(connection, rulebook(), number, AGENT)
        found = await similar_to(connection, ticket, AGENT)
        assert [one.ticket.number for one in found] == [like, other_category]
        assert found[0].score >= found[1].score
        assert (found[0].result, found[0].completed_at) == ("已修复", MORNING + timedelta(days=1))
        assert found[0].ticket.life.rating == "satisfied"
        assert found[1].result == ""
        assert [one.ticket.number for one in await similar_to(connection, ticket, officer("housing"))]
        assert await similar_to(connection, ticket, officer("elsewhere")) == []
        assert await similar_to(connection, ticket.model_copy(update={"title": "", "content": ""}), AGENT) == []


async def test_what_is_not_among_the_newest_is_found_by_its_seldom_words(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await dispatched(engine, title="窨井溢水", content="门口窨井溢水", caller="1")).number
    for caller in "234":
        await dispatched(engine, title="路灯不亮", content="晚上看不见路", caller=caller)
    number = await _new(engine, 2, title="窨井溢水", content="窨井又溢水", caller="5")
    monkeypatch.setattr("tickets.similar.NEWEST", 2)
    async with engine.begin() as connection:
        ticket = await get(connection, rulebook(), number, AGENT)
        assert [one.ticket.number for one in await similar_to(connection, ticket, AGENT)] == [old]
        limits = await connection.scalar(text("SHOW gin_fuzzy_search_limit"))
        assert limits == "0", "other searches in the transaction find all"
