"""Claims on a real PostgreSQL: by however many diallers, nobody twice, no cap passed, nobody who is not to be rung."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback import dnc, store
from callback.attempts import Ended, note_outcome, take_untold
from callback.campaign import Campaign, NewCampaign, Rules
from callback.claim import IN_USE, LIMIT_REACHED, NOT_DIALABLE, OPTED_OUT, Claim, claim
from callback.pacing import Load, Pace
from callback.store import NewTarget
from callback.survey import Result
from callback.words import CampaignState, Kind, Outcome
from calls.events import CALL_ID
from hotline.db import create_hotline_engine
from tickets.number import CHINA

NOW = datetime(2026, 9, 21, 10, tzinfo=CHINA)
SECOND = timedelta(seconds=1)
WIDE = Pace(lines=1000, per_second=100, trunk_lines=0, reserve=0, waiting=1)
QUIET = Load(inbound=0, waiting=0)
names = count()


def number(n: int) -> str:
    return f"+86139{n:08}"


async def campaign(
    connection: AsyncConnection, people: int = 0, *, first: int = 0, state: str = "running", **given: Any
) -> Campaign:
    """One with as many people to ring, each of another number."""
    rules = {"max_lines": 1000} | given.pop("rules", {})
    wanted: dict[str, Any] = {
        "name": f"任务{next(names)}",
        "kind": Kind.LIST,
        "survey": "poll",
        "starts_on": date(2026, 9, 1),
    } | given
    made = await store.create_campaign(connection, NewCampaign(rules=Rules.model_validate(rules), **wanted), "张三")
    await add(connection, made, *(number(first + n) for n in range(people)))
    for step in {"running": ["running"], "paused": ["running", "paused"]}.get(state, []):
        made = await store.set_state(connection, made.id, CampaignState(step), NOW)
    return made


async def add(connection: AsyncConnection, to: Campaign, *numbers: str, **given: Any) -> int:
    targets = [NewTarget(f"{next(names)}", one, NOW + n * SECOND, **given) for n, one in enumerate(numbers)]
    return await store.add_targets(connection, to.id, targets, NOW - SECOND)


async def claimed(
    where: AsyncEngine | AsyncConnection, now: datetime = NOW, pace: Pace = WIDE, load: Load = QUIET
) -> list[Claim]:
    if isinstance(where, AsyncConnection):
        return await claim(where, pace, load, now, "one", lambda _: True)
    async with where.begin() as connection:
        return await claim(connection, pace, load, now, "one", lambda _: True)


async def rows(connection: AsyncConnection, query: str) -> list[Any]:
    return list(await connection.execute(text(query)))


async def finish(connection: AsyncConnection, claims: list[Claim], outcome: Outcome = Outcome.NO_ANSWER) -> None:
    """They ended, and were followed up: nobody waits any more."""
    for one in claims:
        assert await note_outcome(connection, Ended(one.call_id, outcome, ended_at=NOW), NOW)
    await connection.execute(text("UPDATE callback_attempts SET applied = true WHERE outcome IS NOT NULL"))
    await connection.execute(text("UPDATE callback_targets SET state = 'unreached' WHERE state = 'calling'"))


async def test_an_attempt_is_written_down(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await campaign(connection, kind=Kind.TICKETS, survey="satisfaction", rules={"ring_seconds": 25})
        await add(connection, made, number(1), ticket="20260921-000001", scale=("satisfied", "dissatisfied"))
        (one,) = await claimed(connection)
        (attempt,) = await rows(connection, "SELECT * FROM callback_attempts")
        (target,) = await rows(connection, "SELECT * FROM callback_targets")
    assert one == Claim(
        attempt.id,
        f"cb-{int(NOW.timestamp())}.{attempt.id}",
        number(1),
        "satisfaction",
        ("satisfied", "dissatisfied"),
        25,
        made.id,
        Kind.TICKETS,
        "20260921-000001",
    )
    assert CALL_ID.fullmatch(one.call_id)
    assert (attempt.call_id, attempt.number, attempt.target_id) == (one.call_id, number(1), target.id)
    assert (attempt.dialler, attempt.claimed_at, attempt.freed_at, attempt.outcome) == ("one", NOW, None, None)
    assert (target.state, target.attempts) == ("calling", 0)


async def test_the_earliest_come_first_and_each_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await campaign(connection, 7)
        await store.add_targets(connection, made.id, [NewTarget("later", number(99), NOW - SECOND)], NOW)
        await store.add_targets(connection, made.id, [NewTarget("not yet", number(98), NOW)], NOW + SECOND)
        slow = Pace(lines=1000, per_second=3, trunk_lines=0, reserve=0, waiting=1)
        order = [one.number for n in range(4) for one in await claimed(connection, NOW + n * SECOND, slow)]
    assert order == [*map(number, range(7)), number(99), number(98)]


async def test_caps(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await campaign(connection, 10, rules={"max_lines": 2})
        await campaign(connection, 10, first=10, rules={"max_lines": 3})
        four = Pace(lines=4, per_second=100, trunk_lines=0, reserve=0, waiting=1)
        assert await claimed(connection, load=Load(0, 1)) == []
        assert await store.held_back(connection) == "waiting"
        first = await claimed(connection, pace=four)
        assert len(first) == 4
        assert await store.held_back(connection) == ""
        assert await claimed(connection, pace=four) == []
        await store.free(connection, [first[0].call_id, "cb-1700000000.9", first[0].call_id], NOW + SECOND)
        assert len(await claimed(connection, pace=four)) == 1
        assert len(await claimed(connection)) == 1, "both campaigns are at their caps"
        assert await claimed(connection) == []
        trunk = Pace(lines=1000, per_second=100, trunk_lines=10, reserve=2, waiting=1)
        await campaign(connection, 10, first=20)
        assert len(await claimed(connection, pace=trunk, load=Load(2, 0))) == 1
        assert await store.held_back(connection) == "trunk"
        lines = await store.lines_in_use(connection)
    assert sorted(lines.values()) == [1, 2, 3]


async def test_the_bucket_goes_on_from_claim_to_claim(engine: AsyncEngine) -> None:
    slow = Pace(lines=1000, per_second=2, trunk_lines=0, reserve=0, waiting=1)
    async with engine.begin() as connection:
        await campaign(connection, 100)
        begun = [len(await claimed(connection, NOW + n * SECOND / 4, slow)) for n in range(41)]
    assert begun[0] == 2, "as after any pause"
    assert sum(begun) == 2 + 20
    assert max(begun[1:]) == 1


async def test_campaigns_take_turns(engine: AsyncEngine) -> None:
    one_by_one = Pace(lines=1000, per_second=1, trunk_lines=0, reserve=0, waiting=1)
    async with engine.begin() as connection:
        made = [await campaign(connection, 6, first=10 * n) for n in range(3)]
        await campaign(connection, 2, first=90)
        order = [one.campaign_id for n in range(8) for one in await claimed(connection, NOW + n * SECOND, one_by_one)]
        assert len(set(order[:4])) == len(set(order[4:])) == 4
        together = await claimed(connection, NOW + 9 * SECOND)
        assert Counter(one.campaign_id for one in together) == {one.id: 4 for one in made}
        both = [await campaign(connection, 20, first=100 * n) for n in (2, 3)]
        six = Pace(lines=20 + 6, per_second=100, trunk_lines=0, reserve=0, waiting=1)
        shared = await claimed(connection, NOW + 10 * SECOND, six)
    assert Counter(one.campaign_id for one in shared) == {one.id: 3 for one in both}


async def test_only_running_campaigns_within_their_hours(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        others: tuple[dict[str, Any], ...] = (
            {"state": "draft"},
            {"state": "paused"},
            {"rules": {"windows": [{"start": "14:00", "end": "20:00"}]}},
            {"rules": {"weekdays": [1]}},
            {"starts_on": date(2026, 9, 22)},
            {"starts_on": date(2026, 9, 1), "ends_on": date(2026, 9, 21)},
        )
        for n, given in enumerate(others):
            await campaign(connection, 1, first=n, **given)
        assert [one.number for one in await claimed(connection)] == [number(5)]
        assert [one.number for one in await claimed(connection, NOW + timedelta(hours=5))] == [number(2)]
        tomorrow = {one.number for one in await claimed(connection, NOW + timedelta(hours=24))}
        assert tomorrow == {number(3), number(4)}
        holiday = await campaign(connection, 1, first=9, rules={"working_days_only": True})
        assert await claim(connection, WIDE, QUIET, NOW, "one", lambda _: False) == []
        assert [one.campaign_id for one in await claimed(connection)] == [holiday.id]


async def test_no_telephone_rings_on_after_its_hours(engine: AsyncEngine) -> None:
    noon = NOW + timedelta(hours=2)
    async with engine.begin() as connection:
        await campaign(connection, 2, rules={"ring_seconds": 30})
        assert await claimed(connection, noon - 10 * SECOND) == []
        assert await claimed(connection, noon - 35 * SECOND) == []
        assert len(await claimed(connection, noon - 36 * SECOND)) == 2


async def test_a_dead_line_does_not_use_up_the_list(engine: AsyncEngine) -> None:
    """One call now and then finds out when it is over; then all goes on as before."""
    async with engine.begin() as connection:
        await campaign(connection, 40)
        now, refused = NOW, 0
        while now < NOW + timedelta(hours=1):
            claims = await claimed(connection, now, Pace(lines=10, per_second=1, trunk_lines=0, reserve=0, waiting=1))
            for one in claims:
                assert await note_outcome(connection, Ended(one.call_id, Outcome.CONGESTION, ended_at=now), now)
            refused += len(claims)
            now += 5 * SECOND
        assert 8 <= refused <= 14
        assert await store.held_back(connection) == "trouble"
        now += timedelta(minutes=15)
        (one,) = await claimed(connection, now)
        assert await claimed(connection, now + timedelta(minutes=10)) == [], "what comes of it is not known yet"
        assert await note_outcome(connection, Ended(one.call_id, Outcome.BUSY, ended_at=now), now)
        assert len(await claimed(connection, now + timedelta(minutes=10))) > 1
        assert await store.held_back(connection) == ""


async def test_numbers_that_are_not_rung(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await campaign(connection)
        await add(connection, made, number(1), "+864001234567", number(3))
        await add(connection, made, number(5), ticket="20260921-000001")
        assert await dnc.add(connection, number(1), "不愿接听", "张三", NOW)
        assert await dnc.add(connection, number(5), "不愿接听", "张三", NOW)
        assert [one.number for one in await claimed(connection)] == [number(3)]
        found = await rows(connection, "SELECT state, reason, to_tell FROM callback_targets ORDER BY id")
        assert found == [
            ("opted_out", OPTED_OUT, False),
            ("dropped", NOT_DIALABLE, False),
            ("calling", "", False),
            ("opted_out", OPTED_OUT, True),
        ]
        told = await take_untold(connection)
        assert told is not None
        assert (told.attempt, told.reason, told.target.ticket) == (None, OPTED_OUT, "20260921-000001")


@pytest.mark.parametrize("bad", ["13900000001", "+86", "+86139 0000 0001", "", "+8613900000001\n", "110"])
async def test_only_e164_is_stored(engine: AsyncEngine, bad: str) -> None:
    async with engine.connect() as connection:
        made = await campaign(connection)
        with pytest.raises(IntegrityError):
            await add(connection, made, bad)


async def test_one_call_at_a_time_to_a_number(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await campaign(connection, 1)
        await campaign(connection, 1)
        both = await campaign(connection)
        await add(connection, both, number(0), number(0))
        (one,) = await claimed(connection)
        waiting = "SELECT next_at, reason FROM callback_targets WHERE state = 'waiting'"
        assert await rows(connection, waiting) == [(NOW + 60 * SECOND, IN_USE)] * 3
        assert await claimed(connection, NOW + 60 * SECOND) == []
        # The line is free, but what was said is not known yet: perhaps that they are never to be rung again.
        await store.free(connection, [one.call_id], NOW)
        assert await claimed(connection, NOW + 120 * SECOND) == []
        await finish(connection, [one])
        assert len(await claimed(connection, NOW + 180 * SECOND)) == 1


async def test_who_is_on_a_list_twice_is_rung_once_at_a_time(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await add(connection, await campaign(connection), number(0), number(0), number(1))
        assert [one.number for one in await claimed(connection)] == [number(0), number(1)]
        assert await claimed(connection, NOW + 60 * SECOND) == []


async def test_a_number_has_its_limits_over_all_campaigns(engine: AsyncEngine) -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    waiting = "SELECT DISTINCT next_at, reason FROM callback_targets WHERE state = 'waiting'"

    async def ring(connection: AsyncConnection, at: datetime, outcome: Outcome = Outcome.NO_ANSWER) -> None:
        await campaign(connection, 1, rules={"per_day": 2, "per_week": 3})
        (one,) = await claimed(connection, at)
        await finish(connection, [one], outcome)

    async with engine.begin() as connection:
        await ring(connection, NOW)
        await ring(connection, NOW + minute, Outcome.NOT_DIALLED)
        await ring(connection, NOW + 2 * minute, Outcome.CONGESTION)
        for _ in range(2):
            await campaign(connection, 1, rules={"per_day": 2, "per_week": 3})
        assert await claimed(connection, NOW + 3 * minute) == []
        assert await rows(connection, waiting) == [(NOW + day, LIMIT_REACHED)]
        (third,) = await claimed(connection, NOW + day)
        await finish(connection, [third])
        assert await claimed(connection, NOW + 2 * day) == []
        assert await rows(connection, waiting) == [(NOW + 7 * day, LIMIT_REACHED)]
        await campaign(connection, 1, rules={"per_day": 2, "per_week": 4})
        assert len(await claimed(connection, NOW + 2 * day)) == 1, "each campaign by its own rules"


async def test_those_put_off_do_not_stand_in_the_way(engine: AsyncEngine) -> None:
    slow = Pace(lines=1000, per_second=1, trunk_lines=0, reserve=0, waiting=1)
    async with engine.begin() as connection:
        made = await campaign(connection, 500)
        await connection.execute(
            text("INSERT INTO do_not_call (number, reason, by) SELECT number, '', '' FROM callback_targets")
        )
        await store.add_targets(connection, made.id, [NewTarget("last", number(1000), NOW + timedelta(days=1))], NOW)
        looks = [len(await claimed(connection, NOW + n * SECOND, slow)) for n in range(4)]
    assert looks == [0, 0, 1, 0], "200 are looked at each time"


async def test_a_dialler_that_dies_leaves_nothing(database_url: str, engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await campaign(connection, 3)
    other = create_hotline_engine(database_url, pool_size=1)
    dying = await other.connect()
    assert len(await claimed(dying)) == 3
    waits = asyncio.create_task(claimed(engine))
    async with engine.connect() as connection:
        pid = (await dying.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        while not await rows(connection, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            await connection.rollback()
        assert not waits.done(), "claims take turns"
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert sorted(one.number for one in await waits) == [number(n) for n in range(3)]
    await dying.invalidate()
    await dying.close()
    await other.dispose()
    async with engine.connect() as connection:
        assert len(await rows(connection, "SELECT 1 FROM callback_attempts")) == 3


@pytest.mark.parametrize("diallers", [2, 8])
async def test_many_diallers(database_url: str, diallers: int) -> None:
    engines = [create_hotline_engine(database_url, pool_size=1) for _ in range(diallers)]
    async with engines[0].begin() as connection:
        made = [await campaign(connection, 60, rules={"max_lines": 7}) for _ in range(2)]
        other = await campaign(connection, 30, first=1000, rules={"max_lines": 7})
    pace = Pace(lines=16, per_second=20, trunk_lines=0, reserve=0, waiting=1)
    found: list[Claim] = []
    most = 0

    async def dialler(engine: AsyncEngine, moment: int) -> None:
        nonlocal most
        async with engine.begin() as connection:
            mine = await claim(connection, pace, QUIET, NOW + moment * SECOND, "two", lambda _: True)
            lines = await store.lines_in_use(connection)
            open_ = "SELECT number FROM callback_attempts WHERE outcome IS NULL"
            numbers = [row.number for row in await rows(connection, open_)]
            assert len(set(numbers)) == len(numbers), "two calls to one number"
            assert all(count <= 7 for count in lines.values())
            most = max(most, sum(lines.values()))
        found.extend(mine)

    for moment in range(0, 2000, 40):
        await asyncio.gather(*(dialler(engine, moment + n) for n, engine in enumerate(engines)))
        async with engines[0].begin() as connection:
            ended = [row.call_id for row in await rows(connection, "SELECT call_id FROM callback_attempts")]
            for call_id in ended:
                await note_outcome(connection, Ended(call_id, Outcome.ANSWERED, result=Result(asked=True)), NOW)
            await finish(connection, [])
            if not await rows(connection, "SELECT 1 FROM callback_targets WHERE state = 'waiting'"):
                break
    else:
        raise AssertionError("not all were rung")
    for engine in engines:
        await engine.dispose()
    assert most == 16
    assert len({one.attempt_id for one in found}) == len(found) == 150
    assert Counter(one.campaign_id for one in found) == {made[0].id: 60, made[1].id: 60, other.id: 30}


async def test_nobody_is_claimed_of_a_campaign_that_has_been_paused(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await campaign(connection, 3)
    async with engine.connect() as claiming:
        assert len(await claimed(claiming)) == 3
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                await store.set_state(connection, made.id, CampaignState.PAUSED, NOW)
        await claiming.rollback()
    async with engine.connect() as pausing:
        await store.set_state(pausing, made.id, CampaignState.PAUSED, NOW)
        assert await claimed(engine) == [], "nor while it is being paused"
        await pausing.commit()
    assert await claimed(engine) == []


async def test_however_many_wait(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await campaign(connection)
        closed = await campaign(connection, rules={"windows": [{"start": "14:00", "end": "20:00"}]})
        waiting = text(
            "INSERT INTO callback_targets (campaign_id, about, number, due_at, next_at)"
            " SELECT :campaign, n, '+86139' || lpad(n::text, 8, '0'), now(), CAST(:at AS timestamptz)"
            " FROM generate_series(CAST(:first AS int), :first + 19999) n"
        )
        for n, (one, at) in enumerate([(made, NOW), (made, NOW + SECOND), (closed, NOW)]):
            await connection.execute(waiting, {"campaign": one.id, "first": n * 20_000, "at": at})
    async with engine.begin() as connection:
        assert len(await claimed(connection)) == 100
        read = "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'callback_targets'"
        ((whole, by_index),) = await rows(connection, read)
    assert whole == 0
    assert by_index <= 400, "of 60,000"
