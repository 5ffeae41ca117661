"""Commands that wait for a leader's signature, one a ticket at most. All of it under the ticket's lock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.commands import Complete, Extend
from tickets.rulebook import Rulebook
from tickets.signing import Signable
from tickets.tables import ticket_sign_offs
from tickets.ticket import Ticket

_COMMAND: TypeAdapter[Complete | Extend] = TypeAdapter(Signable)
_of = ticket_sign_offs.c


@dataclass(frozen=True, slots=True)
class SignOff:
    """``id``: another one each time it is sent. ``decided_by``: who sent it back, with ``reason``; until then None."""

    id: int
    number: str
    command: Complete | Extend
    prepared_by: str
    prepared_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str

    @property
    def waiting(self) -> bool:
        return self.decided_by is None


async def load(connection: AsyncConnection, rulebook: Rulebook, number: str) -> SignOff | None:
    """Raises :class:`tickets.sealing.NoBox`."""
    row = (await connection.execute(select(ticket_sign_offs).where(_of.number == number))).one_or_none()
    if row is None:
        return None
    words = row.words if row.sealed is None else json.loads(rulebook.sealing().open(row.sealed, number))
    return SignOff(
        id=row.id,
        number=number,
        command=_COMMAND.validate_python(words["command"]),
        prepared_by=row.prepared_by,
        prepared_at=row.prepared_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=words.get("reason", ""),
    )


async def put(
    connection: AsyncConnection,
    rulebook: Rulebook,
    ticket: Ticket,
    command: Complete | Extend,
    prepared_by: str,
    prepared_at: datetime,
) -> None:
    """In the place of one that was sent back."""
    life = ticket.life
    await remove(connection, ticket.number)
    await connection.execute(
        insert(ticket_sign_offs).values(
            number=ticket.number,
            what=command.do,
            state=life.state.value,
            unit=life.unit,
            confidential=ticket.confidential,
            extensions=life.extensions_asked,
            prepared_by=prepared_by,
            prepared_at=prepared_at,
            **_words(rulebook, ticket, command, ""),
        )
    )


async def send_back(
    connection: AsyncConnection, rulebook: Rulebook, ticket: Ticket, one: SignOff, reason: str, by: str, at: datetime
) -> None:
    values = {"decided_by": by, "decided_at": at, **_words(rulebook, ticket, one.command, reason)}
    await connection.execute(update(ticket_sign_offs).where(_of.number == ticket.number).values(**values))


async def remove(connection: AsyncConnection, number: str) -> None:
    await connection.execute(delete(ticket_sign_offs).where(_of.number == number))


def _words(rulebook: Rulebook, ticket: Ticket, command: Complete | Extend, reason: str) -> dict[str, Any]:
    words = {"command": command.model_dump(mode="json", by_alias=True), "reason": reason}
    if not ticket.confidential:
        return {"words": words, "sealed": None}
    return {"words": None, "sealed": rulebook.sealing().seal(json.dumps(words, ensure_ascii=False), ticket.number)}
