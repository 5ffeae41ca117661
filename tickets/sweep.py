"""The clock's sweep: what time has done to tickets is written down, each thing once, in the order of time.

Several processes may sweep at once: a row that one has locked the others pass over, and what a transaction that died
had done is undone with it. After downtime everything happens late but at its own moment, the earliest first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.history import NewEvent, append
from tickets.rulebook import Rulebook
from tickets.tables import tickets
from tickets.ticket import Ticket
from tickets.ticking import ticked

log = logging.getLogger(__name__)

Transactions = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction, such as ``engine.begin``."""

AGAIN = timedelta(minutes=10)
"""A ticket that the clock cannot run is tried again so much later: the others go on."""


@dataclass(frozen=True, slots=True)
class Swept:
    """``looked``: how many tickets were due; ``failed``: numbers of those that the clock could not run."""

    looked: int
    events: int
    failed: tuple[str, ...]


async def sweep(transactions: Transactions, rulebook: Rulebook, now: datetime, limit: int) -> Swept:
    """One batch of at most ``limit`` tickets. There may be more while ``looked`` is ``limit``."""
    of = tickets.c
    due = (
        select(tickets)
        .where(of.wake_at <= now)
        .order_by(of.wake_at, of.number)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    async with transactions() as connection:
        found = (await connection.execute(due)).all()
        if not found:
            return Swept(0, 0, ())
        # With more waiting behind this batch, nothing later than its last may be done yet.
        until = now if len(found) < limit else found[-1].wake_at
        done: list[Ticket] = []
        events: list[NewEvent] = []
        failed: list[str] = []
        for row in found:
            try:
                after, happened = _run(rows.read(row), rulebook, until)
            except Exception:
                log.exception("the clock cannot run ticket %s", row.number)
                failed.append(row.number)
                continue
            done.append(after)
            events.extend(happened)
        await rows.save(connection, rulebook, done)
        await append(connection, sorted(events, key=lambda event: event.at))
        if failed:
            later = update(tickets).where(of.number.in_(failed)).values(wake_at=now + AGAIN)
            await connection.execute(later)
    return Swept(len(found), len(events), tuple(failed))


def _run(ticket: Ticket, rulebook: Rulebook, until: datetime) -> tuple[Ticket, list[NewEvent]]:
    policy = rulebook.policy(ticket.policy or rulebook.default)
    life, events = ticked(policy, rulebook.days, ticket.number, ticket.life, until)
    return rows.moved(ticket, rulebook, life, until), events
