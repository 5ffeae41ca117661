"""Who is rung: by the regulations' own words, each once, and nobody who is not to be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callback.campaign import Campaign
from callback.plan import Planned, plan
from callback.store import set_state
from callback.words import CampaignState, Kind
from tests.unit.callback_people import NOW, claimed, missed_call, reviewed, running
from tests.unit.ticket_people import DISPATCHER, MORNING, SUPERVISOR, dispatched, do, officer, rulebook
from tickets.book import edit
from tickets.ticket import Edit
from tickets.words import Category

HOUR = timedelta(hours=1)


async def planned(engine: AsyncEngine, campaign: Campaign, policy: str = "dalian-2015") -> Planned:
    async with engine.begin() as connection:
        return await plan(connection, rulebook(policy), campaign, NOW)


async def targets(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(text("SELECT * FROM callback_targets ORDER BY due_at, id")))


async def test_a_reviewed_ticket_is_asked_about_once(engine: AsyncEngine) -> None:
    ticket = await reviewed(engine)
    campaign = await running(engine)
    assert await planned(engine, campaign) == Planned(added=1)
    assert await planned(engine, campaign) == Planned()
    (one,) = await targets(engine)
    assert (one.ticket, one.about, one.number) == (ticket.number, f"{ticket.number}/1", "+8613900001111")
    assert (one.state, one.article, len(one.scale)) == ("waiting", "第二十一条", 5)
    assert one.scale[0] == "very_satisfied"
    other = await running(engine, name="另一任务")
    assert await planned(engine, other) == Planned(), "once over all campaigns"
    async with engine.begin() as connection:
        await set_state(connection, campaign.id, CampaignState.DONE, NOW)
    assert await planned(engine, other) == Planned(added=1), "whom the first never rang"


@pytest.mark.parametrize(
    ("given", "rung"),
    [
        ({"caller": "号码隐藏", "caller_e164": None, "contact": "139 5551 0008"}, ["+8613955510008"]),
        ({"caller": "号码隐藏", "caller_e164": None, "contact": "0411-83631234"}, ["+8641183631234"]),
        ({"contact": "139 5551 0008"}, ["+8613955510008"]),
        ({"contact": "同来电"}, ["+8613900001111"]),
        ({"caller": "号码隐藏", "caller_e164": None, "contact": "问邻居"}, []),
        ({"caller": "号码隐藏", "caller_e164": None, "contact": "83631234"}, []),
    ],
)
async def test_rung_is_where_the_citizen_wants_to_be_reached(
    engine: AsyncEngine, given: dict[str, Any], rung: list[str]
) -> None:
    await reviewed(engine, **given)
    campaign = await running(engine)
    assert await planned(engine, campaign) == Planned(added=len(rung))
    assert [one.number for one in await targets(engine)] == rung
    assert await planned(engine, campaign) == Planned(), "nobody is dropped again"


async def test_a_local_number_is_completed(engine: AsyncEngine) -> None:
    await reviewed(engine, caller="号码隐藏", caller_e164=None, contact="83631234")
    campaign = await running(engine)
    async with engine.begin() as connection:
        await plan(connection, rulebook("dalian-2015"), campaign, NOW, "0411")
    assert [one.number for one in await targets(engine)] == ["+8641183631234"]


@pytest.mark.parametrize(
    ("policy", "asked"),
    [("dalian-2015", 1), ("yangling-2018", 1), ("anhui-2021", 1), ("longnan-2021", 1), ("fuzhou-2007", 0)],
)
async def test_where_the_regulation_asks_for_it(engine: AsyncEngine, policy: str, asked: int) -> None:
    await reviewed(engine, policy, category=Category.HELP)
    assert (await planned(engine, await running(engine))).added == asked


async def test_in_the_order_of_their_limits(engine: AsyncEngine) -> None:
    slow = await reviewed(engine, number="13900000001")
    quick = await reviewed(engine, number="13900000002", urgent=True)
    await planned(engine, await running(engine))
    found = await targets(engine)
    assert [one.ticket for one in found] == [quick.number, slow.number]
    assert found[0].due_at > NOW, "the limit of its completion"


async def test_not_before_review_nor_after_an_answer(engine: AsyncEngine) -> None:
    await dispatched(engine, caller="13900000001", caller_e164="+8613900000001")
    rated = await reviewed(engine, number="13900000002")
    await reviewed(engine, number="13900000003", caller_e164=None)
    async with engine.begin() as connection:
        await do(connection, rated.number, "rate", DISPATCHER, NOW, level="satisfied")
    assert await planned(engine, await running(engine)) == Planned()


async def test_a_person_asks_where_the_rules_want_one(engine: AsyncEngine) -> None:
    watched = await reviewed(engine, number="13900000001")
    wished = await reviewed(engine, number="13900000002")
    elsewhere = await reviewed(engine, "longnan-2021", number="13900000003")
    async with engine.begin() as connection:
        await do(connection, watched.number, "supervise", SUPERVISOR, NOW, reason="media")
        await do(connection, wished.number, "ask_callback", DISPATCHER, NOW)
        await do(connection, elsewhere.number, "supervise", SUPERVISOR, NOW, reason="media", policy="longnan-2021")
    await planned(engine, await running(engine))
    assert [one.ticket for one in await targets(engine)] == [elsewhere.number], "Longnan names no such exception"


async def test_a_confidential_matter_is_told_to_nobody(engine: AsyncEngine) -> None:
    ticket = await reviewed(engine)
    campaign = await running(engine)
    await planned(engine, campaign)
    secret = Edit(confidential=True, handler="supervisor")
    async with engine.begin() as connection:
        await edit(connection, rulebook(), ticket.number, secret, SUPERVISOR, NOW)
    assert await planned(engine, campaign) == Planned(dropped=1)
    assert await planned(engine, await running(engine, name="另一任务")) == Planned()


async def test_a_ticket_that_was_done_again_is_asked_about_again(engine: AsyncEngine) -> None:
    ticket = await reviewed(engine, "longnan-2021")
    campaign = await running(engine)
    await planned(engine, campaign)
    async with engine.begin() as connection:
        await do(connection, ticket.number, "rate", DISPATCHER, NOW, level="dissatisfied", policy="longnan-2021")
    assert await planned(engine, campaign) == Planned(dropped=1)
    done = {"result": "重新修好", "basis": "条例", "leader_approval": "已签批（编号8）"}
    async with engine.begin() as connection:
        await do(connection, ticket.number, "complete", officer("housing"), NOW + HOUR, policy="longnan-2021", **done)
        again = {"pass": True}
        await do(connection, ticket.number, "review", SUPERVISOR, NOW + 2 * HOUR, policy="longnan-2021", **again)
    assert await planned(engine, campaign) == Planned(added=1)
    assert [(one.about, one.state) for one in await targets(engine)] == [
        (f"{ticket.number}/1", "dropped"),
        (f"{ticket.number}/2", "waiting"),
    ]


async def test_a_number_that_cannot_be_dialled_is_said_and_left(engine: AsyncEngine) -> None:
    await reviewed(engine, caller="400 123 4567", caller_e164="+864001234567")
    campaign = await running(engine)
    assert await planned(engine, campaign) == Planned(left_out=1)
    assert await planned(engine, campaign) == Planned()
    assert await claimed(engine) == []
    (one,) = await targets(engine)
    assert (one.state, one.reason, one.to_tell) == ("dropped", "号码无法拨打", True)
    assert await planned(engine, campaign) == Planned()


async def test_a_number_that_nobody_has_stops_nobody(engine: AsyncEngine) -> None:
    """Stored while more was taken for a number abroad: the list of numbers takes it no more."""
    campaign = await running(engine, Kind.MISSED)
    await missed_call(engine, "h-1700000000.1", "+4912", MORNING)
    await missed_call(engine, "h-1700000000.2", "+8613900000001", MORNING)
    assert await planned(engine, campaign) == Planned(added=1)
    await reviewed(engine, caller="+4912", caller_e164="+4912")
    assert await planned(engine, await running(engine)) == Planned()


async def test_nobody_is_rung_about_a_ticket_that_went_another_way_since(engine: AsyncEngine) -> None:
    """The list is looked through once a minute only, and not at all while the worker is away."""
    secret, rated, left = [await reviewed(engine, number=f"1390000000{n}") for n in range(3)]
    campaign = await running(engine)
    await planned(engine, campaign)
    async with engine.begin() as connection:
        confidential = Edit(confidential=True, handler="supervisor")
        await edit(connection, rulebook(), secret.number, confidential, SUPERVISOR, NOW)
        await do(connection, rated.number, "rate", DISPATCHER, NOW, level="satisfied")
    assert [one.ticket for one in await claimed(engine)] == [left.number]
    found = {one.ticket: (one.state, one.reason, one.to_tell) for one in await targets(engine)}
    assert found[secret.number] == found[rated.number] == ("dropped", "工单已另行办理或评价", False)


async def test_after_its_last_day_nobody_is_added(engine: AsyncEngine) -> None:
    await reviewed(engine)
    campaign = (await running(engine)).model_copy(update={"ends_on": (NOW - 24 * HOUR).date()})
    assert await planned(engine, campaign) == Planned()


async def test_who_reached_nobody_is_rung_once(engine: AsyncEngine) -> None:
    campaign = await running(engine, Kind.MISSED)
    await missed_call(engine, "h-1700000000.1", "+8613900000001", MORNING)
    await missed_call(engine, "h-1700000000.2", "+8613900000001", MORNING + HOUR)
    await missed_call(engine, "h-1700000000.3", "+8613900000002", MORNING + HOUR)
    await missed_call(engine, "h-1700000000.4", "+8613900000003", MORNING - 24 * HOUR)
    await missed_call(engine, "h-1700000000.5", "+8613900000004", MORNING, missed=False)
    assert await planned(engine, campaign) == Planned(added=2)
    assert [(one.about, one.number) for one in await targets(engine)] == [
        ("h-1700000000.2", "+8613900000001"),
        ("h-1700000000.3", "+8613900000002"),
    ]
    await missed_call(engine, "h-1700000000.6", "+8613900000001", MORNING + 2 * HOUR)
    assert await planned(engine, campaign) == Planned(), "waits already"
    through = MORNING + 3 * HOUR
    await missed_call(engine, "h-1700000000.7", "+8613900000001", through, missed=False, human_at=through)
    assert await planned(engine, campaign) == Planned(dropped=1)
    assert [one.number for one in await targets(engine) if one.state == "waiting"] == ["+8613900000002"]


async def test_who_got_through_or_was_reached_since_is_not_rung(engine: AsyncEngine) -> None:
    campaign = await running(engine, Kind.MISSED)
    for number in (1, 2, 3):
        await missed_call(engine, f"h-1700000000.{number}", f"+861390000000{number}", MORNING)
    later = MORNING + HOUR
    await missed_call(engine, "h-1700000000.8", "+8613900000001", later, missed=False, human_at=later)
    async with engine.begin() as connection:
        listed = await running(engine, Kind.LIST)
        row = {"campaign": listed.id, "number": "+8613900000002", "at": later}
        await connection.execute(
            text(
                "WITH t AS (INSERT INTO callback_targets (campaign_id, about, number, due_at, next_at)"
                " VALUES (:campaign, '1', :number, :at, :at) RETURNING id)"
                " INSERT INTO callback_attempts (target_id, campaign_id, number, dialler, claimed_at, answered_at)"
                " SELECT id, :campaign, :number, 'x', :at, :at FROM t"
            ),
            row,
        )
    assert await planned(engine, campaign) == Planned(added=1)
    assert [one.about for one in await targets(engine)][-1] in {"h-1700000000.3", "1"}
