"""Whether somebody has asked for the same already: open tickets of the same requester that resemble a new one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.permits import Actor, Place, sees
from tickets.tables import tickets
from tickets.ticket import Ticket
from tickets.words import State

LOOKED_AT = 50
PROPOSED = 5
ALIKE = 0.3
"""So much of the shorter text's pairs of letters must be in the other."""
_ENDED = (State.ARCHIVED.value, State.DECLINED.value)


async def earlier_of(connection: AsyncConnection, ticket: Ticket, actor: Actor) -> tuple[str, ...]:
    """Numbers, the most alike first. A person decides whether it is the same matter (``repeat``, ``merge``)."""
    life = ticket.life
    if not life.caller:
        return ()
    of = tickets.c
    query = (
        select(of.number, of.title, of.content, of.state, of.unit, of.co_units, of.county, of.handler, of.confidential)
        .where(of.caller_key == life.caller, of.caller_key != "", of.number != ticket.number)
        .where(of.category == life.category.value, of.state.not_in(_ENDED), of.duplicate_of.is_(None))
        .order_by(of.received_at.desc(), of.number.desc())
        .limit(LOOKED_AT)
    )
    found = []
    for row in await connection.execute(query):
        place = Place(
            State(row.state), row.unit, tuple(row.co_units), row.county, confidential=row.confidential,
            handler=row.handler,
        )  # fmt: skip
        if not sees(actor, place):
            continue
        score = likeness(f"{ticket.title} {ticket.content}", f"{row.title} {row.content}")
        if score >= ALIKE:
            found.append((score, row.number))
    return tuple(number for _, number in sorted(found, key=lambda one: -one[0])[:PROPOSED])


def likeness(one: str, other: str) -> float:
    """0 to 1. A text that says nothing yet, such as that of a call just come in, may be anything: 1."""
    a, b = _pairs(one), _pairs(other)
    if not a or not b:
        return 1.0
    return len(a & b) / min(len(a), len(b))


def _pairs(words: str) -> set[str]:
    letters = words.casefold().split()
    return {part[at : at + 2] for part in letters for at in range(len(part) - 1)}
