"""Notices that are owed, in the transaction of what owes them; and sending them, as often as it takes.

A notice is leased while it is being sent: a sender that dies leaves it to the next one when the lease is over, with the
same id. So it is sent at least once, and known by its id.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from notify.port import Notice, NotSent, Outlet

log = logging.getLogger(__name__)

QUEUE = "notices"
TASK = "notices:send"
MAX_ATTEMPTS = 20
"""With the back-off below: two and a half days, longer than a weekend."""
LEASE_SECONDS = 60.0
_FIRST_WAIT = 30.0
_LONGEST_WAIT = 6 * 3600.0
_BATCH = 50

_POST = text(
    "INSERT INTO notices (id, ticket, kind, channel, at) VALUES (:id, :ticket, :kind, :channel, :at)"
    " ON CONFLICT (id) DO NOTHING"
)
# No queueing lock: of two transactions that defer at once, the second would fail with it.
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(CAST(:queue AS varchar), CAST(:task AS varchar), 0,"
    " NULL::varchar, NULL::varchar, '{}'::jsonb, NULL::timestamptz)::procrastinate_job_to_defer_v1])"
)
_LEASE = text(
    "UPDATE notices SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => :lease) WHERE id ="
    " (SELECT id FROM notices WHERE state = 'waiting' AND next_try_at <= now()"
    " AND channel <> ALL(CAST(:failing AS text[])) ORDER BY next_try_at LIMIT 1"
    " FOR UPDATE SKIP LOCKED) RETURNING id, ticket, kind, channel, at, attempts"
)
_SENT = text("UPDATE notices SET state = 'sent', sent_at = now(), fault = '' WHERE id = :id")
_FAILED = text(
    "UPDATE notices SET state = :state, fault = :fault, next_try_at = now() + make_interval(secs => :wait)"
    " WHERE id = :id AND state = 'waiting'"
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A row of the outbox."""

    id: uuid.UUID
    ticket: str
    kind: str
    channel: str
    at: datetime
    attempts: int = 0


def notice_id(ticket: str, version: int, kind: str) -> uuid.UUID:
    """The same act owes the same notice, however often it is written down."""
    return uuid.uuid5(_NAMESPACE, f"{ticket}/{version}/{kind}")


_NAMESPACE = uuid.UUID("2f6f0f0e-6f0a-5b57-9a3e-3f1a7f5f1234")


async def post(connection: AsyncConnection, owed: Owed) -> None:
    row = {"id": owed.id, "ticket": owed.ticket, "kind": owed.kind, "channel": owed.channel, "at": owed.at}
    await connection.execute(_POST, row)
    await connection.execute(_DEFER, {"queue": QUEUE, "task": TASK})


def wait_after(attempts: int) -> float:
    """Seconds: 30, 60, 120 … six hours."""
    return min(_FIRST_WAIT * 2.0 ** max(0, attempts - 1), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Sender:
    """``compose``: the notice in words, None where nothing is to be said any more. ``outlet``: of a channel, None where
    it has none. ``told``: called after a notice went out; ``gave_up``: when it never will, with the reason."""

    engine: AsyncEngine
    compose: Callable[[Owed], Awaitable[Notice | None]]
    outlet: Callable[[str], Outlet | None]
    told: Callable[[Owed], Awaitable[None]]
    gave_up: Callable[[Owed, str], Awaitable[None]]

    async def sweep(self) -> int:
        """Send all that are due, at most 50; returns how many went out. A channel that does not take one is left alone
        until the next sweep: the others do not wait for it."""
        sent = 0
        failing: set[str] = set()
        for _ in range(_BATCH):
            async with self.engine.begin() as connection:
                row = (
                    await connection.execute(_LEASE, {"lease": LEASE_SECONDS, "failing": sorted(failing)})
                ).one_or_none()
            if row is None:
                break
            owed = Owed(row.id, row.ticket, row.kind, row.channel, row.at, row.attempts)
            sent += await self._send(owed, failing)
        return sent

    async def _send(self, owed: Owed, failing: set[str]) -> bool:
        try:
            notice = await self.compose(owed)
            outlet = self.outlet(owed.channel)
            if notice is not None and outlet is not None:
                await outlet.send(notice)
        except NotSent as error:
            if error.retry:
                failing.add(owed.channel)
            await self._failed(owed, error)
            return False
        except SQLAlchemyError:
            raise
        except Exception as error:
            # Such as a text that does not open: the others go on.
            log.exception("notice %s of ticket %s", owed.id, owed.ticket)
            await self._failed(owed, NotSent(type(error).__name__))
            return False
        async with self.engine.begin() as connection:
            await connection.execute(_SENT, {"id": owed.id})
        try:
            await self.told(owed)
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("notice %s of ticket %s went out, the ticket does not know", owed.id, owed.ticket)
        return True

    async def _failed(self, owed: Owed, error: NotSent) -> None:
        final = not error.retry or owed.attempts >= MAX_ATTEMPTS
        log.warning("notice %s of ticket %s, try %d: %s", owed.id, owed.ticket, owed.attempts, error)
        values = {
            "id": owed.id,
            "state": "failed" if final else "waiting",
            "fault": str(error)[:200],
            "wait": wait_after(owed.attempts),
        }
        async with self.engine.begin() as connection:
            await connection.execute(_FAILED, values)
        if final:
            await self.gave_up(owed, str(error))
