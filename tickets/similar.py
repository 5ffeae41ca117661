"""Other tickets that help with this one: like it, and where they ended; and such as may be the same matter again.

However large the book is, a bounded number of rows is read, by an index: the newest of the category, those of the same
caller and place, and those that share its seldom words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, Select, Text, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from tickets import rows
from tickets.alike import Weights, pairs_of, same_place
from tickets.find import HAS_ADDRESS, HAS_CALLER, HAS_UNIT, HAS_WORDS, PAIRS, SCANS, visible
from tickets.permits import READ_ALL, READ_UNIT, Actor, NotAllowed
from tickets.tables import ticket_events, tickets
from tickets.ticket import Ticket
from tickets.words import State

MOST = 10
NEWEST = 400
BY_WORDS = 400
LETTERS = 400
"""So much of a text is looked at."""
ALIKE, ALL_ALIKE = 0.2, 0.6
"""Below the one, two texts are about different things; from the other on, about the same."""
WITHIN = timedelta(days=30)
SAME_CALLER, PLACE, TOPIC = 0.4, 0.3, 0.5
SAME_WORDS = 0.99
LIKELY = 0.5
"""Of a repeat: two of caller, place and topic, or the same words."""
_of = tickets.c
_SAID = func.left(_of.title + " " + _of.content, LETTERS)
_BEFORE_A_UNIT = (State.RECEIVED.value, State.ACCEPTED.value)


class SameAs(StrEnum):
    """What of a ticket is the same as of another."""

    CALLER = "caller"
    PLACE = "place"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True)
class Similar:
    """``completed_at`` and ``result``: of its last completion."""

    ticket: Ticket
    score: float
    completed_at: datetime | None = None
    result: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """``likeness``: of the texts."""

    ticket: Ticket
    score: float
    same: tuple[SameAs, ...]
    likeness: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: str
    said: frozenset[str]
    text: str
    address: str
    caller: str


async def similar_to(connection: AsyncConnection, ticket: Ticket, actor: Actor) -> list[Similar]:
    """Those before it that a unit has or had, the most alike first. Raises NotAllowed."""
    mine = pairs_of(_said(ticket))
    if not mine:
        return []
    known = [*_may_see(actor), _of.received_at <= ticket.received_at, _of.number != ticket.number]
    known += [_of.state.not_in(_BEFORE_A_UNIT), _of.duplicate_of.is_(None)]
    found = await _read(connection, _newest([*known, *_of_category(ticket, actor)]))
    weights = Weights(one.said for one in found)
    seldom = {*weights.seldom(pairs_of(ticket.title), 4), *weights.seldom(mine, 4)}
    found += await _by_words(connection, [*known, HAS_WORDS], sorted(seldom))
    scores = {one.number: weights.likeness(mine, one.said) for one in found}
    best = sorted((number for number, score in scores.items() if score >= ALIKE), key=lambda one: -scores[one])[:MOST]
    tickets_found = await _load(connection, best)
    ended = await _results(connection, tickets_found)
    return [Similar(one, scores[one.number], *ended.get(one.number, (None, ""))) for one in tickets_found]


async def repeats_of(connection: AsyncConnection, ticket: Ticket, actor: Actor) -> list[Repeat]:
    """Within a month of it, the likeliest first. Raises NotAllowed."""
    since, until = ticket.received_at - WITHIN, ticket.received_at + WITHIN
    known = [*_may_see(actor), _of.number != ticket.number, _of.duplicate_of.is_(None)]
    known += [_of.received_at >= since, _of.received_at <= until]
    found = await _read(connection, _newest([*known, *_of_category(ticket, actor)]))
    weights = Weights(one.said for one in found)
    if ticket.life.caller:
        found += await _read(connection, _newest([*known, _of.caller_key == ticket.life.caller, HAS_CALLER]))
    if ticket.address:
        found += await _read(connection, _newest([*known, _of.address == ticket.address, HAS_ADDRESS]))
    mine = pairs_of(_said(ticket))
    judged = {one.number: _judge(ticket, mine, one, weights) for one in found}
    likely = [number for number, (score, _, _) in judged.items() if score >= LIKELY]
    best = sorted(likely, key=lambda one: (-judged[one][0], one))[:MOST]
    return [Repeat(one, *judged[one.number]) for one in await _load(connection, best)]


def _judge(
    ticket: Ticket, mine: frozenset[str], one: _Candidate, weights: Weights
) -> tuple[float, tuple[SameAs, ...], float]:
    likeness = weights.likeness(mine, one.said)
    said = {
        SameAs.CALLER: bool(one.caller) and one.caller == ticket.life.caller,
        SameAs.PLACE: same_place(ticket.address, one.address, one.text) or same_place(one.address, "", _said(ticket)),
        SameAs.TOPIC: likeness >= ALIKE,
    }
    score = SAME_CALLER * said[SameAs.CALLER] + PLACE * said[SameAs.PLACE]
    if not mine or not one.said:
        # A text that says nothing yet, as of a call just come in, may be about anything.
        score += TOPIC / 2 if score else 0.0
    elif said[SameAs.TOPIC] and (score or likeness >= SAME_WORDS):
        score += TOPIC * min(1.0, likeness / ALL_ALIKE)
    return min(1.0, score), tuple(name for name, same in said.items() if same), likeness


def _said(ticket: Ticket) -> str:
    return f"{ticket.title} {ticket.content}"[:LETTERS]


def _may_see(actor: Actor) -> list[ColumnElement[bool]]:
    """Of a unit's person: what the unit leads."""
    if actor.may(READ_ALL):
        return visible(actor)
    if not actor.may(READ_UNIT) or not actor.unit:
        raise NotAllowed("无权查看工单")
    return [*visible(actor), _of.unit == actor.unit, HAS_UNIT]


