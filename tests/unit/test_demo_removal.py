"""A demonstration goes whole and alone: every table is as it was, but for the audit log and the numbers given out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.tables import call_events, calls, recordings, transcript_segments, transcripts
from hotline.db import driver_url
from hotline.demo import Demonstration
from hotline.settings import Settings
from hotline.settings_sections import Sip, Trunk
from line.tables import line_switches, missed_callers
from people import accounts, passwords, sign_in
from people.accounts import create_user
from people.faults import PeopleFault
from people.roles import Role
from people.tables import audit_entries, demo_items, sessions, units, users
from people.units import Unit, UnitKind, save_unit
from tests.unit.api_peer import make_rulebook
from tickets import book
from tickets.commands import COMMAND
from tickets.permits import ACCEPT, CREATE, READ_ALL, REVIEW, Actor
from tickets.rulebook import Rulebook
from tickets.split import Part, split
from tickets.store import Received, receive
from tickets.tables import ticket_events, tickets
from tickets.ticket import Edit, NewRequest
from tickets.words import Category
from web.tables import attachments

NOW = datetime.now(UTC)
REAL = Actor("real", frozenset({CREATE, READ_ALL, ACCEPT, REVIEW}))
ROBOT = "+8619900001234"
CALLS_ON = {"audit_entries", "ticket_counters", "alembic_version"}


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def demo(settings: Settings, engine: AsyncEngine) -> Demonstration:
    book_of_rules = make_rulebook()
    return Demonstration(settings, engine, lambda: book_of_rules)


@pytest_asyncio.fixture
async def real(engine: AsyncEngine) -> str:
    """A unit, a user with a session and a ticket with a call of its own; its number."""
    async with engine.begin() as connection:
        await save_unit(connection, Unit("real-unit", "真实单位", UnitKind.DEPARTMENT))
        await create_user(connection, "real", [Role.DISPATCHER], now=NOW, password="a-long-password", must_change=False)
        number = await ticket(connection, REAL)
    await sign_in.sign_in(engine, "real", "a-long-password", "127.0.0.1", NOW, place="127.0.0.1")
    async with engine.begin() as connection:
        await a_call(connection, "hotline-1795296062.1", "+8613900001111", via="public")
    return number


async def ticket(connection: AsyncConnection, actor: Actor) -> str:
    request = NewRequest(category=Category.COMPLAINT, content="停水", caller="13900001111")
    return (await book.create(connection, make_rulebook(), request, actor, NOW)).number


async def a_call(connection: AsyncConnection, call_id: str, number: str, via: str = "test") -> None:
    """With all that comes of one: record, lines, sound, words, ticket, somebody to ring back."""
    at = datetime.now(UTC)
    await connection.execute(
        insert(calls).values(id=call_id, via=via, caller_e164=number, arrived_at=at, ended_at=at, missed=True)
    )
    await connection.execute(insert(call_events).values(call_id=call_id, stream="cel", position=1, line="line"))
    await connection.execute(insert(recordings).values(call_id=call_id, file=f"2026/11/22/{call_id}.raw", state="done"))
    await connection.execute(insert(transcripts).values(call_id=call_id, sha256="1", state="done"))
    await connection.execute(
        insert(transcript_segments).values(call_id=call_id, place=0, channel="caller", start_ms=0, end_ms=1, text="喂")
    )
    owed = insert(missed_callers).values(number=number, call_id=call_id, first_at=at, last_at=at)
    await connection.execute(owed.on_conflict_do_nothing())
    wish = Received(call_id, at, "help", urgent=False, caller=number, caller_e164=number, keyed="", summary="")
    await receive(connection, [wish])


def content(url: str) -> dict[str, list[Any]]:
    """Every row of every table, but those of which more is left by intent."""
    found = {}
    with psycopg.connect(driver_url(url)) as session:
        names = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for (name,) in names:
            if name not in CALLS_ON and not name.startswith("procrastinate"):
                found[name] = sorted(map(repr, session.execute(f'SELECT * FROM "{name}"').fetchall()))
    return found


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def noted(engine: AsyncEngine, kind: str) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(demo_items).where(demo_items.c.kind == kind)))


async def robots_called(engine: AsyncEngine, *call_ids: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(demo_items).values(kind="number", key=ROBOT, at=NOW - timedelta(minutes=1)))
        for call_id in call_ids:
            await a_call(connection, call_id, ROBOT)


async def test_everything_is_as_it_was(
    demo: Demonstration, engine: AsyncEngine, database_url: str, settings: Settings, real: str
) -> None:
    before = content(database_url)
    loaded = await demo.load("yangling", "user:real", "127.0.0.1", force=True)
    await robots_called(engine, "hotline-1795296061.1", "hotline-1795296061.2")
    agent = next(one for one in loaded.users if Role.AGENT in one.roles)
    await sign_in.sign_in(engine, agent.name, agent.password, "127.0.0.1", NOW, place="127.0.0.1")
    async with engine.begin() as connection:
        made = await ticket(connection, Actor(agent.name, frozenset({CREATE})))
        await connection.execute(
            insert(attachments).values(
                id="00000000-0000-0000-0000-000000000001",
                ticket=made,
                name="a",
                media="image/png",
                bytes=1,
                sha256=b"1",
                sealed=False,
                actor=f"user:{agent.name}",
                at=NOW,
            )
        )
        await connection.execute(
            insert(line_switches).values(name="maintenance", reason="演示", switched_by=f"user:{agent.name}")
        )
    sound = settings.recordings_dir / "2026/11/22/hotline-1795296061.1.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"sound")
    kept_sound = sound.with_name("hotline-1795296062.1.wav")
    kept_sound.write_bytes(b"real")
    async with engine.connect() as connection:
        proposed = await demo.catalogue(connection)
    assert proposed is not None
    assert {one.unit for one in proposed.entries} <= {one.key for one in await noted(engine, "unit")}
    now = (await demo.standing()).now
    assert now is not None
    assert (now.city, now.calls, now.tickets) == ("yangling", 2, loaded.tickets + 3)

    gone = await demo.remove("user:real", "127.0.0.1")
    assert (gone.units, gone.users, gone.calls) == (loaded.units, len(loaded.users), 2)
    assert gone.tickets == loaded.tickets + 3
    assert gone.kept == ["演示用户设置的线路开关 1 项：已停止"]
    assert content(database_url) == before
    assert not sound.exists()
    assert kept_sound.exists()
    assert (await demo.standing()).now is None
    async with engine.connect() as connection:
        assert await demo.catalogue(connection) is None
    async with engine.connect() as connection:
        assert (await book.get(connection, make_rulebook(), real, REAL)).number == real
        actions = (await connection.scalars(select(audit_entries.c.action).order_by(audit_entries.c.id))).all()
    assert actions[-1] == "demo.remove"
    assert "sign_in" in actions, "the audit log stays whole"


async def test_it_can_be_loaded_again_and_one_at_a_time(demo: Demonstration, engine: AsyncEngine) -> None:
    first = await demo.load("yangling", "cli", "", force=False)
    with pytest.raises(PeopleFault, match="yangling"):
        await demo.load("dalian", "cli", "", force=True)
    await demo.remove("cli", "")
    second = await demo.load("yangling", "cli", "", force=False)
    assert (first.units, first.tickets) == (second.units, second.tickets)
    await demo.remove("cli", "")
    with pytest.raises(PeopleFault, match="没有加载"):
        await demo.remove("cli", "")


async def test_new_tickets_are_under_the_citys_regulation_while_it_is_loaded(
    demo: Demonstration, engine: AsyncEngine
) -> None:
    """Nobody is told: each transaction sees what is loaded. What came before is not of it, what has one keeps it."""
    rules = make_rulebook()

    async def made(rulebook: Rulebook = rules, policy: str = "") -> str:
        request = NewRequest(category=Category.COMPLAINT, content="停水", policy=policy)
        async with engine.begin() as connection:
            return (await book.create(connection, rulebook, request, REAL, datetime.now(UTC))).number

    async def called(call_id: str) -> str:
        """The ticket of a call, which nobody has taken up."""
        wish = Received(
            call_id, datetime.now(UTC), "help", urgent=False, caller="", caller_e164=None, keyed="", summary=""
        )
        async with engine.begin() as connection:
            await connection.execute(insert(calls).values(id=call_id, via="public", arrived_at=wish.received_at))
            return (await receive(connection, [wish]))[call_id]

    async def stored(connection: AsyncConnection, number: str) -> str:
        return str(await connection.scalar(select(tickets.c.policy).where(tickets.c.number == number)))

    async def policy_of(number: str) -> str:
        """Looking changes nothing."""
        async with engine.begin() as connection:
            before = await stored(connection, number)
            seen = (await book.get(connection, rules, number, REAL)).policy
            assert await stored(connection, number) == before
            return seen

    async def taken_up(number: str) -> str:
        async with engine.begin() as connection:
            assert await stored(connection, number) == ""
            await book.edit(connection, rules, number, Edit(title="停水"), REAL, datetime.now(UTC))
            return await stored(connection, number)

    before, called_before = await made(), await called("hotline-1795296062.1")
    split_later = await called("hotline-1795296061.1")
    await demo.load("yangling", "cli", "", force=True)
    during, called_during, left = (
        await made(),
        await called("hotline-1795296063.1"),
        await called("hotline-1795296064.1"),
    )
    assert [await policy_of(one) for one in (before, called_before)] == ["dalian-2015", ""]
    assert await policy_of(during) == "yangling-2018"
    assert await policy_of(called_during) == await taken_up(called_during) == "yangling-2018"
    assert await taken_up(called_before) == "dalian-2015"
    async with engine.begin() as connection:
        part = Part(category=Category.COMPLAINT, content="路灯不亮")
        [apart] = await split(connection, rules, split_later, [part], REAL, datetime.now(UTC))
    assert [await policy_of(one) for one in (apart.number, split_later)] == ["dalian-2015"] * 2
    assert await policy_of(await made(policy="longnan-2021")) == "longnan-2021"
    chosen = await made(replace(rules, chosen=True))
    assert await policy_of(chosen) == "dalian-2015", "the operator's word comes first"

    await demo.remove("cli", "")
    assert [await policy_of(one) for one in (during, called_during)] == ["yangling-2018"] * 2
    assert await taken_up(left) == await policy_of(await made()) == "dalian-2015"


async def test_what_real_data_rests_on_stays(demo: Demonstration, engine: AsyncEngine, real: str) -> None:
    """A real ticket is at a sample unit, one of its users worked on it, and another went on in a sample ticket."""
    loaded = await demo.load("yangling", "user:real", "", force=True)
    agent, officer = (
        next(one for one in loaded.users if role in one.roles) for role in (Role.AGENT, Role.UNIT_OFFICER)
    )
    assert officer.unit is not None
    rules = make_rulebook()
    async with engine.begin() as connection:
        worker = Actor(agent.name, frozenset({READ_ALL, ACCEPT}))
        await book.execute(connection, rules, real, COMMAND.validate_python({"do": "accept"}), worker, NOW)
        dispatch = COMMAND.validate_python({"do": "dispatch", "unit": officer.unit})
        await book.execute(connection, rules, real, dispatch, REAL, NOW)
        sample = await connection.scalar(select(demo_items.c.key).where(demo_items.c.kind == "ticket").limit(1))
        merged = await ticket(connection, REAL)
        await connection.execute(update(tickets).where(tickets.c.number == merged).values(duplicate_of=sample))
    await demo.remove("user:real", "")
    async with engine.connect() as connection:
        left = set((await connection.scalars(select(tickets.c.number))).all())
        names = set((await connection.scalars(select(users.c.name))).all())
        there = set((await connection.scalars(select(units.c.id))).all())
        worked = await accounts.find_user(connection, agent.name)
        open_sessions = (await connection.execute(select(sessions))).all()
    assert {real, merged, sample} <= left
    assert "real" in names
    assert worked is not None
    assert worked.disabled_at is not None, "the history names them, and nobody signs in as them"
    assert {"real-unit", officer.unit} <= there
    assert len(open_sessions) == 1


async def test_a_robots_number_is_a_robots_only_from_our_own_machine_and_since_then(
    demo: Demonstration, engine: AsyncEngine
) -> None:
    await demo.load("yangling", "cli", "", force=False)
    await robots_called(engine, "hotline-1795296061.1")
    async with engine.begin() as connection:
        await a_call(connection, "hotline-1795296063.1", ROBOT, via="public")
        await a_call(connection, "hotline-1795296064.1", ROBOT)
        await connection.execute(
            update(calls).where(calls.c.id == "hotline-1795296064.1").values(arrived_at=NOW - timedelta(days=1))
        )
    gone = await demo.remove("cli", "")
    assert gone.calls == 1
    async with engine.connect() as connection:
        assert set((await connection.scalars(select(calls.c.id))).all()) == {
            "hotline-1795296063.1",
            "hotline-1795296064.1",
        }
        assert set((await connection.scalars(select(tickets.c.call_id))).all()) == {
            "hotline-1795296063.1",
            "hotline-1795296064.1",
        }


async def test_a_recording_that_is_held_holds_its_ticket(demo: Demonstration, engine: AsyncEngine) -> None:
    await demo.load("yangling", "cli", "", force=False)
    await robots_called(engine, "hotline-1795296061.1", "hotline-1795296061.2")
    held = "INSERT INTO recording_holds (call_id, reason, by, at) VALUES (:call, '案件', 'user:real', now())"
    async with engine.begin() as connection:
        await connection.execute(text(held), {"call": "hotline-1795296061.1"})
    gone = await demo.remove("cli", "")
    assert any("依法留存" in one for one in gone.kept)
    async with engine.connect() as connection:
        assert (await connection.scalars(select(calls.c.id))).all() == ["hotline-1795296061.1"]


@pytest.mark.parametrize("setting", ["", "SET LOCAL hotline.removing_demo = 'on'"])
async def test_a_real_tickets_history_cannot_go(engine: AsyncEngine, real: str, setting: str) -> None:
    for statement in (
        f"DELETE FROM ticket_events WHERE number = '{real}'",
        f"SELECT remove_demo_events(ARRAY['{real}'])",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            await run(engine, setting or "SELECT 1", statement)
    async with engine.connect() as connection:
        assert (await connection.execute(select(ticket_events).where(ticket_events.c.number == real))).all()


async def test_a_samples_history_goes_by_that_function_only(demo: Demonstration, engine: AsyncEngine) -> None:
    await demo.load("yangling", "cli", "", force=False)
    with pytest.raises(DBAPIError, match="append-only"):
        await run(engine, "DELETE FROM ticket_feed", "DELETE FROM ticket_events")


async def test_calls_that_are_not_over_are_waited_for(
    demo: Demonstration, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.demo.WRITTEN_SECONDS", 0.0)
    await demo.load("yangling", "cli", "", force=False)
    await robots_called(engine, "hotline-1795296061.1")
    async with engine.begin() as connection:
        await connection.execute(update(calls).values(ended_at=None))
    with pytest.raises(PeopleFault, match="还没有记录完"):
        await demo.remove("cli", "")
    async with engine.connect() as connection:
        assert (await connection.execute(select(calls))).all()


async def test_with_a_real_trunk_nothing_is_loaded_and_no_robot_calls(
    demo: Demonstration, engine: AsyncEngine, settings: Settings
) -> None:
    connected = settings.model_copy(update={"sip": Sip(trunk=Trunk(host="192.0.2.1"))})
    demo = Demonstration(connected, engine, demo._rulebook)
    with pytest.raises(PeopleFault, match="运营商"):
        await demo.load("yangling", "cli", "", force=False)
    with pytest.raises(PeopleFault, match="运营商"):
        await demo.start_robots()
    assert not (await demo.standing()).robots_possible


async def test_robots_want_a_city(demo: Demonstration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_PHONE_PYTHON", "/nowhere")
    with pytest.raises(PeopleFault, match="先加载"):
        await demo.start_robots()
    with pytest.raises(PeopleFault) as fault:
        await demo.load("atlantis", "cli", "", force=False)
    assert fault.value.code == "demo_unknown"
