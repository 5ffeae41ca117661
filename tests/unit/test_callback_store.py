"""Campaigns, attempts and the numbers that are not to be rung, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback import dnc, manage, store
from callback.attempts import ASKED_FOR, Ended, note_outcome, settle, take
from callback.campaign import Campaign, NewCampaign, Rules
from callback.claim import Claim, claim
from callback.dnc import Entry
from callback.faults import CallbackFault
from callback.follow import Attempt, Follow, Target
from callback.manage import Act
from callback.pacing import Load, Pace
from callback.store import ENDED, NewTarget, Progress
from callback.survey import Answer, Result
from callback.tables import metadata
from callback.words import CampaignState, Kind, Outcome, TargetState
from tickets.number import CHINA

NOW = datetime(2026, 9, 21, 10, tzinfo=CHINA)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PACE = Pace(lines=100, per_second=100, trunk_lines=0, reserve=0, waiting=1)
DRAFT, RUNNING, PAUSED, DONE = CampaignState
TICKET = "20260921-000001"


def new(name: str = "满意度", **changes: Any) -> NewCampaign:
    given = {"name": name, "kind": Kind.TICKETS, "survey": "ticket", "starts_on": date(2026, 9, 1)} | changes
    return NewCampaign.model_validate(given)


def target(n: int, **changes: Any) -> NewTarget:
    given = {"ticket": TICKET, "scale": ("satisfied", "dissatisfied"), "article": "第二十一条"} | changes
    return NewTarget(f"{n}", f"+86139{n:08}", NOW + n * SECOND, **given)


async def running(connection: AsyncConnection, people: int = 0, **changes: Any) -> Campaign:
    made = await store.create_campaign(connection, new(**changes), "张三")
    await store.add_targets(connection, made.id, [target(n) for n in range(people)], NOW)
    return await store.set_state(connection, made.id, RUNNING, NOW)


async def claimed(connection: AsyncConnection, now: datetime = NOW) -> list[Claim]:
    return await claim(connection, PACE, Load(0, 0), now, "one", lambda _: True)


async def one_row(connection: AsyncConnection, table: str) -> Any:
    return (await connection.execute(text(f"SELECT * FROM {table}"))).one()


def test_the_migration_makes_these_tables(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_a_campaign_comes_back_as_it_was_made(engine: AsyncEngine) -> None:
    rules = Rules.model_validate({"weekdays": [0, 6], "windows": [{"start": "09:30", "end": "11:00"}], "per_day": 1})
    async with engine.begin() as connection:
        made = await store.create_campaign(connection, new(rules=rules, ends_on=date(2026, 12, 31)), "张三")
        assert (made.state, made.rules, made.created_by) == (DRAFT, rules, "张三")
        assert await store.find_campaign(connection, made.id) == made
        assert await store.find_campaign(connection, "满意度") == made
        other = await store.create_campaign(connection, new("民调", kind=Kind.LIST), "李四")
        assert await store.list_campaigns(connection) == [made, other]
        assert await store.list_campaigns(connection, [RUNNING]) == []
        with pytest.raises(CallbackFault, match="已有名为“满意度”的回访任务") as refused:
            await store.create_campaign(connection, new(), "李四")
        assert refused.value.code == "campaign_name"
        for missing in (99, "没有"):
            with pytest.raises(CallbackFault, match="没有这个回访任务") as refused:
                await store.find_campaign(connection, missing)
            assert refused.value.code == "no_campaign"


ALLOWED = {(DRAFT, RUNNING), (RUNNING, PAUSED), (PAUSED, RUNNING), (RUNNING, DONE), (PAUSED, DONE)}


@pytest.mark.parametrize("before", list(CampaignState))
async def test_a_campaigns_states(engine: AsyncEngine, before: CampaignState) -> None:
    async with engine.connect() as connection:
        made = await store.create_campaign(connection, new(), "张三")
        for after in CampaignState:
            setting = text("UPDATE campaigns SET state = :state")
            await connection.execute(setting, {"state": before})
            if (before, after) in ALLOWED:
                assert (await store.set_state(connection, made.id, after, NOW)).state is after
            else:
                with pytest.raises(CallbackFault, match="不能改为") as refused:
                    await store.set_state(connection, made.id, after, NOW)
                assert refused.value.code == "campaign_state"
            found = (await store.find_campaign(connection, made.id)).state
            assert found is (after if (before, after) in ALLOWED else before)
        with pytest.raises(CallbackFault, match="没有这个回访任务"):
            await store.set_state(connection, made.id + 1, RUNNING, NOW)


async def test_a_campaign_that_is_done_rings_nobody(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await running(connection, 3, rules={"max_lines": 1})
        assert len(await claimed(connection)) == 1
        await store.set_state(connection, made.id, DONE, NOW)
        assert await claimed(connection) == []
        (found,) = await store.progress(connection, [await store.find_campaign(connection, made.id)], NOW)
        assert found.targets == {TargetState.CALLING: 1, TargetState.DROPPED: 2}
        reasons = await connection.execute(text("SELECT reason FROM callback_targets WHERE state = 'dropped'"))
        assert reasons.scalars().all() == [ENDED] * 2


async def test_of_very_many_some_are_dropped_at_a_time(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ENDED_AT_ONCE", 2)
    async with engine.begin() as connection:
        made = await running(connection, 5)
        await running(connection, 1, name="另一个")
        assert await store.drop_ended(connection, NOW) == 0
        await store.set_state(connection, made.id, DONE, NOW)
        assert len(await claimed(connection)) == 1, "of the other; of this one nobody, dropped or not"
        assert [await store.drop_ended(connection, NOW) for _ in range(3)] == [2, 1, 0]
        (found,) = await store.progress(connection, [made], NOW)
        assert found.targets == {TargetState.DROPPED: 5}


async def test_who_adds_to_a_list_does_not_hold_its_campaign_up(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await running(connection)
    async with engine.connect() as adding, engine.connect() as other:
        assert await store.add_targets(adding, made.id, [target(1)], NOW) == 1
        await other.execute(text("SET lock_timeout = '2s'"))
        assert (await manage.act(other, made.id, Act.PAUSE, NOW)).state is PAUSED
        assert (await manage.edit(other, made.id, Rules(per_day=1))).rules.per_day == 1


async def test_another_channel_is_for_tickets(engine: AsyncEngine) -> None:
    by_sms = Rules(other_channel="sms")
    async with engine.begin() as connection:
        await manage.create(connection, new("工单", rules=by_sms), "张三")
        for kind in (Kind.MISSED, Kind.LIST):
            with pytest.raises(CallbackFault, match="只用于工单回访"):
                await manage.create(connection, new(kind, kind=kind, rules=by_sms), "张三")
            made = await manage.create(connection, new(kind, kind=kind), "张三")
            with pytest.raises(CallbackFault, match="只用于工单回访"):
                await manage.edit(connection, made.id, by_sms)


async def test_a_campaign_ends_with_its_last_day(engine: AsyncEngine) -> None:
    last = date(2026, 9, 21)
    midnight = datetime(2026, 9, 22, tzinfo=CHINA)
    async with engine.begin() as connection:
        first = await running(connection, ends_on=last)
        await running(connection, name="没有期限")
        await store.create_campaign(connection, new("草稿", ends_on=last), "张三")
        assert await store.end_past_campaigns(connection, midnight - SECOND) == []
        assert [one.id for one in await store.end_past_campaigns(connection, midnight)] == [first.id]
        assert await store.end_past_campaigns(connection, midnight) == []
        draft = await store.find_campaign(connection, "草稿")
        with pytest.raises(CallbackFault, match="的结束日期 2026-09-21 已过") as refused:
            await store.set_state(connection, draft.id, RUNNING, midnight)
        assert refused.value.code == "campaign_over"


async def test_the_same_person_is_on_the_list_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await running(connection)
        many = [target(n) for n in range(1500)]
        assert await store.add_targets(connection, made.id, many[:1200], NOW) == 1200
        assert await store.add_targets(connection, made.id, many, NOW) == 300
        assert await store.add_targets(connection, made.id, [], NOW) == 0
        other = await running(connection, name="另一个")
        assert await store.add_targets(connection, other.id, many[:1], NOW) == 1
        assert await store.drop_waiting(connection, made.id, ["0", "7", "nobody"], "已另行办理", NOW) == 2
        found = await store.progress(connection, [other, made], NOW)
        assert found == [
            Progress(other, {TargetState.WAITING: 1}, due=1),
            Progress(made, {TargetState.WAITING: 1498, TargetState.DROPPED: 2}, due=1498),
        ]
        assert [one.due for one in await store.progress(connection, [made], NOW - SECOND)] == [0]
        assert len(await claimed(connection)) > 1
        assert await store.drop_waiting(connection, made.id, ["1"], "已另行办理", NOW) == 0, "is being rung"
        now = await store.progress(connection, [made], NOW)
        assert now[0].lines == now[0].targets[TargetState.CALLING] == 10


RESULT = Result(
    asked=True,
    answers={"solved": Answer("no", "key"), "satisfaction": Answer("dissatisfied", "speech")},
    agent=True,
    comment="2026/09/21/x.wav",
)


async def test_an_outcome_is_noted_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await running(connection, 1)
        (one,) = await claimed(connection)
        answered = Ended(one.call_id, Outcome.ANSWERED, NOW + 5 * SECOND, NOW + 60 * SECOND, 16, RESULT)
        assert await note_outcome(connection, answered, NOW + 61 * SECOND)
        first = await one_row(connection, "callback_attempts")
        assert not await note_outcome(connection, answered, NOW + 62 * SECOND)
        assert not await note_outcome(connection, Ended(one.call_id, Outcome.BUSY), NOW + 62 * SECOND)
        assert not await note_outcome(connection, Ended("cb-1700000000.77", Outcome.BUSY), NOW)
        assert await one_row(connection, "callback_attempts") == first
        assert (first.outcome, first.cause, first.applied) == ("answered", 16, False)
        assert (first.answered_at, first.ended_at, first.freed_at) == (
            NOW + 5 * SECOND,
            NOW + 60 * SECOND,
            NOW + 60 * SECOND,
        )
        found = await take(connection)
        assert found is not None
        assert found.attempt == Attempt(one.attempt_id, one.call_id, NOW, Outcome.ANSWERED, RESULT)
        scale = ("satisfied", "dissatisfied")
        who = Target(1, Kind.TICKETS, one.number, TargetState.CALLING, TICKET, scale, "第二十一条", about="0")
        assert found.target == who


@pytest.mark.parametrize("unsure", [Outcome.UNKNOWN, Outcome.NOT_DIALLED])
async def test_the_log_corrects_what_nobody_knew(engine: AsyncEngine, unsure: Outcome) -> None:
    async with engine.begin() as connection:
        await running(connection, 1)
        (one,) = await claimed(connection)
        await store.free(connection, [one.call_id], NOW + SECOND)
        assert await note_outcome(connection, Ended(one.call_id, unsure), NOW + 90 * SECOND)
        assert (await one_row(connection, "callback_attempts")).freed_at == NOW + SECOND
        found = await take(connection)
        assert found is not None
        await settle(connection, found, Follow(TargetState.WAITING, "", 0, NOW + 90 * SECOND), NOW)
        assert await take(connection) is None
        other = Outcome.UNKNOWN if unsure is Outcome.NOT_DIALLED else Outcome.NOT_DIALLED
        assert not await note_outcome(connection, Ended(one.call_id, other), NOW + 91 * SECOND)
        assert await note_outcome(connection, Ended(one.call_id, Outcome.ANSWERED, result=RESULT), NOW + 92 * SECOND)
        assert await claimed(connection, NOW + 92 * SECOND) == [], "not before it is followed up"
        late = await take(connection)
        assert late is not None
        assert late.attempt is not None
        assert (late.attempt.outcome, late.attempt.result, late.attempt.latest) == (Outcome.ANSWERED, RESULT, True)
        assert (late.target.state, late.target.attempts) == (TargetState.WAITING, 0), "itself is not counted"


async def test_what_follows_is_written(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await running(connection, 1, rules={"retry": {"attempts": 5}, "per_day": 5})
        for n, outcome in enumerate((Outcome.CONGESTION, Outcome.NOT_DIALLED, Outcome.BUSY)):
            (one,) = await claimed(connection, NOW + n * SECOND)
            await note_outcome(connection, Ended(one.call_id, outcome, ended_at=NOW), NOW)
            found = await take(connection)
            assert found is not None
            assert found.attempt is not None
            await settle(connection, found, Follow(TargetState.WAITING, f"第{n}次", n, NOW + (n + 1) * SECOND), NOW)
            row = await one_row(connection, "callback_targets")
            assert (row.state, row.reason, row.attempts, row.outcome) == ("waiting", f"第{n}次", n, outcome.value)
            assert row.next_at == NOW + (n + 1) * SECOND
        (one,) = await claimed(connection, NOW + 3 * SECOND)
        await note_outcome(connection, Ended(one.call_id, Outcome.ANSWERED, result=Result(opted_out=True)), NOW)
        found = await take(connection)
        assert found is not None
        assert (found.target.attempts, found.target.congestions) == (2, 1)
        await settle(connection, found, Follow(TargetState.OPTED_OUT, "要求不再回访", 3, opt_out=True), NOW)
        row = await one_row(connection, "callback_targets")
        assert (row.state, row.attempts, row.outcome) == ("opted_out", 3, "answered")
        assert await dnc.page(connection) == [Entry(one.number, ASKED_FOR, "callback", NOW)]
        await connection.execute(text("UPDATE callback_targets SET state = 'waiting'"))
        early = text("UPDATE callback_attempts SET applied = false WHERE id = (SELECT min(id) FROM callback_attempts)")
        await connection.execute(early)
        found = await take(connection)
        assert found is not None
        assert found.attempt is not None
        assert not found.attempt.latest
        await settle(connection, found, Follow(None, "", 3), NOW)
        after = await one_row(connection, "callback_targets")
        assert (after.state, after.outcome, after.reason) == ("waiting", "answered", "要求不再回访")


async def test_two_workers_follow_up_different_attempts(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await running(connection, 3)
        claims = await claimed(connection)
        for one in claims[:2]:
            await note_outcome(connection, Ended(one.call_id, Outcome.BUSY), NOW)
    async with engine.connect() as first, engine.connect() as second, engine.connect() as third:
        found = [await take(first), await take(second)]
        assert [one and one.attempt and one.attempt.call_id for one in found] == [one.call_id for one in claims[:2]]
        assert await take(third) is None
        await first.rollback()
        again = await take(third)
        assert again == found[0]
        await third.rollback()
        behind = await asyncio.wait_for(take(third, after=claims[0].attempt_id), 5)
        assert behind is None, "the second has it"


async def test_numbers_that_are_not_to_be_rung(engine: AsyncEngine) -> None:
    one, two = "+8613900000001", "+8641112345678"
    async with engine.begin() as connection:
        assert await dnc.add(connection, two, "来信要求", "张三", NOW)
        assert await dnc.add(connection, one, "来信要求", "张三", NOW)
        assert not await dnc.add(connection, one, "再次要求", "李四", NOW + DAY)
        assert await dnc.contains(connection, one)
        assert await dnc.page(connection) == [Entry(number, "来信要求", "张三", NOW) for number in (one, two)]
        assert await dnc.page(connection, after=one) == [Entry(two, "来信要求", "张三", NOW)]
        assert len(await dnc.page(connection, limit=1)) == 1
        assert await dnc.remove(connection, one)
        assert not await dnc.remove(connection, one)
        assert not await dnc.contains(connection, one)
        for bad in ("13900000001", "", "+86 139 0000 0001", "110"):
            with pytest.raises(CallbackFault, match="国际格式") as refused:
                await dnc.add(connection, bad, "", "张三", NOW)
            assert refused.value.code == "number"


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE callback_targets SET state = 'gone'",
        "UPDATE callback_attempts SET outcome = 'gone', freed_at = now()",
        "UPDATE callback_attempts SET outcome = 'busy'",
        "UPDATE callback_attempts SET applied = true",
        "UPDATE callback_attempts SET number = '110'",
        "UPDATE campaigns SET state = 'gone'",
        "UPDATE campaigns SET ends_on = starts_on - 1",
        "INSERT INTO callback_answers SELECT id, 'solved', 'yes', 'guess' FROM callback_attempts",
        "INSERT INTO do_not_call (number, reason, by) VALUES ('110', '', '')",
    ],
)
async def test_the_database_refuses(engine: AsyncEngine, wrong: str) -> None:
    async with engine.connect() as connection:
        await running(connection, 1)
        await claimed(connection)
        with pytest.raises(IntegrityError):
            await connection.execute(text(wrong))
