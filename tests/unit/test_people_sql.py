"""Accounts, units, sessions, tokens and the audit log on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from people import accounts, audit, hashing, sessions, tokens, units
from people.audit import AuditEntry
from people.faults import PeopleFault
from people.roles import PERMISSIONS, Permission, Role
from people.tables import api_tokens, demo_items, metadata, users
from people.units import Unit, UnitKind

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
PASSWORD = "a-perfectly-good-one"


@pytest_asyncio.fixture
async def connection(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncConnection]:
    """Within one transaction; a county with a unit below it is there."""

    async def quick(password: str) -> str:
        return f"hash of {password}"

    async def compare(hashed: str | None, password: str) -> bool:
        return hashed == f"hash of {password}"

    monkeypatch.setattr(hashing, "hash_password", quick)
    monkeypatch.setattr(hashing, "verify_password", compare)
    async with engine.begin() as connection:
        await units.save_unit(connection, Unit("housing", "住房局", UnitKind.DEPARTMENT, contact="0411-12345678"))
        await units.save_unit(connection, Unit("cheng", "成县", UnitKind.COUNTY))
        await units.save_unit(connection, Unit("cheng-water", "成县水务局", UnitKind.DEPARTMENT, parent="cheng"))
        yield connection


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(PeopleFault) as caught:
        await work
    return caught.value.code


async def add(connection: AsyncConnection, name: str, *roles: Role, unit: str | None = None) -> accounts.User:
    return (await accounts.create_user(connection, name, roles, now=NOW, unit=unit, password=PASSWORD))[0]


def test_the_migration_makes_these_tables(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_units(connection: AsyncConnection) -> None:
    assert [unit.id for unit in await units.list_units(connection)] == ["cheng", "cheng-water", "housing"]
    closed = Unit("housing", "住建局", UnitKind.DEPARTMENT, active=False)
    await units.save_unit(connection, closed)
    assert await units.find_unit(connection, "housing") == closed
    assert len(await units.list_units(connection, active_only=True)) == 2
    assert await units.find_unit(connection, "none") is None
    for parent in ("none", "cheng-water"):
        below = Unit("below", "某单位", UnitKind.DEPARTMENT, parent=parent)
        assert await refused(units.save_unit(connection, below)) == "unit_parent"


async def test_a_user(connection: AsyncConnection) -> None:
    made, password = await accounts.create_user(
        connection, "lihua", [Role.UNIT_OFFICER], now=NOW, display_name="李华", unit="housing"
    )
    assert (made.must_change, made.unit, made.roles) == (True, "housing", frozenset({Role.UNIT_OFFICER}))
    stored = (await connection.execute(select(users.c.password_hash))).scalar_one()
    assert stored == f"hash of {password}"
    assert await accounts.find_user(connection, "lihua") == made
    assert await accounts.find_user(connection, "nobody") is None


@pytest.mark.parametrize(
    ("name", "roles", "unit", "code"),
    [
        ("Li Hua", [Role.AGENT], None, "user_name"),
        ("lihua'--", [Role.AGENT], None, "user_name"),
        ("system", [Role.AGENT], None, "user_name"),
        ("lihua", [], None, "roles"),
        ("lihua", [Role.UNIT_OFFICER], None, "unit"),
        ("lihua", [Role.AGENT], "housing", "unit"),
        ("lihua", [Role.UNIT_LEADER], "none", "unit"),
        ("wang", [Role.AGENT], None, "user_exists"),
    ],
)
async def test_users_that_cannot_be(
    connection: AsyncConnection, name: str, roles: list[Role], unit: str | None, code: str
) -> None:
    await add(connection, "wang", Role.AGENT)
    assert await refused(accounts.create_user(connection, name, roles, now=NOW, unit=unit)) == code
    assert [user.name for user in await accounts.list_users(connection)] == ["wang"]


async def test_list_of_users(connection: AsyncConnection) -> None:
    for name in ("c.wang", "a.li", "b.zhao"):
        await add(connection, name, Role.AGENT)
    await add(connection, "d.sun", Role.UNIT_OFFICER, unit="housing")
    page = await accounts.list_users(connection, limit=2)
    assert [user.name for user in page] == ["a.li", "b.zhao"]
    rest = await accounts.list_users(connection, limit=2, after=page[-1].name)
    assert [user.name for user in rest] == ["c.wang", "d.sun"]
    assert [user.name for user in await accounts.list_users(connection, unit="housing")] == ["d.sun"]
    assert [user.name for user in await accounts.list_users(connection, role=Role.UNIT_OFFICER)] == ["d.sun"]


async def test_changing_the_password(connection: AsyncConnection) -> None:
    await add(connection, "lihua", Role.AGENT)
    new = "another-good-one"
    assert await refused(accounts.change_password(connection, "lihua", "wrong", new)) == "password_wrong"
    assert await refused(accounts.change_password(connection, "nobody", PASSWORD, new)) == "password_wrong"
    assert await refused(accounts.change_password(connection, "lihua", PASSWORD, "short")) == "password_short"
    assert await refused(accounts.change_password(connection, "lihua", PASSWORD, PASSWORD)) == "password_same"
    assert not (await accounts.change_password(connection, "lihua", PASSWORD, new)).must_change
    assert await refused(accounts.change_password(connection, "lihua", PASSWORD, new)) == "password_wrong"
    made = await accounts.reset_password(connection, "lihua")
    found = await accounts.find_user(connection, "lihua")
    assert found is not None
    assert found.must_change
    await accounts.change_password(connection, "lihua", made, new)
    await accounts.disable_user(connection, "lihua", NOW)
    assert await refused(accounts.change_password(connection, "lihua", new, PASSWORD)) == "password_wrong"


async def open_session(connection: AsyncConnection, name: str) -> str:
    row = (await connection.execute(select(users).where(users.c.name == name))).one()
    return (await sessions.begin(connection, row, "10.0.0.7", NOW)).token


CHANGES: list[Callable[[AsyncConnection], Awaitable[object]]] = [
    lambda c: accounts.disable_user(c, "lihua", NOW),
    lambda c: accounts.reset_password(c, "lihua"),
    lambda c: accounts.change_password(c, "lihua", PASSWORD, "another-good-one"),
    lambda c: accounts.set_roles(c, "lihua", [Role.UNIT_LEADER], "cheng-water"),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_ends_every_session_of_a_user(
    connection: AsyncConnection, change: Callable[[AsyncConnection], Awaitable[object]]
) -> None:
    for name in ("lihua", "wang"):
        await add(connection, name, Role.AGENT)
    ended = [await open_session(connection, "lihua") for _ in range(2)]
    other = await open_session(connection, "wang")
    await change(connection)
    assert [await sessions.who(connection, token, NOW) for token in ended] == [None, None]
    assert await sessions.who(connection, other, NOW) is not None


async def test_the_last_administrator_stays(connection: AsyncConnection) -> None:
    await add(connection, "root", Role.ADMINISTRATOR)
    assert await refused(accounts.disable_user(connection, "root", NOW)) == "last_administrator"
    assert await refused(accounts.set_roles(connection, "root", [Role.AGENT], None)) == "last_administrator"
    await add(connection, "second", Role.ADMINISTRATOR)
    await accounts.disable_user(connection, "root", NOW)
    assert await refused(accounts.disable_user(connection, "second", NOW)) == "last_administrator"
    assert (await accounts.enable_user(connection, "root")).disabled_at is None
    assert await refused(accounts.disable_user(connection, "nobody", NOW)) == "user_unknown"


async def test_a_demonstrations_administrator_is_not_the_one_who_stays(connection: AsyncConnection) -> None:
    await add(connection, "root", Role.ADMINISTRATOR)
    await add(connection, "played", Role.ADMINISTRATOR)
    await connection.execute(insert(demo_items).values(kind="user", key="played"))
    assert await refused(accounts.disable_user(connection, "root", NOW)) == "last_administrator"
    assert (await accounts.disable_user(connection, "played", NOW)).disabled_at == NOW


async def test_a_session(connection: AsyncConnection) -> None:
    await add(connection, "lihua", Role.UNIT_OFFICER, unit="housing")
    token = await open_session(connection, "lihua")
    assert token not in str((await connection.execute(text("SELECT * FROM sessions"))).all())
    first = await sessions.who(connection, token, NOW)
    assert first is not None
    assert (first.must_change, first.permissions) == (True, frozenset())
    await connection.execute(users.update().values(must_change=False))
    found = await sessions.who(connection, token, NOW)
    assert found is not None
    assert (found.name, found.unit, found.kind) == ("lihua", "housing", "user")
    assert found.permissions == PERMISSIONS[Role.UNIT_OFFICER]
    for wrong in (token[:-1], token + "x", "", "\0", "密码", "\udcff"):
        assert await sessions.who(connection, wrong, NOW) is None
    await sessions.sign_out(connection, token)
    assert await sessions.who(connection, token, NOW) is None
    await sessions.sign_out(connection, token)


async def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_a_shift(connection: AsyncConnection) -> None:
    await add(connection, "lihua", Role.AGENT)
    token = await open_session(connection, "lihua")
    moment = NOW
    while moment < NOW + sessions.ABSOLUTE - timedelta(minutes=29):
        moment += timedelta(minutes=29)
        assert await sessions.who(connection, token, moment) is not None
    assert await sessions.who(connection, token, NOW + sessions.ABSOLUTE) is None
    idle = await open_session(connection, "lihua")
    assert await sessions.who(connection, idle, NOW + timedelta(minutes=29, seconds=59)) is not None
    left = await open_session(connection, "lihua")
    assert await sessions.who(connection, left, NOW + sessions.IDLE) is None


async def test_expired_sessions_are_cleared_away(connection: AsyncConnection) -> None:
    await add(connection, "lihua", Role.AGENT)
    await open_session(connection, "lihua")
    row = (await connection.execute(select(users))).one()
    await sessions.begin(connection, row, "10.0.0.7", NOW + timedelta(days=1))
    assert (await connection.execute(select(func.count()).select_from(text("sessions")))).scalar_one() == 1


async def test_a_token(connection: AsyncConnection) -> None:
    wanted = frozenset({Permission.TICKET_CREATE, Permission.TICKET_READ_UNIT})
    expires = NOW + timedelta(days=30)
    made = await tokens.create_token(connection, "县平台", wanted, expires_at=expires, now=NOW, unit="cheng")
    assert made.token.startswith("hl_")
    assert made.token not in repr(made) + str((await connection.execute(select(api_tokens))).all())
    found = await tokens.whose_token(connection, made.token, NOW)
    assert found is not None
    assert (found.kind, found.unit, found.name) == ("token", "cheng", "县平台")
    assert found.permissions == wanted
    assert found.actor == f"token:{made.id}"
    for wrong in (made.token[:-1], made.token[3:], "", "hl_", "hl_\0"):
        assert await tokens.whose_token(connection, wrong, NOW) is None
    assert await tokens.whose_token(connection, made.token, expires) is None
    [listed] = await tokens.list_tokens(connection)
    assert (listed.used_at, listed.revoked_at, listed.permissions) == (NOW, None, wanted)
    await tokens.revoke_token(connection, made.id, NOW)
    assert await tokens.whose_token(connection, made.token, NOW) is None
    assert await refused(tokens.revoke_token(connection, made.id, NOW)) == "token_unknown"


@pytest.mark.parametrize(
    ("name", "permissions", "days", "unit", "code"),
    [
        ("", [Permission.TICKET_CREATE], 1, None, "token_name"),
        ("平台", [], 1, None, "token_permissions"),
        ("平台", [Permission.TICKET_REVEAL], 1, None, "token_permissions"),
        ("平台", [Permission.USER_MANAGE], 1, None, "token_permissions"),
        ("平台", [Permission.TICKET_CREATE], 0, None, "token_expiry"),
        ("平台", [Permission.TICKET_CREATE], 731, None, "token_expiry"),
        ("平台", [Permission.TICKET_HANDLE], 1, None, "token_unit"),
        ("平台", [Permission.TICKET_CREATE], 1, "none", "token_unit"),
    ],
)
async def test_tokens_that_cannot_be(
    connection: AsyncConnection, name: str, permissions: list[Permission], days: int, unit: str | None, code: str
) -> None:
    expires = NOW + timedelta(days=days)
    made = tokens.create_token(connection, name, permissions, expires_at=expires, now=NOW, unit=unit)
    assert await refused(made) == code
    assert await tokens.list_tokens(connection) == []


async def test_the_audit_log(connection: AsyncConnection) -> None:
    for number in range(7):
        actor = "user:lihua" if number % 2 else "user:wang"
        at = NOW + timedelta(minutes=number)
        entry = AuditEntry(
            at, actor, "ticket.reveal", f"ticket:{number}", {"field": "caller"}, "10.0.0.7", f"r{number}"
        )
        await audit.record(connection, entry)
    await audit.record(connection, AuditEntry(NOW, "x\0" * 300, "sign_in.refused"))
    page = await audit.list_entries(connection, action="ticket.reveal", limit=3)
    assert [stored.entry.object for stored in page] == ["ticket:6", "ticket:5", "ticket:4"]
    assert page[0].entry == AuditEntry(
        NOW + timedelta(minutes=6), "user:wang", "ticket.reveal", "ticket:6", {"field": "caller"}, "10.0.0.7", "r6"
    )
    rest = await audit.list_entries(connection, action="ticket.reveal", before=page[-1].id)
    assert [stored.entry.object for stored in rest] == ["ticket:3", "ticket:2", "ticket:1", "ticket:0"]
    assert len(await audit.list_entries(connection, actor="user:lihua")) == 3
    assert len(await audit.list_entries(connection, object="ticket:2")) == 1
    between = NOW + timedelta(minutes=2), NOW + timedelta(minutes=4)
    assert len(await audit.list_entries(connection, since=between[0], until=between[1])) == 2
    [odd] = await audit.list_entries(connection, action="sign_in.refused")
    assert odd.entry.actor == "x" * 200
    for limit in (0, 501):
        with pytest.raises(ValueError, match="limit"):
            await audit.list_entries(connection, limit=limit)
    with pytest.raises(ValueError, match="zone"):
        AuditEntry(NOW.replace(tzinfo=None), "x", "y")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'somebody else'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE false",
        "TRUNCATE audit_entries",
    ],
)
async def test_nobody_changes_the_audit_log(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await audit.record(connection, AuditEntry(NOW, "user:lihua", "ticket.reveal"))
    async with engine.connect() as connection:
        with pytest.raises(ProgrammingError, match="append-only"):
            await connection.execute(text(statement))
        await connection.rollback()
        assert len(await audit.list_entries(connection)) == 1
