"""How a confidential ticket's attachments and its calls' transcripts are kept: sealed to the ticket."""

from __future__ import annotations

import base64
import contextlib
import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.transcripts import seal_one
from tickets.sealing import Box
from web.files import Files
from web.keeping import lock_tickets, sealed_for
from web.tables import attachments


def sealer(box: Box, number: str) -> Callable[[bytes], bytes]:
    return lambda content: box.seal(base64.b64encode(content).decode(), number).encode()


def unsealer(box: Box, number: str) -> Callable[[bytes], bytes]:
    return lambda sealed: base64.b64decode(box.open(sealed.decode(), number))


async def seal_plain(connection: AsyncConnection, files: Files, box: Box, number: str) -> Sequence[uuid.UUID]:
    """For a ticket that turns confidential, locked in the caller's transaction. The plain files of those it names are
    to be removed after the commit. Raises NoRoom."""
    c = attachments.c
    rows = (await connection.execute(select(c.id, c.name).where(c.ticket == number, ~c.sealed))).all()
    for row in rows:
        with contextlib.suppress(FileNotFoundError):  # lost; its name still tells something
            await files.seal(row.id, sealer(box, number))
        name = box.seal(row.name, number)
        await connection.execute(update(attachments).where(c.id == row.id).values(name=name, sealed=True))
    return [row.id for row in rows]


_CALLS = text("SELECT DISTINCT call_id FROM call_own_tickets WHERE number = :number ORDER BY call_id")


async def seal_transcripts(connection: AsyncConnection, box: Box, number: str) -> None:
    """Of all its calls, whoever rang whom, for a ticket that turns confidential, locked in the caller's transaction."""
    for call_id in (await connection.scalars(_CALLS, {"number": number})).all():
        await _seal_one(connection, box, number, call_id)


_OPEN = text(
    "SELECT DISTINCT o.call_id FROM call_own_tickets o JOIN tickets t ON t.number = o.number"
    " JOIN transcripts w ON w.call_id = o.call_id WHERE t.confidential AND w.state = 'done' AND w.sealed IS NULL"
)


async def seal_left_open(engine: AsyncEngine, box: Box) -> int:
    """Transcripts of confidential tickets' calls that an older version left in the open. Returns how many."""
    async with engine.begin() as connection:
        # In a large city it looks at millions of rows; nobody waits for it.
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        found = (await connection.scalars(_OPEN)).all()
    for call_id in found:
        async with engine.begin() as connection:
            if number := sealed_for(await lock_tickets(connection, call_id)):
                await _seal_one(connection, box, number, call_id)
    return len(found)


async def _seal_one(connection: AsyncConnection, box: Box, number: str, call_id: str) -> None:
    await seal_one(connection, call_id, number, lambda words: box.seal(words, number))
