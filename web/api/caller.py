"""Who is calling: what the hotline knows of a call's caller, for whoever is about to talk to him."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import dnc
from calls import find
from line import barred
from people.masking import mask_phone, mask_text
from tickets.find import Filter
from tickets.find import find as find_tickets
from tickets.permits import READ_ALL, READ_UNIT
from tickets.words import State
from web.api.call import Call, Reply
from web.api.calls import READ, note_once, whole
from web.api.calls_view import CallerKind
from web.api.endpoint import Routes
from web.api.transcripts import CallPath
from web.api.view import Masked, TicketLine, line

routes = Routes("caller")
WITHIN = timedelta(days=30)
MAX_EARLIER = 20
_OVER = frozenset({State.ARCHIVED, State.DECLINED})


class BarredNote(BaseModel):
    """The caller is on the list of malicious callers 恶意来电名单."""

    reason: Masked
    by: str
    at: datetime
    until: datetime


class CallerCard(BaseModel):
    call_id: str
    number: Masked
    number_kind: CallerKind
    known: Annotated[bool, Field(description="号码可以识别；否则没有以下各项")]
    earlier: Annotated[list[TicketLine], Field(description=f"同一号码的其他工单，新的在前，最多 {MAX_EARLIER} 件")]
    more: Annotated[bool, Field(description="还有更早的")]
    open: Annotated[int, Field(description="列出的工单中未结的")]
    calls_30d: Annotated[int, Field(description=f"近 30 天其他来电次数，最多数到 {find.MOST_COUNTED}")]
    missed_30d: Annotated[int, Field(description="其中漏接")]
    barred: BarredNote | None
    do_not_call: Annotated[bool, Field(description="要求不再回访")]
    ticket: Annotated[str | None, Field(description="本次来电的工单")]
    said: Annotated[str, Field(description="在菜单里说的（机器识别），个人信息已脱敏")]
    keyed: Masked


@routes.add("GET", "/calls/{id}/caller", "来电人：此前工单、近期来电、恶意来电名单（记入审计日志）", needs=READ)
async def show(call: Call, path: CallPath) -> Reply[CallerCard]:
    async with call.transaction() as connection:
        row, folded = await whole(call, connection, path.id)
        ticket = (await find.tickets_of(connection, [path.id])).get(path.id)
        number, arrived = row["caller_e164"], row["arrived_at"]
        earlier: list[TicketLine] = []
        calls, missed, note, do_not_call = 0, 0, None, False
        if number is not None:
            earlier = await _earlier(call, connection, number, ticket)
            calls, missed = await find.counts_of(connection, number, arrived - WITHIN, call.at, path.id)
            note = await barred.in_force(connection, number, call.at)
            do_not_call = await dnc.contains(connection, number)
        await note_once(call, connection, "call.caller", path.id)
    return Reply(
        CallerCard(
            call_id=path.id,
            number=mask_phone(row["caller"]),
            number_kind=row["caller_kind"],
            known=number is not None,
            earlier=earlier[:MAX_EARLIER],
            more=len(earlier) > MAX_EARLIER,
            open=sum(one.state not in _OVER for one in earlier[:MAX_EARLIER]),
            calls_30d=calls,
            missed_30d=missed,
            barred=None if note is None else _note(note),
            do_not_call=do_not_call,
            ticket=ticket,
            said=mask_text(folded.said),
            keyed=mask_text(folded.keys),
        )
    )


async def _earlier(call: Call, connection: AsyncConnection, number: str, but: str | None) -> list[TicketLine]:
    """One more than is shown tells whether there are more. A token that sees no tickets sees none here."""
    if not (call.actor.may(READ_ALL) or call.actor.may(READ_UNIT)):
        return []
    found = await find_tickets(
        connection,
        call.services.rulebook(),
        call.actor,
        Filter(caller=number),
        call.at,
        limit=MAX_EARLIER + 2,
    )
    return [line(one) for one in found.tickets if one.number != but][: MAX_EARLIER + 1]


def _note(one: barred.Entry) -> BarredNote:
    return BarredNote(reason=mask_text(one.reason), by=one.by, at=one.at, until=one.until)
