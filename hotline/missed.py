"""The list of the missed follows the calls' records, in the log reader's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.record import Call
from calls.store import Caller
from line import missed
from line.owed import Settled, owes, settles


async def note(connection: AsyncConnection, changed: Iterable[tuple[Call, Caller, Call | None]]) -> None:
    """``changed``: new records, whose calls, and the records before. In the order in which it happened, so that nothing
    depends on how much of the log is read at a time."""
    steps: list[tuple[float, str | Settled]] = []
    for call, caller, old in changed:
        if call.ended_at is not None and owes(call, caller) and not (old is not None and owes(old, caller)):
            steps.append((call.ended_at, call.id))
        now = settles(call, caller)
        if now is not None and (old is None or settles(old, caller) != now):
            steps.append((now.at, now))
    steps.sort(key=lambda step: step[0])
    for _, alike in groupby((what for _, what in steps), key=type):
        found = list(alike)
        await missed.owe(connection, [one for one in found if isinstance(one, str)])
        await missed.settle(connection, [one for one in found if isinstance(one, Settled)])
