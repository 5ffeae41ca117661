"""What is being said in calls that go on, as a machine hears it: for whoever is in them, until the transcript of the
whole takes its place. Nothing here is history. All functions work inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.tables import live_words
from calls.transcripts import Said

KEPT_SECONDS = 600
"""After the call's end, where no transcript comes."""
MOST = 500
"""Lines read at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """``place``: counts from 0, in the order in which lines were written."""

    place: int
    at: datetime
    said: Said


@dataclass(frozen=True, slots=True)
class Talk:
    """A call in which a person talks with the caller. ``file``: its raw recording, below the recordings folder;
    ``since_ms``: when the first person came, or the last line ended, after the recording's beginning."""

    call_id: str
    file: str
    since_ms: int


# Words of a confidential ticket's call are not written down before they can be sealed.
_TALKS = text(
    "SELECT c.id, r.file, GREATEST(0,"
    " round(1000 * extract(epoch FROM c.human_at - c.arrived_at))::int - COALESCE(r.offset_ms, 0),"
    " (SELECT max(w.end_ms) FROM live_words w WHERE w.call_id = c.id)) AS since_ms"
    " FROM calls c JOIN recordings r ON r.call_id = c.id"
    " WHERE c.ended_at IS NULL AND c.human_at IS NOT NULL AND c.node = :node AND r.state = 'pending'"
    " AND NOT EXISTS (SELECT 1 FROM (SELECT o.number FROM call_own_tickets o WHERE o.call_id = c.id OFFSET 0) o"
    " JOIN tickets t ON t.number = o.number WHERE t.confidential)"
    " ORDER BY c.human_at, c.id LIMIT :most"
)


async def talks(connection: AsyncConnection, most: int, node: str = "") -> list[Talk]:
    """The longest first, so that who is followed is followed to the end."""
    rows = await connection.execute(_TALKS, {"most": most, "node": node})
    return [Talk(row.id, row.file, row.since_ms) for row in rows]


async def add(connection: AsyncConnection, call_id: str, said: Sequence[Said], at: datetime) -> None:
    """One writer a call: the scribe of its node."""
    c = live_words.c
    first = await connection.scalar(select(func.coalesce(func.max(c.place) + 1, 0)).where(c.call_id == call_id)) or 0
    rows = [{"call_id": call_id, "place": first + n, "at": at, **asdict(one)} for n, one in enumerate(said)]
    await connection.execute(insert(live_words), rows)


async def lines(connection: AsyncConnection, call_id: str, after: int = -1) -> list[Line]:
    """Those behind a place."""
    c = live_words.c
    query = select(live_words).where(c.call_id == call_id, c.place > after).order_by(c.place).limit(MOST)
    return [
        Line(row.place, row.at, Said(row.channel, row.start_ms, row.end_ms, row.text))
        for row in await connection.execute(query)
    ]


async def forget(connection: AsyncConnection, call_id: str) -> None:
    await connection.execute(delete(live_words).where(live_words.c.call_id == call_id))


_CLEAR = text(
    "DELETE FROM live_words w WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE c.id = w.call_id"
    " AND (c.ended_at IS NULL OR c.ended_at > now() - make_interval(secs => :kept)))"
)


async def clear_old(connection: AsyncConnection) -> None:
    await connection.execute(_CLEAR, {"kept": KEPT_SECONDS})
