"""Who is signed in. All functions work inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from people.opaque import digest, new_token
from people.principal import Principal
from people.roles import Role, permissions_of
from people.tables import sessions, users

PREFIX = "hs_"
"""So that none begins as an API token does."""
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
"""A shift and its hand-over: nobody is signed out in mid-shift, nobody stays signed in overnight."""
_SEEN_STEP = timedelta(minutes=1)
"""``seen_at`` is written at most this often: not every request writes."""


@dataclass(frozen=True, slots=True)
class Session:
    """``token`` exists here only: it goes into the cookie and is not stored."""

    token: str = field(repr=False)
    principal: Principal
    expires_at: datetime  # at the latest


async def begin(connection: AsyncConnection, user: Any, address: str, now: datetime) -> Session:
    """``user``: a row of ``users``. Sessions that have expired are cleared away on the occasion."""
    old = or_(sessions.c.seen_at <= now - IDLE, sessions.c.began_at <= now - ABSOLUTE)
    await connection.execute(delete(sessions).where(sessions.c.token_sha256.in_(_free(old))))
    token = new_token(PREFIX)
    await connection.execute(
        insert(sessions).values(
            token_sha256=digest(token), user_id=user.id, address=address[:200], began_at=now, seen_at=now
        )
    )
    return Session(token, principal_of(user), now + ABSOLUTE)


async def who(connection: AsyncConnection, token: str, now: datetime) -> Principal | None:
    """Whose session this token is; None when there is none, it has expired, or the user is disabled."""
    query = (
        select(users, sessions.c.seen_at, sessions.c.token_sha256)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.token_sha256 == digest(token),
            sessions.c.seen_at > now - IDLE,
            sessions.c.began_at > now - ABSOLUTE,
            users.c.disabled_at.is_(None),
        )
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    if now - row.seen_at >= _SEEN_STEP:
        mine = sessions.c.token_sha256 == row.token_sha256
        await connection.execute(update(sessions).where(sessions.c.token_sha256.in_(_free(mine))).values(seen_at=now))
    return principal_of(row)


def _free(wanted: ColumnElement[bool]) -> Select[tuple[bytes]]:
    """Rows that nobody is changing at this moment: requests of one session do not wait for each other."""
    return select(sessions.c.token_sha256).where(wanted).with_for_update(skip_locked=True)


async def sign_out(connection: AsyncConnection, token: str) -> None:
    """Nothing happens when there is no such session."""
    await connection.execute(delete(sessions).where(sessions.c.token_sha256 == digest(token)))


async def end_all(connection: AsyncConnection, user_id: int) -> None:
    """Every session of a user: after a changed password, a change of roles, or when disabled."""
    await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def principal_of(user: Any) -> Principal:
    """From a row of ``users``."""
    roles = frozenset(Role(role) for role in user.roles)
    return Principal(
        user_id=user.id,
        name=user.name,
        display_name=user.display_name or user.name,
        roles=roles,
        unit=user.unit,
        permissions=frozenset() if user.must_change else permissions_of(roles),
        kind="user",
        must_change=user.must_change,
    )
