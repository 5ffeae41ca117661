"""Users: added, disabled, their roles and passwords. All functions work inside the caller's transaction.

Who may call them, and the audit entry, are the caller's: it knows who is asking and from where. What hashes a password
can also raise :class:`people.hashing.Busy`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from people import hashing, sessions
from people.faults import PeopleFault
from people.passwords import check_password, generate_password
from people.roles import UNIT_ROLES, Role
from people.tables import demo_items, users
from people.units import find_unit

USER_NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")
RESERVED = frozenset({"system", "clock", "notices", "live", "operator", "cli", "unknown", "citizen"})
"""Histories and the audit log name these, and they are nobody's account."""
MAX_USERS = 500
_DEMO = select(demo_items.c.key).where(demo_items.c.kind == "user")
"""On a page."""


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    display_name: str
    roles: frozenset[Role]
    unit: str | None
    must_change: bool
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None
    totp_since: datetime | None


async def create_user(
    connection: AsyncConnection,
    name: str,
    roles: Collection[Role],
    *,
    now: datetime,
    display_name: str = "",
    unit: str | None = None,
    password: str | None = None,
    must_change: bool = True,
) -> tuple[User, str]:
    """The user and the first password: made up unless given. ``must_change``: at the first sign-in, because somebody
    else knows it.

    Raises PeopleFault.
    """
    if not USER_NAME.fullmatch(name):
        raise PeopleFault("user_name", "用户名须为2至32个小写字母、数字或._-，以字母开头")
    if name in RESERVED:
        raise PeopleFault("user_name", f"用户名 {name} 由系统保留")
    if len(display_name) > 50 or not (display_name == "" or display_name.isprintable()):
        raise PeopleFault("display_name", "姓名最多50字")
    await _check_roles(connection, roles, unit)
    first = password if password is not None else generate_password()
    check_password(first, name)
    values = {
        "name": name,
        "display_name": display_name.strip(),
        "roles": sorted(roles),
        "unit": unit,
        "password_hash": await hashing.hash_password(first),
        "must_change": must_change,
        "created_at": now,
    }
    new = insert(users).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(users)
    row = (await connection.execute(new)).one_or_none()
    if row is None:
        raise PeopleFault("user_exists", f"用户 {name} 已存在")
    return _user(row), first


async def find_user(connection: AsyncConnection, name: str) -> User | None:
    row = (await connection.execute(select(users).where(users.c.name == name))).one_or_none()
    return None if row is None else _user(row)


async def has_administrator(connection: AsyncConnection) -> bool:
    """A demonstration's does not count."""
    query = select(users.c.id).where(
        users.c.roles.contains([Role.ADMINISTRATOR]), users.c.disabled_at.is_(None), users.c.name.not_in(_DEMO)
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def list_users(
    connection: AsyncConnection,
    *,
    unit: str | None = None,
    role: Role | None = None,
    after: str = "",
    limit: int = 100,
) -> Sequence[User]:
    """By name, disabled ones included; the next page is the one ``after`` the last name."""
    if not 1 <= limit <= MAX_USERS:
        raise ValueError(f"limit must be 1 to {MAX_USERS}")
    query = select(users).where(users.c.name > after).order_by(users.c.name).limit(limit)
    if unit is not None:
        query = query.where(users.c.unit == unit)
    if role is not None:
        query = query.where(users.c.roles.contains([role]))
    return [_user(row) for row in await connection.execute(query)]


async def set_roles(connection: AsyncConnection, name: str, roles: Collection[Role], unit: str | None) -> User:
    """Ends the user's sessions. Raises PeopleFault."""
    await _check_roles(connection, roles, unit)
    if Role.ADMINISTRATOR not in roles:
        await _keep_an_administrator(connection, name)
    return await _change(connection, name, roles=sorted(roles), unit=unit)


async def disable_user(connection: AsyncConnection, name: str, now: datetime) -> User:
    """Ends the user's sessions; the user stays, because events name it. Raises PeopleFault."""
    await _keep_an_administrator(connection, name)
    return await _change(connection, name, disabled_at=func.coalesce(users.c.disabled_at, now))


async def enable_user(connection: AsyncConnection, name: str) -> User:
    return await _change(connection, name, disabled_at=None)


async def reset_password(connection: AsyncConnection, name: str) -> str:
    """A new made-up password that must be changed at the next sign-in; ends the user's sessions. Raises PeopleFault."""
    password = generate_password()
    await _change(connection, name, password_hash=await hashing.hash_password(password), must_change=True)
    return password


async def change_password(connection: AsyncConnection, name: str, old: str, new: str) -> User:
    """By the user. Ends all the user's sessions: sign in again. Raises PeopleFault; ``password_wrong`` for ``old``.

    Nothing is locked while Argon2 runs; a password that was changed meanwhile is not changed again.
    """
    query = select(users.c.password_hash).where(users.c.name == name, users.c.disabled_at.is_(None))
    hashed = await connection.scalar(query)
    if not await hashing.verify_password(hashed, old):
        raise PeopleFault("password_wrong", "原密码不正确")
    check_password(new, name)
    if new == old:
        raise PeopleFault("password_same", "新密码不能与原密码相同")
    made = await hashing.hash_password(new)
    if await connection.scalar(query.with_for_update()) != hashed:
        raise PeopleFault("password_wrong", "原密码不正确")
    return await _change(connection, name, password_hash=made, must_change=False)


async def _check_roles(connection: AsyncConnection, roles: Collection[Role], unit: str | None) -> None:
    if not roles:
        raise PeopleFault("roles", "至少须有一个角色")
    if (unit is not None) != bool(UNIT_ROLES & set(roles)):
        raise PeopleFault("unit", "承办单位的角色须指定单位，其他角色不能指定单位")
    if unit is not None:
        found = await find_unit(connection, unit)
        if found is None or not found.active:
            raise PeopleFault("unit", f"没有单位 {unit}，或已停用")


async def _keep_an_administrator(connection: AsyncConnection, leaving: str) -> None:
    """Locks the administrators: two who disable each other at once do not both succeed. A demonstration's does not
    count: it goes with the demonstration."""
    query = (
        select(users.c.name)
        .where(users.c.roles.contains([Role.ADMINISTRATOR]), users.c.disabled_at.is_(None))
        .order_by(users.c.id)
        .with_for_update()
    )
    there = set((await connection.scalars(query)).all())
    demo = set((await connection.scalars(_DEMO)).all())
    if leaving in there and not there - demo - {leaving}:
        raise PeopleFault("last_administrator", f"{leaving} 是最后一名管理员")


async def _change(connection: AsyncConnection, name: str, **values: Any) -> User:
    query = update(users).where(users.c.name == name).values(values).returning(users)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise PeopleFault("user_unknown", f"没有用户 {name}")
    await sessions.end_all(connection, row.id)
    return _user(row)


def _user(row: Any) -> User:
    return User(
        row.id,
        row.name,
        row.display_name,
        frozenset(Role(role) for role in row.roles),
        row.unit,
        row.must_change,
        row.disabled_at,
        row.created_at,
        row.signed_in_at,
        row.totp_since,
    )