def _of_category(ticket: Ticket, actor: Actor) -> list[ColumnElement[bool]]:
    """A unit has its index, a category has one; both together have none."""
    return [_of.category == ticket.life.category.value] if actor.may(READ_ALL) else []


def _newest(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return _candidates(conditions).order_by(_of.received_at.desc(), _of.number.desc()).limit(NEWEST)


def _candidates(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(_of.number, _SAID.label("said"), _of.address, _of.caller_key).where(*conditions)


async def _read(connection: AsyncConnection, query: Select[Any]) -> list[_Candidate]:
    return [
        _Candidate(row.number, pairs_of(row.said), row.said, row.address, row.caller_key)
        for row in await connection.execute(query)
    ]


_SOME = text("SELECT set_config('gin_fuzzy_search_limit', :most, true)")


async def _by_words(
    connection: AsyncConnection, conditions: Sequence[ColumnElement[bool]], pairs: list[str]
) -> list[_Candidate]:
    """Any of ``pairs``, which are seldom. Where many have each of them, the index itself gives some of those only."""
    if not pairs:
        return []
    shared = PAIRS.op("&&")(cast(literal(pairs), ARRAY(Text)))
    await connection.execute(SCANS, {"on": "off"})
    await connection.execute(_SOME, {"most": str(BY_WORDS)})
    found = await _read(connection, _candidates([*conditions, shared]).limit(BY_WORDS))
    await connection.execute(_SOME, {"most": "0"})
    await connection.execute(SCANS, {"on": "on"})
    return found


async def _load(connection: AsyncConnection, numbers: Sequence[str]) -> list[Ticket]:
    """In this order. The words of confidential ones are left out."""
    if not numbers:
        return []
    found = await connection.execute(select(tickets).where(_of.number.in_(numbers)))
    by_number = {row.number: rows.read(row) for row in found}
    return [by_number[number] for number in numbers if number in by_number]


async def _results(connection: AsyncConnection, found: Sequence[Ticket]) -> dict[str, tuple[datetime, str]]:
    """When and how each was completed last; what was written of a confidential one stays where it is."""
    event = ticket_events.c
    query = (
        select(event.number, event.at, event.words["command"]["result"].astext.label("result"))
        .where(event.number.in_([one.number for one in found]), event.kind == "complete")
        .order_by(event.id)
    )
    return {row.number: (row.at, (row.result or "")[:LETTERS]) for row in await connection.execute(query)}
