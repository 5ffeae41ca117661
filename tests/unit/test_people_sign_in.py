"""Signing in on a real PostgreSQL, with the real Argon2 where it matters."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import argon2
import pytest
import pytest_asyncio
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from people import accounts, audit, hashing, passwords, sessions
from people.faults import PeopleFault
from people.lockout import ADDRESS_FAILURES
from people.roles import Role
from people.sessions import Session
from people.sign_in import Locked, Reason, SignInRefused, counted, sign_in
from people.tables import sign_in_tries, users

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
PASSWORD = "a-perfectly-good-one"
HERE = "10.0.0.7"
_CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest_asyncio.fixture
async def people(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncEngine]:
    """lihua, wang and zhao are there. Argon2 with parameters that cost nothing."""
    monkeypatch.setattr(passwords, "_HASHER", _CHEAP)
    hashing._dummy.cache_clear()
    async with engine.begin() as connection:
        for name in ("lihua", "wang", "zhao"):
            await accounts.create_user(connection, name, [Role.AGENT], now=NOW, password=PASSWORD)
    yield engine
    hashing._dummy.cache_clear()


async def attempt(
    engine: AsyncEngine,
    name: str,
    password: str = PASSWORD,
    address: str = HERE,
    minute: float = 0,
    place: str | None = None,
) -> Session | Reason | datetime:
    """What came of it: a session, the reason of a refusal, or when the lock ends."""
    try:
        return await sign_in(engine, name, password, address, NOW + timedelta(minutes=minute), place=place or address)
    except SignInRefused as refused:
        return refused.reason
    except Locked as locked:
        return locked.until


async def log(engine: AsyncEngine) -> list[tuple[str, str, str]]:
    async with engine.connect() as connection:
        entries = await audit.list_entries(connection)
    return [(e.entry.action, e.entry.actor, str(e.entry.detail.get("reason", ""))) for e in reversed(entries)]


async def test_signing_in(people: AsyncEngine) -> None:
    session = await attempt(people, " LiHua ")
    assert isinstance(session, Session)
    assert session.principal.name == "lihua"
    assert session.principal.must_change
    assert session.expires_at == NOW + sessions.ABSOLUTE
    assert session.token not in repr(session)
    assert session.token.startswith("hs_")
    async with people.begin() as connection:
        found = await sessions.who(connection, session.token, NOW)
        user = await accounts.find_user(connection, "lihua")
    assert found == session.principal
    assert user is not None
    assert user.signed_in_at == NOW
    assert await log(people) == [("sign_in", "user:lihua", "")]


@pytest.mark.parametrize("name", ["lihua", "nobody", "not a name '; --", "", "x" * 10_000, "\0", "\udcff"])
async def test_refusals_look_alike(people: AsyncEngine, name: str) -> None:
    for _ in range(5):
        assert await attempt(people, name, "not the password") is Reason.WRONG
    assert await attempt(people, name) == NOW + timedelta(minutes=15)
    actions = await log(people)
    assert {actor for _, actor, _ in actions} == {"user:lihua" if name == "lihua" else "unknown"}
    assert actions[-1][0] == "sign_in.locked"


async def test_an_unknown_name_takes_as_long(people: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    real = passwords.verify_password

    def counted(hashed: str, password: str) -> bool:
        verified.append(hashed.rsplit("$", 2)[0])
        return real(hashed, password)

    monkeypatch.setattr(passwords, "verify_password", counted)
    assert await attempt(people, "lihua", "wrong") is Reason.WRONG
    assert await attempt(people, "nobody", "wrong") is Reason.WRONG
    assert len(verified) == 2
    assert verified[0] == verified[1]  # the same parameters


async def test_a_disabled_user_is_refused_like_a_wrong_password(people: AsyncEngine) -> None:
    async with people.begin() as connection:
        await accounts.disable_user(connection, "lihua", NOW)
    assert await attempt(people, "lihua") is Reason.WRONG
    assert (await log(people))[-1] == ("sign_in.refused", "user:lihua", "disabled_or_changed")


async def test_an_account_is_locked_and_opens_again(people: AsyncEngine) -> None:
    for minute in range(5):
        assert await attempt(people, "lihua", "wrong", f"10.0.0.{minute}", minute) is Reason.WRONG
    end = NOW + timedelta(minutes=19)
    assert await attempt(people, "lihua", minute=5) == end
    for minute in range(6, 19):  # going on guessing does not prolong it
        assert await attempt(people, "lihua", "wrong", minute=minute) == end
    assert isinstance(await attempt(people, "wang", minute=18), Session)
    assert isinstance(await attempt(people, "lihua", minute=19), Session)


async def test_success_forgets_the_accounts_failures(people: AsyncEngine) -> None:
    for minute in range(4):
        assert await attempt(people, "lihua", "wrong", minute=minute) is Reason.WRONG
    assert isinstance(await attempt(people, "lihua", minute=4), Session)
    for minute in range(5, 9):
        assert await attempt(people, "lihua", "wrong", minute=minute) is Reason.WRONG
    assert isinstance(await attempt(people, "lihua", minute=9), Session)


async def test_an_address_is_locked(people: AsyncEngine) -> None:
    for number in range(ADDRESS_FAILURES):
        assert await attempt(people, f"name{number}", "wrong") is Reason.WRONG
    assert await attempt(people, "lihua") == NOW + timedelta(minutes=15)
    assert isinstance(await attempt(people, "lihua", address="10.0.0.8"), Session)
    assert isinstance(await attempt(people, "lihua", minute=15), Session)


async def test_the_addresses_of_one_place_are_locked_together(people: AsyncEngine) -> None:
    for number in range(ADDRESS_FAILURES):
        found = await attempt(people, f"name{number}", "wrong", f"2001:db8::{number:x}", place="2001:db8::/64")
        assert found is Reason.WRONG
    locked = await attempt(people, "lihua", address="2001:db8::ffff", place="2001:db8::/64")
    assert locked == NOW + timedelta(minutes=15)
    assert isinstance(await attempt(people, "lihua", address="2001:db8:0:1::1", place="2001:db8:0:1::/64"), Session)
    async with people.connect() as connection:
        entries = await audit.list_entries(connection, action="sign_in.refused")
    assert {one.entry.address for one in entries} == {f"2001:db8::{number:x}" for number in range(ADDRESS_FAILURES)}


async def test_many_guesses_at_once_count_as_many(people: AsyncEngine) -> None:
    found = await asyncio.gather(*(attempt(people, "lihua", f"guess {n}", f"10.0.1.{n}") for n in range(20)))
    assert found.count(Reason.WRONG) == 5
    assert found.count(NOW + timedelta(minutes=15)) == 15


async def test_an_office_signs_in_at_once(people: AsyncEngine) -> None:
    async with people.begin() as connection:
        for number in range(30):
            await accounts.create_user(connection, f"agent{number}", [Role.AGENT], now=NOW, password=PASSWORD)
    found = await asyncio.gather(*(attempt(people, f"agent{number}") for number in range(30)))
    assert all(isinstance(session, Session) for session in found)


async def test_old_tries_are_cleared_away(people: AsyncEngine) -> None:
    await attempt(people, "lihua", "wrong")
    await attempt(people, "wang", "wrong", minute=30)
    async with people.connect() as connection:
        kept = (await connection.execute(select(func.count()).select_from(sign_in_tries))).scalar_one()
    assert kept == 2  # wang's, and the address's


async def test_an_old_hash_is_made_anew(people: AsyncEngine) -> None:
    old = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    async with people.begin() as connection:
        await connection.execute(update(users).where(users.c.name == "lihua").values(password_hash=old))
    assert isinstance(await attempt(people, "lihua"), Session)
    async with people.connect() as connection:
        new = (await connection.execute(select(users.c.password_hash).where(users.c.name == "lihua"))).scalar_one()
    assert not passwords.needs_rehash(new)
    assert isinstance(await attempt(people, "lihua"), Session)


async def test_a_password_changed_meanwhile_does_not_sign_in(
    people: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hashing.verify_password

    async def slow(hashed: str | None, password: str) -> bool:
        right = await real(hashed, password)
        async with people.begin() as connection:
            await accounts.reset_password(connection, "lihua")
        return right

    monkeypatch.setattr(hashing, "verify_password", slow)
    assert await attempt(people, "lihua") is Reason.WRONG
    async with people.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM sessions"))).scalar_one() == 0


async def test_too_many_at_once_are_told_so(people: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused for being too much is no failure, and the event loop goes on meanwhile."""
    monkeypatch.setattr(hashing, "WAITING", 1)
    entered, go = threading.Event(), threading.Event()
    real = passwords.verify_password

    def held(hashed: str, password: str) -> bool:
        entered.set()
        assert go.wait(30)
        return real(hashed, password)

    monkeypatch.setattr(passwords, "verify_password", held)
    first = asyncio.create_task(attempt(people, "lihua"))
    await asyncio.to_thread(entered.wait, 30)
    for _ in range(6):
        assert await attempt(people, "wang") is Reason.BUSY
    go.set()
    assert isinstance(await first, Session)
    assert isinstance(await attempt(people, "wang"), Session)


