"""Who may be told how a ticket stands, and how often one may guess. All functions work inside the caller's transaction.

A ticket is told of to whoever knows its number (or calls from the telephone on it) and the last four digits of the
telephone on it. Wrong answers are counted by caller and by ticket over 24 hours, whether or not there is such a ticket;
which of the two was wrong is told nowhere. A confidential ticket is never found by the caller's own number, which may
be that of a whole household, and only its state is told.
"""

from __future__ import annotations

import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from line import known
from line.known import BEING_WORKED_ON
from line.tables import progress_tries
from tickets.life import Life
from tickets.number import ticket_day
from tickets.tables import tickets
from tickets.words import COMPLETION, State

DIGITS = 4
MOST_NUMBERS = 4
"""Telephones on one ticket that count; more in the words of its contact would only help to guess."""
MERGED_DEEP = 5
"""A ticket may go on in one that itself went on in another."""

Stage = Literal["received", "accepted", "working", "completed", "rework", "done", "declined"]
STAGES: Mapping[State, Stage] = {
    State.RECEIVED: "received",
    State.ACCEPTED: "accepted",
    State.DECLINED: "declined",
    State.AT_COUNTY: "working",
    State.DISPATCHED: "working",
    State.RETURN_REQUESTED: "working",
    State.COMPLETED: "completed",
    State.REWORK: "rework",
    State.REVIEWED: "done",
    State.ARCHIVED: "done",
}
"""What a citizen is told of a state."""
NOT_SURE = State.RETURN_REQUESTED
"""A unit that asks to return it may not be the one for long."""

Unseal = Callable[[str, str], str]
"""Envelope and ticket's number → a confidential ticket's words, as JSON."""


@dataclass(frozen=True, slots=True)
class Told:
    """What may be told. ``unit``: its id, empty where none is told of. ``due``: the day in China."""

    number: str
    state: State
    unit: str = ""
    due: date | None = None
    provisional: bool = False


Answer = Told | Literal["wrong", "limited"]


async def enquire(
    connection: AsyncConnection,
    unseal: Unseal,
    caller: str,
    ticket: str,
    last_four: str,
    most: int,
    most_of_caller: int | None = None,
) -> Answer:
    """``caller``: by what a caller is recognised (:func:`tickets.ticket.key_of`), empty for nobody in particular.
    ``ticket``: as keyed or said; empty: the caller's latest. ``most``: wrong answers in 24 hours, about a ticket
    and of a caller; ``most_of_caller``: where a caller is no single telephone, instead.

    Raises whatever ``unseal`` raises.
    """
    asked = await _asked(connection, caller, ticket)
    about = number_of(ticket) if asked is None else asked.number
    # Two calls at once must not both have the last guess.
    await connection.execute(_TURN, {"one": f"progress caller {caller}", "other": f"progress ticket {about}"})
    tries = (await connection.execute(_TRIES, {"caller": caller, "ticket": about})).one()
    if tries.of_caller >= (most if most_of_caller is None else most_of_caller) or (about and tries.of_ticket >= most):
        return "limited"
    if not is_one_of(last_four, [] if asked is None else telephones(_words(asked, unseal))):
        await connection.execute(insert(progress_tries).values(caller=caller, ticket=about))
        await connection.execute(_FORGET)
        return "wrong"
    assert asked is not None
    return _told(await _goes_on_in(connection, asked))


def number_of(ticket: str) -> str:
    """``20261121000123`` and, with the zeros left out, ``20261121123`` → ``20261121-000123``; else as it is."""
    digits = "".join(filter(str.isdecimal, ticket))
    return f"{digits[:8]}-{digits[8:].zfill(6)}" if len(digits) > 8 else digits


def telephones(words: Sequence[str]) -> list[str]:
    """The last four digits of each telephone number in ``words``."""
    found: dict[str, None] = {}
    for one in words:
        for run in _RUN.findall(unicodedata.normalize("NFKC", one)):
            numbers = ["".join(filter(str.isdecimal, part)) for part in run.split()]
            joined = "".join(numbers)
            # 139 0000 1111 is one number, 13900001111 13900002222 are two
            several = [number for number in numbers if len(number) >= _SHORTEST] if len(joined) > _USUAL else []
            for number in several or [joined]:
                if _SHORTEST <= len(number) <= _LONGEST:
                    found[number[-DIGITS:]] = None
    return list(found)[:MOST_NUMBERS]


def is_one_of(given: str, known: Sequence[str]) -> bool:
    """In the same time whichever it is, and if there are none."""
    right = False
    for one in (*known, *[_NONE] * (MOST_NUMBERS - len(known))):
        right |= hmac.compare_digest(given.encode(), one.encode())
    return right and given != _NONE and len(given) == DIGITS


_RUN = re.compile(r"[0-9][0-9 ()./+-]*[0-9]")
_SHORTEST, _USUAL, _LONGEST = 7, 13, 15
_NONE = "----"
_TURN = text(
    "SELECT pg_advisory_xact_lock(turn) FROM (SELECT DISTINCT hashtextextended(one, 0) AS turn"
    " FROM unnest(ARRAY[CAST(:one AS text), CAST(:other AS text)]) AS t(one) ORDER BY 1) turns"
)
_TRIES = text(
    "SELECT count(*) FILTER (WHERE caller = :caller) AS of_caller,"
    " count(*) FILTER (WHERE ticket = :ticket) AS of_ticket FROM progress_tries"
    " WHERE at > now() - interval '1 day' AND (caller = :caller OR ticket = :ticket)"
)
_FORGET = text("DELETE FROM progress_tries WHERE at < now() - interval '2 days'")


async def _asked(connection: AsyncConnection, caller: str, ticket: str) -> Row[Any] | None:
    if ticket:
        return await _load(connection, number_of(ticket))
    if not caller:
        return None
    # What is worked on before what is over, or has not been taken up: a call that was lost makes a ticket, too.
    worked_on = tickets.c.state.in_(BEING_WORKED_ON) & tickets.c.duplicate_of.is_(None)
    newest_first = tickets.c.received_at.desc(), tickets.c.number.desc()
    latest = select(tickets.c.number).where(tickets.c.caller_key == caller, tickets.c.caller_key != "")
    query = (
        select(tickets)
        .where(tickets.c.number.in_(latest.order_by(*newest_first).limit(known.LATEST)), ~tickets.c.confidential)
        .order_by(worked_on.desc(), *newest_first)
        .limit(1)
    )
    return (await connection.execute(query)).one_or_none()


async def _load(connection: AsyncConnection, number: str) -> Row[Any] | None:
    return (await connection.execute(select(tickets).where(tickets.c.number == number))).one_or_none()


async def _goes_on_in(connection: AsyncConnection, asked: Row[Any]) -> Row[Any]:
    for _ in range(MERGED_DEEP):
        other = await _load(connection, asked.duplicate_of) if asked.duplicate_of else None
        if other is None:
            break
        asked = other
    return asked


def _words(row: Row[Any], unseal: Unseal) -> list[str]:
    words = row._mapping if row.sealed is None else json.loads(unseal(row.sealed, row.number))
    return [words.get("caller_e164") or "", words.get("caller") or "", words.get("contact") or ""]


def _told(row: Row[Any]) -> Told:
    state = State(row.state)
    if row.confidential:
        return Told(row.number, state)
    life = Life.model_validate(row.life)
    due = min((life.limits[kind] for kind in COMPLETION if kind in life.limits), key=lambda one: one.due, default=None)
    if due is None:
        return Told(row.number, state, life.unit)
    return Told(row.number, state, life.unit, ticket_day(due.due), due.provisional)
