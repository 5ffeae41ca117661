"""A year's holiday notice is loaded: the limits that were counted without it are counted again, and it is recorded why.

A limit was set on a day on which so many working days were left of it, as the calendar of that time had them: so many
are left from that day by the calendar as it is now. What has passed already stays as it happened.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.calendar import WorkingDays
from tickets.history import append, changes, event_of
from tickets.life import Running
from tickets.number import ticket_day
from tickets.permits import CLOCK
from tickets.rulebook import Rulebook
from tickets.sweep import Transactions
from tickets.tables import deadlines
from tickets.ticking import ticked
from tickets.words import LimitKind

log = logging.getLogger(__name__)

BATCH = 100


@dataclass(frozen=True, slots=True)
class Recounted:
    tickets: int
    limits: int
    """How many of them end at another time now."""
    failed: tuple[str, ...] = ()
    """Numbers of tickets that could not be counted again: they stay as they are, the others go on."""


async def recount(transactions: Transactions, rulebook: Rulebook, at: datetime, why: str) -> Recounted:
    """By ``rulebook.days``; ``why`` is for people, such as the notice's number (文号). Does nothing where nothing is
    known better, and may be run again and by several processes."""
    changed = moved = 0
    failed: list[str] = []
    last = ""
    while True:
        async with transactions() as connection:
            numbers = await _provisional(connection, last)
            for number in numbers:
                try:
                    async with connection.begin_nested():
                        limits = await _one(connection, rulebook, number, at, why)
                except Exception as error:
                    if isinstance(error, DBAPIError) and error.connection_invalidated:
                        raise
                    log.exception("the limits of ticket %s cannot be counted again", number)
                    failed.append(number)
                    continue
                changed += limits is not None
                moved += limits or 0
        if not numbers:
            return Recounted(changed, moved, tuple(failed))
        last = numbers[-1]


async def provisional_year(connection: AsyncConnection) -> int | None:
    """The earliest year in which an open limit ends that rests on a year without a notice."""
    of = deadlines.c
    query = select(of.due_at).where(of.provisional, ~of.passed).order_by(of.due_at).limit(1)
    due = await connection.scalar(query)
    return None if due is None else ticket_day(due).year


async def _provisional(connection: AsyncConnection, after: str) -> Sequence[str]:
    of = deadlines.c
    query = select(of.number).where(of.provisional, of.number > after).distinct().order_by(of.number).limit(BATCH)
    return (await connection.scalars(query)).all()


async def _one(connection: AsyncConnection, rulebook: Rulebook, number: str, at: datetime, why: str) -> int | None:
    """How many limits moved; None if nothing is known better now."""
    row = await rows.load(connection, number, lock=True)
    assert row is not None
    ticket = rows.read(row)
    at = max(at, ticket.updated_at)
    # What the clock owes up to now happened by the old count.
    life, events = ticked(rulebook.policy(ticket.policy or rulebook.default), rulebook.days, number, ticket.life, at)
    counts = await connection.execute(select(deadlines).where(deadlines.c.number == number, deadlines.c.provisional))
    found = counts.all()
    limits = _counted_again(life.limits, [count for count in found if not count.kept], rulebook.days)
    kept = _counted_again(life.kept, [count for count in found if count.kept], rulebook.days)
    new = life.model_copy(update={"limits": limits, "kept": kept})
    if new == life:
        return None
    was = {**life.kept, **life.limits}
    ends = {kind: (was[kind], one) for kind, one in {**kept, **limits}.items() if was[kind].due != one.due}
    await rows.save(connection, rulebook, [rows.moved(ticket, rulebook, new, at)])
    articles = tuple(dict.fromkeys(one.cite for _, one in ends.values()))
    moved = {kind: [old.due.isoformat(), one.due.isoformat()] for kind, (old, one) in ends.items()}
    told = {"why": why, "moved": moved}
    event = event_of(number, at, "recounted", CLOCK.name, changes(life, new), data=told, articles=articles)
    await append(connection, [*events, event])
    return len(moved)


def _counted_again(
    limits: Mapping[LimitKind, Running], counts: Sequence[Row[Any]], days: WorkingDays
) -> dict[LimitKind, Running]:
    found = dict(limits)
    for count in counts:
        running = limits.get(LimitKind(count.kind))
        if running is None or running.passed or count.since is None or not count.working_days:
            continue
        last = days.add(count.since, count.working_days)
        if not days.span_provisional(count.since, last):
            known = {"due": days.end_of(last), "provisional": False}
            found[LimitKind(count.kind)] = running.model_copy(update=known)
    return found
