"""A year's holiday notice is loaded: the limits that were counted without it are counted again, and it is recorded why.

A limit is counted from the event that started it, which the history tells: so many working days as the calendar saw
then, by the calendar as it is now. What has passed already stays as it happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.calendar import WorkingDays
from tickets.history import TicketEvent, append, changes, event_of, events_of
from tickets.life import Life, Running
from tickets.number import ticket_day
from tickets.permits import CLOCK
from tickets.rulebook import Rulebook
from tickets.sweep import Transactions
from tickets.tables import deadlines
from tickets.ticking import ticked
from tickets.words import LimitKind

BATCH = 100
_GOES_ON = ("decide_extension", "recounted")
"""These move a limit's end and not its beginning."""


@dataclass(frozen=True, slots=True)
class Recounted:
    tickets: int
    limits: int
    """How many of them ended on another day."""


async def recount(
    transactions: Transactions, rulebook: Rulebook, before: WorkingDays, at: datetime, why: str
) -> Recounted:
    """``rulebook.days`` is the new calendar, ``before`` the one by which the limits were counted; ``why`` is for
    people, such as the notice's number (文号). May be run again: what is counted anew is provisional no longer."""
    changed = moved = 0
    last = ""
    while True:
        async with transactions() as connection:
            numbers = await _provisional(connection, last)
            for number in numbers:
                limits = await _one(connection, rulebook, before, number, at, why)
                changed += limits is not None
                moved += limits or 0
        if not numbers:
            return Recounted(changed, moved)
        last = numbers[-1]


async def _provisional(connection: AsyncConnection, after: str) -> Sequence[str]:
    of = deadlines.c
    query = select(of.number).where(of.provisional, of.number > after).distinct().order_by(of.number).limit(BATCH)
    return (await connection.scalars(query)).all()


async def _one(
    connection: AsyncConnection, rulebook: Rulebook, before: WorkingDays, number: str, at: datetime, why: str
) -> int | None:
    """How many limits moved; None if nothing is known better now."""
    row = await rows.load(connection, number, lock=True)
    assert row is not None
    ticket = rows.read(row)
    at = max(at, ticket.updated_at)
    policy = rulebook.policy(ticket.policy or rulebook.default)
    # What the clock owes up to now happened by the old count.
    life, events = ticked(policy, before, number, ticket.life, at)
    begun = starts(await events_of(connection, rulebook, number))
    limits = counted_again(life, begun, before, rulebook.days)
    if limits == life.limits:
        return None
    new = life.model_copy(update={"limits": limits})
    moved = {kind: [life.limits[kind].due.isoformat(), one.due.isoformat()] for kind, one in limits.items()}
    moved = {kind: ends for kind, ends in moved.items() if ends[0] != ends[1]}
    await rows.save(connection, [rows.moved(ticket, rulebook, new, at)])
    articles = tuple(dict.fromkeys(limits[kind].cite for kind in moved))
    event = event_of(
        number, at, "recounted", CLOCK.name, changes(life, new), data={"why": why, "moved": moved}, articles=articles
    )
    await append(connection, [*events, event])
    return len(moved)


def starts(events: Sequence[TicketEvent]) -> dict[LimitKind, date]:
    """The day of the event that each limit is counted from."""
    begun: dict[LimitKind, date] = {}
    known: dict[str, str] = {}
    for event in events:
        if "limits" not in event.changes:
            continue
        running = {kind: str(one["due"]) for kind, one in event.changes["limits"].items()}
        for kind, due in running.items():
            if known.get(kind) != due and not (kind in known and event.kind in _GOES_ON):
                begun[LimitKind(kind)] = ticket_day(event.at)
        known = running
    return begun


def counted_again(
    life: Life, begun: dict[LimitKind, date], before: WorkingDays, days: WorkingDays
) -> dict[LimitKind, Running]:
    """Only what is provisional and has not passed; hours run by the clock."""
    found = dict(life.limits)
    for kind, running in life.limits.items():
        start = begun.get(kind)
        if not running.provisional or running.passed or start is None:
            continue
        working_days = before.between(start, ticket_day(running.due))
        if working_days < 1:
            continue
        last = days.add(start, working_days)
        provisional = days.span_provisional(start, last)
        found[kind] = running.model_copy(update={"due": days.end_of(last), "provisional": provisional})
    return found
