"""API tokens: other platforms' keys to the API. Shown once, kept as a SHA-256. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from people.faults import PeopleFault
from people.opaque import digest, new_token
from people.principal import Principal
from people.roles import TOKEN_PERMISSIONS, Permission
from people.tables import api_tokens
from people.units import find_unit

PREFIX = "hl_"
"""So that a token in a log or a repository is recognised for what it is."""
MAX_LIFE = timedelta(days=730)
_USED_STEP = timedelta(minutes=5)
_NEEDS_UNIT = frozenset({Permission.TICKET_READ_UNIT, Permission.TICKET_HANDLE})


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token afterwards; the token itself is not."""

    id: int
    name: str
    permissions: frozenset[Permission]
    unit: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    id: int
    token: str = field(repr=False)


async def create_token(
    connection: AsyncConnection,
    name: str,
    permissions: Collection[Permission],
    *,
    expires_at: datetime,
    now: datetime,
    unit: str | None = None,
    created_by: int | None = None,
) -> NewToken:
    """``created_by``: a user's id. Raises PeopleFault."""
    wanted = frozenset(permissions)
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise PeopleFault("token_name", "令牌须有名称（使用它的平台），最多100字")
    if not wanted:
        raise PeopleFault("token_permissions", "令牌至少须有一项权限")
    if forbidden := sorted(wanted - TOKEN_PERMISSIONS):
        raise PeopleFault("token_permissions", f"令牌不能有这些权限：{'、'.join(forbidden)}")
    if not now < expires_at <= now + MAX_LIFE:
        raise PeopleFault("token_expiry", f"令牌的有效期须晚于现在，最长{MAX_LIFE.days}天")
    if unit is None and wanted & _NEEDS_UNIT:
        raise PeopleFault("token_unit", f"权限 {'、'.join(sorted(wanted & _NEEDS_UNIT))} 须指定单位")
    if unit is not None and await find_unit(connection, unit) is None:
        raise PeopleFault("token_unit", f"没有单位 {unit}")
    token = new_token(PREFIX)
    values = {
        "token_sha256": digest(token),
        "name": name.strip(),
        "permissions": sorted(wanted),
        "unit": unit,
        "created_by": created_by,
        "created_at": now,
        "expires_at": expires_at,
    }
    made = await connection.execute(insert(api_tokens).values(values).returning(api_tokens.c.id))
    return NewToken(made.scalar_one(), token)


async def whose_token(connection: AsyncConnection, token: str, now: datetime) -> Principal | None:
    """The platform that this token was given to; None when it is unknown, expired or revoked."""
    if not token.startswith(PREFIX):
        return None
    columns = api_tokens.c
    query = select(api_tokens).where(
        columns.token_sha256 == digest(token), columns.expires_at > now, columns.revoked_at.is_(None)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    stale = or_(columns.used_at.is_(None), columns.used_at <= now - _USED_STEP)
    if row.used_at is None or row.used_at <= now - _USED_STEP:
        await connection.execute(update(api_tokens).where(columns.id == row.id, stale).values(used_at=now))
    permissions = frozenset(Permission(permission) for permission in row.permissions)
    return Principal(row.id, row.name, row.name, frozenset(), row.unit, permissions, kind="token")


async def revoke_token(connection: AsyncConnection, token_id: int, now: datetime) -> None:
    """Raises PeopleFault when there is no such token or it is revoked already."""
    columns = api_tokens.c
    query = update(api_tokens).where(columns.id == token_id, columns.revoked_at.is_(None)).values(revoked_at=now)
    if (await connection.execute(query)).rowcount != 1:
        raise PeopleFault("token_unknown", f"没有有效的令牌 {token_id}")


async def list_tokens(connection: AsyncConnection) -> Sequence[ApiToken]:
    """Newest first; a city has a handful."""
    return [_token(row) for row in await connection.execute(select(api_tokens).order_by(api_tokens.c.id.desc()))]


def _token(row: Any) -> ApiToken:
    return ApiToken(
        row.id,
        row.name,
        frozenset(Permission(permission) for permission in row.permissions),
        row.unit,
        row.created_at,
        row.expires_at,
        row.used_at,
        row.revoked_at,
    )
