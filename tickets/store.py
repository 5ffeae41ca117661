"""Tickets as calls bring them in: numbered, stored, and every change appended, all in the caller's transaction.

What people do to them afterwards is in ``book``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.number import format_number, ticket_day
from tickets.tables import tickets
from tickets.ticket import key_of


@dataclass(frozen=True, slots=True)
class Received:
    """What a request (诉求) is when it comes in. ``channel``: ``phone``."""

    call_id: str
    received_at: datetime
    category: str
    urgent: bool
    caller: str
    caller_e164: str | None
    keyed: str
    summary: str
    channel: str = "phone"

    def fields(self) -> dict[str, Any]:
        return {
            "call_id": self.call_id,
            "received_at": self.received_at.isoformat(),
            "category": self.category,
            "urgent": self.urgent,
            "caller": self.caller,
            "caller_e164": self.caller_e164,
            "keyed": self.keyed,
            "summary": self.summary,
            "channel": self.channel,
            "caller_key": key_of(self.caller, self.caller_e164),
        }


_RECORD = (
    "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, call_id text, received_at timestamptz, category text,"
    " urgent boolean, caller text, caller_e164 text, keyed text, summary text, channel text, caller_key text)"
)
# The life is what is known of it; all else is as by default (tickets.life). `rebuild` folds over the events' changes.
_EVENT = (
    " INSERT INTO ticket_events (number, kind, actor, data, words)"
    " SELECT number, '{kind}', 'system', jsonb_build_object({data}'changes',"
    " jsonb_build_object('category', category, 'urgent', urgent)),"
    " jsonb_build_object('caller', caller, 'caller_e164', caller_e164, 'keyed', keyed, 'summary', summary,"
    " 'changes', jsonb_build_object('caller', caller_key)) FROM {made} ORDER BY number"
)
_RECEIVE = text(
    f"WITH r AS (SELECT * FROM {_RECORD}), made AS ("
    "INSERT INTO tickets (number, call_id, channel, state, category, urgent, caller, caller_e164, caller_key, keyed,"
    " summary, received_at, life) SELECT number, call_id, channel, 'received', category, urgent, caller, caller_e164,"
    " caller_key, keyed, summary, received_at, jsonb_build_object('category', category, 'urgent', urgent,"
    " 'caller', caller_key) FROM r ORDER BY number RETURNING *)"
    + _EVENT.format(
        kind="received", data="'call_id', call_id, 'channel', channel, 'received_at', received_at, ", made="made"
    )
)
# Only a ticket that nobody has taken up yet follows its call.
_FOLLOW = text(
    f"WITH r AS (SELECT * FROM {_RECORD}), done AS ("
    "UPDATE tickets AS t SET category = r.category, urgent = r.urgent, keyed = r.keyed, summary = r.summary,"
    " caller = r.caller, caller_e164 = r.caller_e164, caller_key = r.caller_key, version = t.version + 1,"
    " updated_at = now(), life = t.life || jsonb_build_object('category', r.category, 'urgent', r.urgent,"
    " 'caller', r.caller_key) FROM r WHERE t.call_id = r.call_id AND t.state = 'received' AND t.policy = ''"
    " AND NOT t.confidential AND t.duplicate_of IS NULL"
    " AND (t.category, t.urgent, t.keyed, t.summary) IS DISTINCT FROM (r.category, r.urgent, r.keyed, r.summary)"
    " RETURNING t.*)" + _EVENT.format(kind="changed", data="", made="done")
)
_COUNT = text(
    "INSERT INTO ticket_counters AS c (day, last) VALUES (:day, :count)"
    " ON CONFLICT (day) DO UPDATE SET last = c.last + excluded.last RETURNING last"
)


async def receive(connection: AsyncConnection, requests: Sequence[Received]) -> dict[str, str]:
    """A ticket for each; returns call id → number. A call that has one already is an error of the caller's."""
    days = [ticket_day(request.received_at) for request in requests]
    counts = await take_numbers(connection, Counter(days))
    numbers: dict[str, str] = {}
    rows = []
    for request, day in zip(requests, days, strict=True):
        numbers[request.call_id] = format_number(day, counts[day])
        counts[day] += 1
        rows.append({"number": numbers[request.call_id], **request.fields()})
    await connection.execute(_RECEIVE, {"rows": json.dumps(rows)})
    return numbers


async def take_numbers(connection: AsyncConnection, wanted: Counter[date]) -> dict[date, int]:
    """The first free count of each day, days in order so that two transactions cannot wait for each other."""
    first = {}
    for day, count in sorted(wanted.items()):
        last = (await connection.execute(_COUNT, {"day": day, "count": count})).scalar_one()
        first[day] = last - count + 1
    return first


async def take_number(connection: AsyncConnection, day: date) -> int:
    return (await take_numbers(connection, Counter([day])))[day]


async def follow(connection: AsyncConnection, requests: Sequence[Received]) -> None:
    """The calls went on: category, urgency, keys and summary of their tickets follow, with an event if they changed.

    Before ``receive`` in a transaction, in the order of the tickets' numbers: tickets are locked in that order by all,
    and the counters after them."""
    rows = [{"number": "", **request.fields()} for request in requests]
    await connection.execute(_FOLLOW, {"rows": json.dumps(rows)})


async def numbers_of(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, str]:
    query = select(tickets.c.call_id, tickets.c.number).where(tickets.c.call_id == func.any(list(call_ids)))
    return {row.call_id: row.number for row in await connection.execute(query)}
