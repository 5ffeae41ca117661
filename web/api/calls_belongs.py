"""What belongs to a call: its tickets, alerts, transcript, what it was made for, who listened to it."""

from __future__ import annotations

from typing import Any, get_args

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.record import Call as Folded
from calls.surveyed import OUTGOING, VIA
from calls.tables import alerts, transcripts
from line.tables import line_places
from line.words import PlaceState
from people.audit import list_entries
from people.masking import mask_text
from people.roles import Permission
from tickets import rows
from tickets.permits import sees
from tickets.tables import tickets
from web.api.call import Call
from web.api.calls_view import AlertOut, ListenedOut, MadeFor, PlaceKept, TranscriptState
from web.api.view import TicketLine, line

MAX_TICKETS = 50
MAX_ALERTS = 50
MAX_LISTENED = 200
_LISTENED = {
    "recording.listen": "listen",
    "message.listen": "listen",
    "call.listen": "monitor",
    "call.transcript": "transcript",
    "call.transcript_reveal": "transcript",
    "message.words": "transcript",
    "call.words": "words",
    "recording.export": "export",
    "call.reveal": "reveal",
}
_TICKETS = text("SELECT DISTINCT number FROM call_tickets WHERE call_id = :call ORDER BY number LIMIT :most")


async def tickets_of(call: Call, connection: AsyncConnection, call_id: str) -> list[TicketLine]:
    """Those of the same matter that the asker sees, the oldest first."""
    numbers = (await connection.scalars(_TICKETS, {"call": call_id, "most": MAX_TICKETS})).all()
    if not numbers:
        return []
    query = select(tickets).where(tickets.c.number.in_(numbers)).order_by(tickets.c.number)
    found = [rows.read(row) for row in await connection.execute(query)]
    return [line(one) for one in found if sees(call.actor, one.place)]


async def alerts_of(connection: AsyncConnection, call_id: str) -> list[AlertOut]:
    c = alerts.c
    query = select(alerts).where(c.call_id == call_id, text("alerts.call_id <> ''")).order_by(c.id).limit(MAX_ALERTS)
    return [
        AlertOut(
            kind=row.kind,
            text=mask_text(row.text),
            raised_at=row.raised_at,
            acknowledged_at=row.acknowledged_at,
            closed_at=row.closed_at,
        )
        for row in await connection.execute(query)
    ]


async def transcript_state(connection: AsyncConnection, call_id: str) -> TranscriptState | None:
    found = await connection.scalar(select(transcripts.c.state).where(transcripts.c.call_id == call_id))
    return found if found in get_args(TranscriptState) else None


_CALLBACK = text(
    "SELECT a.campaign_id, COALESCE(a.outcome, '') AS outcome, g.ticket FROM callback_attempts a"
    " JOIN callback_targets g ON g.id = a.target_id WHERE a.call_id = :call"
)
_FOR_PLACE = text(
    "SELECT p.call_id, t.outcome, k.number FROM line_place_tries t JOIN line_places p ON p.id = t.place_id"
    " LEFT JOIN tickets k ON k.call_id = p.call_id WHERE t.call_id = :call"
)


async def made_for(connection: AsyncConnection, folded: Folded) -> MadeFor | None:
    """None for a citizen's own call."""
    if folded.via == OUTGOING:
        told: Any = next((entry.detail for entry in folded.timeline if entry.what == "outgoing"), {})
        ticket, agent, unit = (told.get(name, "") for name in ("ticket", "agent", "unit"))
        return MadeFor(kind="outgoing", ticket=ticket or None, agent=agent, unit=unit)
    if folded.via == VIA:
        row = (await connection.execute(_CALLBACK, {"call": folded.id})).one_or_none()
        if row is None:
            return MadeFor(kind="callback", ticket=None)
        return MadeFor(kind="callback", ticket=row.ticket, campaign=row.campaign_id, outcome=row.outcome)
    if folded.via == "place":
        row = (await connection.execute(_FOR_PLACE, {"call": folded.id})).one_or_none()
        if row is None:
            return MadeFor(kind="place", ticket=None)
        return MadeFor(kind="place", ticket=row.number, of_call=row.call_id, outcome=row.outcome)
    return None


async def place_of(connection: AsyncConnection, call_id: str) -> PlaceKept | None:
    row = (await connection.execute(select(line_places).where(line_places.c.call_id == call_id))).one_or_none()
    if row is None:
        return None
    return PlaceKept(queue=row.queue, state=PlaceState(row.state), asked_at=row.asked_at, ended_at=row.ended_at)


async def listened_to(call: Call, connection: AsyncConnection, call_id: str) -> list[ListenedOut]:
    """For those who may listen themselves, or read the audit log."""
    if not call.principal.permissions & {Permission.RECORDING_LISTEN, Permission.AUDIT_READ}:
        return []
    found = await list_entries(connection, object=f"call:{call_id}", limit=MAX_LISTENED)
    return [
        ListenedOut(at=one.entry.at, by=one.entry.actor, what=_LISTENED[one.entry.action])  # type: ignore[arg-type]
        for one in reversed(found)
        if one.entry.action in _LISTENED
    ]
