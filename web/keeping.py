"""What of a call's tickets must be done when its recording is erased, whoever decides it; and who may come near it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import keeping
from calls.keeping import Recording
from people.audit import AuditEntry, record
from people.masking import mask_text
from tickets import rows
from tickets.draft import forget_drafts
from tickets.ticket import Ticket

_OWN = text("SELECT DISTINCT number FROM call_own_tickets WHERE call_id = :call ORDER BY number")
_MADE = text("SELECT number FROM tickets WHERE call_id = :call")


async def lock_tickets(connection: AsyncConnection, call_id: str) -> list[Ticket]:
    """As :func:`own_tickets`; nobody drafts them or makes them confidential until the transaction ends. Before the
    recording is locked, as everybody does."""
    return await own_tickets(connection, call_id, lock=True)


async def own_tickets(connection: AsyncConnection, call_id: str, *, lock: bool = False) -> list[Ticket]:
    """Those that the call belongs to, without the words of confidential ones."""
    found = []
    for number in (await connection.scalars(_OWN, {"call": call_id})).all():
        row = await rows.load(connection, number, lock=lock)
        if row is not None:
            found.append(rows.read(row))
    return found


def sealed_for(tickets: Sequence[Ticket]) -> str:
    """To which of a call's tickets its words are sealed; empty: to none, they stand in the open."""
    return next((one.number for one in tickets if one.confidential), "")


async def forget_drafts_of(connection: AsyncConnection, erased: Recording) -> None:
    """A draft says the call's words. Only the ticket that the call made has one."""
    for number in (await connection.scalars(_MADE, {"call": erased.call_id})).all():
        await forget_drafts(connection, number)


async def erase_decided(
    connection: AsyncConnection, call_id: str, *, reason: str, by: str, entry: AuditEntry
) -> Recording:
    """One recording on a person's decision, with its transcript; ``entry`` goes into the audit log with reason and
    hash. The files go after the transaction. Raises KeepingFault."""
    await lock_tickets(connection, call_id)
    found = await keeping.erase_one(connection, call_id, reason=reason, by=by, at=entry.at)
    await forget_drafts_of(connection, found)
    said = {"reason": mask_text(reason), "sha256": found.kept[0].sha256 if found.kept else ""}
    await record(connection, replace(entry, detail={**entry.detail, **said}))
    return found
