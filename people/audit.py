"""The audit log 审计: who did and who looked at what. Appended to in the caller's transaction, never changed.

What is written: ``action`` is the permission or act (``ticket.reveal``, ``user.add``), ``object`` what it was done to
(``ticket:20261121-000123``, ``user:lihua``), ``detail`` the circumstances. No passwords, tokens or personal data in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from people.tables import audit_entries

MAX_ENTRIES = 500
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``actor`` is :attr:`people.principal.Principal.actor`, or ``system``, or ``cli`` for the command line."""

    at: datetime
    actor: str
    action: str
    object: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    request_id: str = ""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an audit entry needs a time with its zone")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    id: int
    entry: AuditEntry


async def record(connection: AsyncConnection, entry: AuditEntry) -> None:
    await connection.execute(
        insert(audit_entries).values(
            at=entry.at,
            actor=_plain(entry.actor),
            action=_plain(entry.action),
            object=_plain(entry.object),
            detail=dict(entry.detail),
            address=_plain(entry.address),
            request_id=_plain(entry.request_id),
        )
    )


async def list_entries(
    connection: AsyncConnection,
    *,
    actor: str | None = None,
    action: str | None = None,
    object: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[StoredEntry]:
    """Newest first; the next page is the one ``before`` the last entry's id. ``limit`` is 1 to MAX_ENTRIES."""
    if not 1 <= limit <= MAX_ENTRIES:
        raise ValueError(f"limit must be 1 to {MAX_ENTRIES}")
    columns = audit_entries.c
    query = select(audit_entries).order_by(columns.id.desc()).limit(limit)
    for column, wanted in ((columns.actor, actor), (columns.action, action), (columns.object, object)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(columns.at >= since)
    if until is not None:
        query = query.where(columns.at < until)
    if before is not None:
        query = query.where(columns.id < before)
    return [
        StoredEntry(
            row.id, AuditEntry(row.at, row.actor, row.action, row.object, row.detail, row.address, row.request_id)
        )
        for row in await connection.execute(query)
    ]


def _plain(text: str) -> str:
    """What came from outside is shortened, and loses NUL, which PostgreSQL refuses."""
    return text.replace("\0", "")[:_MAX_TEXT]
