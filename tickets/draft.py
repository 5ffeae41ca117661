"""What a machine made of a call's words, shown beside the ticket: a proposal for whoever takes it up.

It is an event of its own and never touches what people wrote, the ticket's life, or its version. In a confidential
ticket it is sealed with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.book import sealed
from tickets.history import TicketEvent, append, event_of, events_of
from tickets.rulebook import Rulebook
from tickets.tables import ticket_events, tickets
from tickets.ticket import Ticket
from tickets.words import Category

KIND = "drafted"
ACTOR = "system"
LABEL = "草稿：机器识别，待核对"
Short = Annotated[str, StringConstraints(max_length=200)]


class Draft(BaseModel):
    """``summary``: words of the caller's, cut, not rewritten. ``topic``: id of a topic in the catalogue of intents.
    ``emergency``: the service that the words call for, 110, 119, 120 or 122. Empty: nothing in the words tells it."""

    model_config = ConfigDict(frozen=True)

    summary: Short
    category: Category | None = None
    emergency: Short = ""
    topic: Short = ""
    places: Annotated[tuple[Short, ...], Field(max_length=20)] = ()
    phones: Annotated[tuple[Short, ...], Field(max_length=20)] = ()


async def of_call(connection: AsyncConnection, call_id: str, *, lock: bool = False) -> Ticket | None:
    """The call's ticket, without the words of a confidential one. Locked, nobody can make it confidential until the
    transaction ends."""
    number = await connection.scalar(select(tickets.c.number).where(tickets.c.call_id == call_id))
    row = None if number is None else await rows.load(connection, number, lock=lock)
    return None if row is None else rows.read(row)


async def add_draft(
    connection: AsyncConnection, rulebook: Rulebook, ticket: Ticket, made: Draft, at: datetime, **by: str
) -> None:
    """For a ticket that is locked. ``by``: what made it, such as ``engine``. Raises NoBox."""
    words: dict[str, Any] = {"draft": made.model_dump(mode="json", exclude_defaults=True)}
    event = event_of(ticket.number, at, KIND, ACTOR, {}, data=by, words=words)
    await append(connection, [sealed(event, ticket, rulebook)])


async def forget_drafts(connection: AsyncConnection, number: str) -> None:
    """The words of the ticket's drafts, sealed or not. That there was one, and who made it, stays."""
    c = ticket_events.c
    where = (c.number == number, c.kind == KIND)
    await connection.execute(update(ticket_events).where(*where).values(words=null(), sealed=None))


async def draft_of(connection: AsyncConnection, rulebook: Rulebook, number: str) -> Draft | None:
    """The newest. Whether somebody may read it is the caller's question. Raises NoBox."""
    return newest(await events_of(connection, rulebook, number, KIND))


def newest(events: Sequence[TicketEvent]) -> Draft | None:
    """Of a ticket's events, with their words; None if its words were deleted."""
    found = [event for event in events if event.kind == KIND and event.words]
    return Draft.model_validate(found[-1].words["draft"]) if found else None
