"""Alerts: what somebody must look at now. Raised in the transaction of what caused them, announced when it commits.

Kinds: ``emergency`` (somebody asked for 110/119/120/122 or was sent to the emergency queue), ``emergency_trunk`` (a
line to the centre failed), ``emergency_failed`` (all of them did), ``recording_stopped`` (no room),
``recording_missing`` and ``recording_failed`` (at most one a day), ``log_gap`` (a part of Asterisk's log is gone),
``log_malformed`` (lines were left out), ``call_unreadable`` (a fault of ours), ``disk_low`` (log and database),
``transcript_failed`` (at most one a day), ``recording_key_lost``, ``retention_faulty`` (nothing is removed by time),
``node_lost`` (another node that shares the database), ``repeat_caller`` (somebody rings again and again for nothing).
Of the tickets: ``clock_failed`` (limits of a ticket cannot be counted), ``calendar_unknown`` (a limit rests on a year
without a notice), ``notice_failed`` (an answer did not arrive), ``rules_faulty`` (a rule file is wrong: no clock, no
answers), ``confidential_key_lost``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.store import notify
from calls.tables import alerts

log = logging.getLogger(__name__)
CHANNEL = "alerts"
"""NOTIFY channel; the payload is the alerts' ids."""


@dataclass(frozen=True, slots=True)
class Alert:
    """``key`` is what it is about: while an alert of this kind and key is not closed, it is not raised again."""

    kind: str
    key: str
    text: str
    call_id: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


_RAISE = text(
    "INSERT INTO alerts (kind, key, call_id, text, data)"
    " SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    " AS r(kind text, key text, call_id text, text text, data jsonb)"
    " ON CONFLICT (kind, key) WHERE closed_at IS NULL DO NOTHING RETURNING id, kind, text"
)


async def raise_alerts(connection: AsyncConnection, wanted: Sequence[Alert]) -> int:
    """Returns how many are new."""
    rows = [
        {"kind": one.kind, "key": one.key, "call_id": one.call_id, "text": one.text, "data": dict(one.data)}
        for one in wanted
    ]
    new = (await connection.execute(_RAISE, {"rows": json.dumps(rows)})).all()
    for row in new:
        log.error("alert %d %s: %s", row.id, row.kind, row.text)
    if new:
        await notify(connection, CHANNEL, [str(row.id) for row in new])
    return len(new)


async def close_alerts(connection: AsyncConnection, kind: str) -> int:
    """The cause is gone: close all of a kind. Returns how many were open."""
    statement = text("UPDATE alerts SET closed_at = now() WHERE kind = :kind AND closed_at IS NULL RETURNING id")
    closed = [str(number) for number in (await connection.scalars(statement, {"kind": kind})).all()]
    if closed:
        await notify(connection, CHANNEL, closed)
    return len(closed)


async def close_alert(connection: AsyncConnection, kind: str, key: str) -> None:
    """The cause is gone of what this one was about."""
    statement = text(
        "UPDATE alerts SET closed_at = now() WHERE kind = :kind AND key = :key AND closed_at IS NULL RETURNING id"
    )
    closed = [str(number) for number in (await connection.scalars(statement, {"kind": kind, "key": key})).all()]
    if closed:
        await notify(connection, CHANNEL, closed)


async def announce_open(connection: AsyncConnection, limit: int = 200) -> int:
    """After a restart: say again what nobody has acknowledged, the newest ``limit``."""
    is_open = alerts.c.closed_at.is_(None), alerts.c.acknowledged_at.is_(None)
    rows = (await connection.execute(select(alerts).where(*is_open).order_by(alerts.c.id.desc()).limit(limit))).all()
    for row in rows:
        log.error("alert %d %s still open: %s", row.id, row.kind, row.text)
    if rows:
        await notify(connection, CHANNEL, [str(row.id) for row in rows])
    return len(rows)


async def acknowledge(connection: AsyncConnection, number: int) -> bool:
    """False: there is none of this number that waits for it."""
    statement = text(
        "UPDATE alerts SET acknowledged_at = now() WHERE id = :id AND acknowledged_at IS NULL AND closed_at IS NULL"
    )
    done = (await connection.execute(statement, {"id": number})).rowcount == 1
    if done:
        await notify(connection, CHANNEL, [str(number)])
    return done


async def list_alerts(connection: AsyncConnection, *, include_closed: bool, limit: int) -> list[dict[str, Any]]:
    """Newest first, plain values."""
    query = select(alerts).order_by(alerts.c.id.desc()).limit(limit)
    if not include_closed:
        query = query.where(alerts.c.closed_at.is_(None), alerts.c.acknowledged_at.is_(None))
    return [dict(row._mapping) for row in await connection.execute(query)]
