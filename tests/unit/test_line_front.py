"""Announcements, malicious callers, switches and who is known, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.tables import alerts
from calls.tables import metadata as calls_metadata
from hotline.db import create_hotline_engine
from hotline.repeats_job import look_for_repeats
from hotline.settings import Settings
from hotline.settings_sections import Line
from line import announcements, barred, switches
from line.announcements import Announcement, NewAnnouncement
from line.barred import Entry, Repeats
from line.faults import LineFault
from line.known import Known, look
from line.tables import barred_callers, metadata
from line.words import Switch
from tests.unit.line_people import CALLER, add_call, add_ticket
from tickets.words import State

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
SOUND = "0" * 32
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = Repeats(calls=5, seconds=15)


async def announce(connection: AsyncConnection, **fields: Any) -> Announcement:
    given = {"text": "停水已知悉", "sound": SOUND, "starts_at": NOW, "ends_at": NOW + HOUR}
    return await announcements.switch_on(connection, NewAnnouncement(**{**given, **fields}), "supervisor", NOW)


async def known(connection: AsyncConnection, number: str | None = CALLER, at: datetime = NOW, **more: Any) -> Known:
    return await look(connection, number, more.get("barred", number), at - more.get("hours", DAY), at)


async def bar(connection: AsyncConnection, number: str = CALLER, at: datetime = NOW) -> Entry:
    return await barred.add(connection, number, "反复辱骂话务员", at + DAY, "supervisor", at)


@pytest.mark.parametrize("which", [metadata, calls_metadata])
def test_the_tables_are_as_the_migration_makes_them(database_url: str, which: MetaData) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in which.tables}
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, which)
    engine.dispose()
    # Indexes are the migration's own affair.
    assert [one for one in found if not str(one[0]).endswith("_index")] == []


# ---- announcements -----------------------------------------------------------------------------------------------


async def test_an_announcement_is_on_from_its_beginning_to_its_end(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await announce(
            connection, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR, topic="water", district="中山区"
        )
        heard = [
            [one.id for one in (await known(connection, at=NOW + minutes * timedelta(minutes=1))).notices]
            for minutes in (0, 59, 60, 119, 120)
        ]
        assert heard == [[], [], [made.id], [made.id], []]
        (one,) = (await known(connection, at=NOW + HOUR)).notices
        assert (one.sound, one.topic, one.district, one.ends_at) == (SOUND, "water", "中山区", NOW + 2 * HOUR)
        assert not made.is_on(NOW)
        assert made.is_on(NOW + HOUR)


async def test_an_announcement_is_switched_off_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await announce(connection)
        ended = await announcements.switch_off(connection, made.id, "other", NOW + timedelta(minutes=5))
        assert (ended.off_by, ended.off_at) == ("other", NOW + timedelta(minutes=5))
        assert (await known(connection, at=NOW + timedelta(minutes=6))).notices == ()
        for id in (made.id, 999):
            with pytest.raises(LineFault) as fault:
                await announcements.switch_off(connection, id, "other", NOW)
            assert fault.value.code == "unknown"


@pytest.mark.parametrize(
    ("starts", "ends"),
    [(NOW, NOW), (NOW + HOUR, NOW + HOUR), (NOW, NOW - HOUR), (NOW, NOW + 32 * DAY), (NOW - 32 * DAY, NOW + HOUR)],
)
async def test_times_that_make_no_sense_are_refused(engine: AsyncEngine, starts: datetime, ends: datetime) -> None:
    async with engine.begin() as connection:
        with pytest.raises(LineFault) as fault:
            await announce(connection, starts_at=starts, ends_at=ends)
        assert fault.value.code == "until"
        assert await announcements.page(connection, NOW, over=True) == []


async def test_there_are_not_too_many_at_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await announce(connection)
        for _ in range(announcements.MAX_ON - 1):
            await announce(connection)
        with pytest.raises(LineFault) as fault:
            await announce(connection)
        assert fault.value.code == "full"
        await announcements.switch_off(connection, first.id, "x", NOW)
        assert (await announce(connection)).id not in (None, first.id)


async def test_who_heard_it_and_who_hung_up_there_is_counted(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        one, other = await announce(connection), await announce(connection, topic="water")
        await add_call(connection, NOW, announced=[one.id], informed=True)
        await add_call(connection, NOW, announced=[one.id, other.id], informed=True)
        await add_call(connection, NOW, announced=[one.id])
        await add_call(connection, NOW)
        found = {one.id: (one.heard, one.informed) for one in await announcements.page(connection, NOW)}
        assert found == {one.id: (3, 1), other.id: (1, 1)}
        assert (await announcements.switch_off(connection, one.id, "x", NOW)).heard == 3


async def test_pages_go_back_in_time(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        ids = [(await announce(connection)).id for _ in range(3)]
        await announcements.switch_off(connection, ids[1], "x", NOW)
        assert [one.id for one in await announcements.page(connection, NOW)] == [ids[2], ids[0]]
        found = await announcements.page(connection, NOW, over=True, before=ids[2], limit=1)
        assert [one.id for one in found] == [ids[1]]


@pytest.mark.parametrize(
    ("written", "text"), [(" 停水\n已知悉 ", "停水 已知悉"), ("停", None), ("停" * 201, None), ("停\x07水水", None)]
)
def test_what_is_announced_is_words(written: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(LineFault):
            announcements.checked_text(written)
    else:
        assert announcements.checked_text(written) == text


def test_topics_go_by_id_or_name_and_districts_by_their_words() -> None:
    assert [announcements.checked_topic(one) for one in ("water", " 供水 ", "")] == ["water", "water", ""]
    assert [announcements.checked_district(one) for one in (" 中山区", "")] == ["中山区", ""]
    for check, wrong in ((announcements.checked_topic, "天气"), (announcements.checked_district, "zhongshan")):
        with pytest.raises(LineFault):
            check(wrong)


# ---- malicious callers -------------------------------------------------------------------------------------------


async def test_a_caller_is_barred_until_a_day(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await bar(connection)
        at = [NOW, NOW + DAY - timedelta(seconds=1), NOW + DAY]
        assert [(await known(connection, at=one)).barred for one in at] == [True, True, False]
        assert not (await known(connection, "+8613900002222")).barred
        assert not (await known(connection, None)).barred
        assert (await known(connection, None, barred=CALLER)).barred
        with pytest.raises(LineFault) as fault:
            await bar(connection)
        assert fault.value.code == "already"
        assert (await barred.page(connection, NOW))[0] == made


async def test_a_caller_is_let_go_before_that(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await bar(connection)
        lifted = await barred.lift(connection, made.id, "other", NOW + HOUR)
        assert (lifted.lifted_by, lifted.lifted_at) == ("other", NOW + HOUR)
        assert not (await known(connection, at=NOW + HOUR)).barred
        with pytest.raises(LineFault):
            await barred.lift(connection, made.id, "other", NOW + HOUR)
        assert await barred.page(connection, NOW + HOUR) == []
        assert len(await barred.page(connection, NOW + HOUR, over=True)) == 1


async def test_what_has_run_out_makes_room(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await bar(connection)
        second = await bar(connection, at=NOW + 2 * DAY)
        assert second.id != first.id
        assert (await known(connection, at=NOW + 2 * DAY)).barred


@pytest.mark.parametrize(
    ("number", "until", "code"),
    [
        ("110", NOW + DAY, "number"),
        ("13900001111", NOW + DAY, "number"),
        (CALLER, NOW, "until"),
        (CALLER, NOW + 400 * DAY, "until"),
    ],
)
async def test_whom_nobody_can_bar(engine: AsyncEngine, number: str, until: datetime, code: str) -> None:
    async with engine.begin() as connection:
        with pytest.raises(LineFault) as fault:
            await barred.add(connection, number, "x", until, "x", NOW)
        assert fault.value.code == code


async def ring(connection: AsyncConnection, times: int = 5, at: datetime = NOW - HOUR, **fields: Any) -> None:
    for number in range(times):
        await add_call(connection, at + timedelta(minutes=number), **{"seconds": 5.0, **fields})


async def test_who_rings_again_and_again_is_proposed_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await ring(connection, 3)
        await ring(connection, 2, seconds=300.0, hangup_by="agent 1001")
        (one,) = await barred.propose(connection, RULES, NOW)
        assert (one.number, one.proposed, one.by) == (CALLER, True, "system")
        assert "5 次" in one.reason
        assert "座席挂断 2 次" in one.reason
        assert await barred.propose(connection, RULES, NOW) == []
        assert not (await known(connection)).barred
        (alert,) = (await connection.execute(select(alerts))).all()
        assert (alert.kind, alert.key) == ("repeat_caller", str(one.id))
        assert CALLER not in alert.text


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": 20.0},
        {"missed": True},
        {"informed": True},
        {"message_file": "x.wav"},
        {"emergency": "110"},
        {"via": "callback"},
        {"via": "place", "hangup_by": "agent 1001"},
        {"via": "emergency"},
        {"decided_by": "barred"},
        {"caller_e164": None},
        {"at": NOW - 2 * DAY},
        {"answered_at": None},
        {"times": 4},
    ],
)
async def test_who_is_not_proposed(engine: AsyncEngine, fields: dict[str, Any]) -> None:
    async with engine.begin() as connection:
        await ring(connection, **fields)
        assert await barred.propose(connection, RULES, NOW) == []


async def test_a_person_decides_for_it(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await ring(connection)
        (one,) = await barred.propose(connection, RULES, NOW)
        assert [found.id for found in await barred.page(connection, NOW, proposed=True)] == [one.id]
        decided = await barred.decide(connection, one.id, bar=True, by="supervisor", at=NOW, until=NOW + 2 * DAY)
        assert (decided.by, decided.until, decided.reason) == ("supervisor", NOW + 2 * DAY, one.reason)
        assert (await known(connection)).barred
        assert await barred.page(connection, NOW, proposed=True) == []
        with pytest.raises(LineFault):
            await barred.decide(connection, one.id, bar=False, by="supervisor", at=NOW)


async def test_or_against_it_and_is_not_asked_again_because_of_the_same_calls(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await ring(connection)
        (one,) = await barred.propose(connection, RULES, NOW)
        await barred.decide(connection, one.id, bar=False, by="supervisor", at=NOW)
        assert not (await known(connection)).barred
        assert await barred.propose(connection, RULES, NOW + HOUR) == []
        await ring(connection, at=NOW + HOUR)
        assert len(await barred.propose(connection, RULES, NOW + 2 * HOUR)) == 1


async def test_to_bar_who_was_proposed_decides(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await ring(connection)
        (one,) = await barred.propose(connection, RULES, NOW)
        made = await bar(connection)
        assert (made.id, made.proposed, made.reason) == (one.id, False, "反复辱骂话务员")
        (row,) = (await connection.execute(select(barred_callers))).all()
        assert row.barred_by == "supervisor"


# ---- switches and who is known -----------------------------------------------------------------------------------


async def test_maintenance_is_on_until_its_end_or_until_it_is_switched_off(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await switches.find(connection, Switch.MAINTENANCE, NOW) is None
        await switches.switch_on(connection, Switch.MAINTENANCE, "升级", NOW + HOUR, "supervisor", NOW)
        found = await known(connection)
        assert (found.maintenance, found.maintenance_until) == (True, NOW + HOUR)
        assert not (await known(connection, at=NOW + HOUR)).maintenance
        assert await switches.find(connection, Switch.MAINTENANCE, NOW + HOUR) is None
        await switches.switch_on(connection, Switch.MAINTENANCE, "还没好", None, "other", NOW + HOUR)
        found = await known(connection, at=NOW + 9 * DAY)
        assert (found.maintenance, found.maintenance_until) == (True, None)
        assert await switches.switch_off(connection, Switch.MAINTENANCE)
        assert not await switches.switch_off(connection, Switch.MAINTENANCE)
        assert not (await known(connection)).maintenance
        with pytest.raises(LineFault):
            await switches.switch_on(connection, Switch.MAINTENANCE, "x", NOW, "x", NOW)


async def test_the_last_agent_is_whom_the_caller_spoke_with_last(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert (await known(connection)).last_agent == ""
        talked: dict[str, Any] = {"human_at": NOW}
        await add_call(connection, NOW - 3 * HOUR, agent="1001", **talked)
        await add_call(connection, NOW - 2 * HOUR, agent="1002", **talked)
        await add_call(connection, NOW - HOUR, agent="1003")  # it rang only
        await add_call(connection, NOW - HOUR, agent="1004", caller_e164="+8613900002222", **talked)
        assert (await known(connection)).last_agent == "1002"
        assert (await known(connection, hours=HOUR)).last_agent == ""
        assert (await known(connection, None)).last_agent == ""


@pytest.mark.parametrize("state", list(State))
async def test_open_tickets_are_those_that_are_worked_on(engine: AsyncEngine, state: State) -> None:
    worked_on = state in ("accepted", "at_county", "dispatched", "return_requested", "rework")
    async with engine.begin() as connection:
        await add_ticket(connection, NOW, state)
        assert (await known(connection)).open_tickets == int(worked_on)


async def test_nobody_is_told_of_tickets_that_are_not_plainly_his(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await add_ticket(connection, NOW, confidential=True)
        await add_ticket(connection, NOW, caller_key="")
        await add_ticket(connection, NOW, caller_key="+8613900002222")
        assert (await known(connection)).open_tickets == 0
        assert (await known(connection, None)).open_tickets == 0


async def test_of_an_office_with_thousands_of_tickets_only_the_latest_are_looked_at(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine.begin() as connection:
        await add_ticket(connection, NOW - HOUR)
        await add_ticket(connection, NOW, "archived")
        monkeypatch.setattr("line.known.LATEST", 2)
        assert (await known(connection)).open_tickets == 1
        monkeypatch.setattr("line.known.LATEST", 1)
        assert (await known(connection)).open_tickets == 0


async def test_a_row_that_people_wrote_wrongly_is_not_taken(engine: AsyncEngine) -> None:
    values = {"number": CALLER, "reason": "x", "barred_by": "x", "until": NOW + DAY}
    async with engine.begin() as connection:
        await connection.execute(insert(barred_callers).values(values))
        with pytest.raises(LineFault):
            await bar(connection)


async def test_the_worker_looks_for_repeats(engine: AsyncEngine, tmp_path: Path) -> None:
    async with engine.begin() as connection:
        await ring(connection, 3, datetime.now(UTC) - HOUR)
    stop = asyncio.Event()
    settings = Settings(home=tmp_path, line=Line(repeat_calls=3))
    looking = asyncio.create_task(look_for_repeats(settings, engine, stop))
    async with asyncio.timeout(20), engine.connect() as connection:
        while not await barred.page(connection, datetime.now(UTC), proposed=True):
            await connection.rollback()
            await asyncio.sleep(0.02)
    stop.set()
    await looking


async def test_and_outlives_a_database_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    away = create_hotline_engine("postgresql+psycopg://x:x@127.0.0.1:1/x")
    looking = asyncio.create_task(look_for_repeats(Settings(home=tmp_path), away, stop))
    async with asyncio.timeout(20):
        while "repeated calls are not looked at" not in caplog.text:
            await asyncio.sleep(0.02)
    stop.set()
    await looking
    await away.dispose()
