"""How a confidential ticket's attachments and its call's transcript are kept: sealed to the ticket."""

from __future__ import annotations

import base64
import contextlib
import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.transcripts import seal_one
from tickets.sealing import Box
from web.files import Files
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


async def seal_transcript(connection: AsyncConnection, box: Box, number: str, call_id: str) -> None:
    """For a ticket that turns confidential, locked in the caller's transaction."""
    await seal_one(connection, call_id, number, lambda words: box.seal(words, number))
