"""All that the hotline knows of a caller at the first word, and what is on now: one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from line.words import Switch
from tickets.words import State

BEING_WORKED_ON = (State.ACCEPTED, State.AT_COUNTY, State.DISPATCHED, State.RETURN_REQUESTED, State.REWORK)
"""What nobody has taken up yet (``received``) may be a call that came to nothing: it is not spoken of."""
MAX_NOTICES = 20
LATEST = 100
"""Tickets of one number that are looked at: an office may have made tens of thousands, and nobody waits for those."""


@dataclass(frozen=True, slots=True)
class OnAir:
    """An announcement that is on; empty topic and district: for everybody."""

    id: int
    sound: str
    topic: str
    district: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """``maintenance_until`` None: until it is switched off. ``last_agent``: extension, or empty."""

    barred: bool
    maintenance: bool
    maintenance_until: datetime | None
    open_tickets: int
    last_agent: str
    notices: tuple[OnAir, ...]


_LOOK = text(
    "SELECT"
    " EXISTS (SELECT FROM barred_callers WHERE number = CAST(:barred AS text) AND NOT proposed AND lifted_at IS NULL"
    " AND until > :at) AS barred,"
    " (SELECT count(*) FROM (SELECT * FROM tickets WHERE caller_key = CAST(:number AS text) AND caller_key <> ''"
    " ORDER BY received_at DESC, number DESC LIMIT :latest) AS t"
    " WHERE NOT confidential AND duplicate_of IS NULL AND state = ANY(:states)) AS open_tickets,"
    " (SELECT agent FROM calls WHERE caller_e164 = CAST(:number AS text) AND arrived_at > :since AND agent <> ''"
    " AND human_at IS NOT NULL ORDER BY arrived_at DESC LIMIT 1) AS last_agent,"
    " (SELECT jsonb_build_object('until', extract(epoch FROM until)) FROM line_switches WHERE name = :maintenance"
    " AND (until IS NULL OR until > :at)) AS maintenance,"
    " (SELECT COALESCE(jsonb_agg(jsonb_build_object('id', id, 'sound', sound, 'topic', topic, 'district', district,"
    " 'ends', extract(epoch FROM ends_at)) ORDER BY id), '[]') FROM (SELECT * FROM announcements"
    " WHERE switched_off_at IS NULL AND starts_at <= :at AND ends_at > :at ORDER BY id LIMIT :most) AS a) AS notices"
)


async def look(
    connection: AsyncConnection, number: str | None, barred: str | None, since: datetime, at: datetime
) -> Known:
    """``number``: whom we may recognise, E.164; ``barred``: the same, or the number of somebody who hides it.
    ``since``: an agent spoken with before that counts no more."""
    values = {
        "number": number,
        "barred": barred,
        "since": since,
        "at": at,
        "states": [str(state) for state in BEING_WORKED_ON],
        "maintenance": str(Switch.MAINTENANCE),
        "most": MAX_NOTICES,
        "latest": LATEST,
    }
    row = (await connection.execute(_LOOK, values)).one()
    notices = tuple(
        OnAir(one["id"], one["sound"], one["topic"], one["district"], _moment(one["ends"], at)) for one in row.notices
    )
    on = row.maintenance is not None
    until = _moment(row.maintenance["until"], at) if on and row.maintenance["until"] is not None else None
    return Known(row.barred, on, until, row.open_tickets, row.last_agent or "", notices)


def _moment(epoch: float, like: datetime) -> datetime:
    return datetime.fromtimestamp(epoch, like.tzinfo)
