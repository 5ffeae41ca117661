"""The list of the missed follows the calls' records, in the log reader's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.record import Call
from calls.store import Caller
from line import missed
from line.owed import owes, settles


async def note(connection: AsyncConnection, changed: Iterable[tuple[Call, Caller, Call | None]]) -> None:
    """``changed``: new records, whose calls, and the records before. Whoever is missed and reached in one step was missed
    first: of two calls at once nobody can know, and a call too many is better than one too few."""
    owed: list[str] = []
    settled = []
    for call, caller, old in changed:
        if owes(call, caller) and not (old is not None and owes(old, caller)):
            owed.append(call.id)
        now = settles(call, caller)
        if now is not None and (old is None or settles(old, caller) != now):
            settled.append(now)
    await missed.owe(connection, owed)
    await missed.settle(connection, settled)