async def test_who_signs_in_holds_no_connection(
    people: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool's only connection is free while Argon2 runs."""
    single = create_hotline_engine(database_url, pool_size=1)
    real = hashing.verify_password

    async def asking(hashed: str | None, password: str) -> bool:
        async with single.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return await real(hashed, password)

    monkeypatch.setattr(hashing, "verify_password", asking)
    try:
        assert isinstance(await attempt(single, "lihua"), Session)
        assert await attempt(single, "wang", "wrong") is Reason.WRONG
    finally:
        await single.dispose()


async def test_a_lock_is_written_down_once(people: AsyncEngine) -> None:
    for minute in (0, 20):
        for _ in range(5):
            assert await attempt(people, "lihua", "wrong", minute=minute) is Reason.WRONG
        for _ in range(4):
            assert isinstance(await attempt(people, "lihua", minute=minute), datetime)
        written = [action for action, _, _ in await log(people)].count("sign_in.locked")
        assert written == (1 if minute == 0 else 2)


async def test_a_password_asked_for_again_is_counted(people: AsyncEngine) -> None:
    async def change(old: str, new: str = "another-good-one") -> None:
        async with counted(people, "lihua", HERE, NOW, place=HERE), people.begin() as connection:
            await accounts.change_password(connection, "lihua", old, new)

    for _ in range(6):  # what is wrong with the new one is no guess
        with pytest.raises(PeopleFault, match="新密码"):
            await change(PASSWORD, PASSWORD)
    for _ in range(5):
        with pytest.raises(PeopleFault, match="原密码"):
            await change("wrong")
    with pytest.raises(Locked):
        await change(PASSWORD)
    assert await attempt(people, "lihua", address="10.0.0.8") == NOW + timedelta(minutes=15)
    assert [action for action, _, _ in await log(people)] == ["user.password_refused"] * 5 + ["sign_in.locked"]
