"""Callers who waited in a queue when Asterisk, or the node that had them, went: they keep their places and are rung
back.

A node's places are rung by its own dialler; those of a lost node become another's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.cut import Waiting
from calls.record import Call
from calls.store import Caller
from line.owed import can_be_rung
from line.tables import line_places
from line.turn import LONGEST
from line.words import PlaceState

LIVE = (PlaceState.WAITING, PlaceState.RINGING)


async def keep_places(
    connection: AsyncConnection, cut: Iterable[tuple[Call, Caller, Waiting]], now: datetime, node: str = ""
) -> int:
    """Within the transaction that notes that their calls were cut. An earlier live place of the same number stays as it
    is. Returns how many are new; whoever hides his number cannot be rung, and whoever joined too long ago (the log was
    read late) is on the list of the missed alone."""
    rows = [
        {
            "call_id": call.id,
            "queue": waiting.queue,
            "number": caller.e164,
            "joined_at": datetime.fromtimestamp(waiting.joined_at, UTC),
            "asked_at": now,
            "next_at": now,
            "node": node,
        }
        for call, caller, waiting in cut
        if can_be_rung(caller.e164) and now - datetime.fromtimestamp(waiting.joined_at, UTC) < LONGEST
    ]
    if not rows:
        return 0
    # The first who joined is kept where two calls came from one number.
    rows.sort(key=lambda row: (row["joined_at"], row["call_id"]))
    kept = insert(line_places).values(rows).on_conflict_do_nothing().returning(line_places.c.id)
    return len((await connection.execute(kept)).all())


async def take_places(connection: AsyncConnection, lost: str, node: str) -> int:
    """The live places of a node that is gone become another's. Returns how many there were."""
    c = line_places.c
    mine = update(line_places).where(c.node == lost, c.state.in_(LIVE)).values(node=node)
    return (await connection.execute(mine)).rowcount
