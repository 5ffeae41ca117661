"""漏接: people who reached nobody, one row each, and who rings them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.outgoing import Whom
from line import missed
from line.missed import Missed
from people.masking import mask_phone, mask_text
from people.roles import Permission
from routing.number import normalise
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.outgoing import RING_SECONDS, CallOut, ExtensionIn, ring_once
from web.api.page import In
from web.api.tickets import CreateHeaders
from web.api.view import Masked

routes = Routes("missed_callers")
_RINGS = (Permission.TICKET_ANSWER,)
_SEES = (Permission.TICKET_ANSWER, Permission.CALLBACK_READ)
_CLOSES = (Permission.TICKET_ANSWER, Permission.CALLBACK_MANAGE)
_UNLISTED = timedelta(days=7)


class MissedPath(In):
    id: Annotated[int, Field(ge=1, le=2**63 - 1)]


class MissedQuery(In):
    after: Annotated[int, Field(ge=0, le=2**63 - 1, description="`next` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    ended: Annotated[bool, Field(description="也列出已了结的")] = False


class WhyIn(In):
    reason: Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S", description="为何不必回拨，记入审计日志")]


class MissedOut(BaseModel):
    id: int
    number: Masked
    calls: Annotated[int, Field(description="漏接了几次")]
    call_id: Annotated[str, Field(description="最近一次的通话记录编号")]
    ticket: str | None
    first_at: datetime
    last_at: datetime
    ended: Annotated[
        Literal["", "reached", "got_through", "closed"], Field(description="空：待回拨；已回拨、已自行接通、已了结")
    ]
    ended_at: datetime | None
    ended_by: str
    taken_by: Annotated[str, Field(description="谁领取了，十分钟内由其回拨；空：无人")]
    place: Annotated[bool, Field(description="另在排队回拨中")]


class MissedList(BaseModel):
    items: Annotated[list[MissedOut], Field(description="等得最久的在前")]
    next: Annotated[int | None, Field(description="`after` of the next page; null on the last")]
    unlisted: Annotated[int, Field(description="近七天号码隐藏或不能回拨、无法列出的漏接来电数")]


@routes.add("GET", "/missed-callers", "漏接清单，每人一条", needs=_SEES)
async def show_all(call: Call, query: MissedQuery) -> Reply[MissedList]:
    async with call.transaction() as connection:
        # One more than asked for tells whether there are more.
        found = await missed.list_missed(connection, limit=query.limit + 1, after=query.after, ended=query.ended)
        unlisted = await missed.unlisted(connection, call.at - _UNLISTED)
    rows = found[: query.limit]
    following = rows[-1].id if len(found) > len(rows) else None
    return Reply(MissedList(items=[_shown(one, call.at) for one in rows], next=following, unlisted=unlisted))


@routes.add("POST", "/missed-callers/{id}/take", "领取一条漏接，准备回拨", needs=_RINGS, problems=(409,))
async def take(call: Call, path: MissedPath) -> Reply[MissedOut]:
    async with call.transaction() as connection:
        found = await missed.take(connection, path.id, call.actor.name, call.at)
        await call.audit(connection, "missed.take", f"missed:{path.id}")
    return Reply(_shown(found, call.at))


@routes.add("POST", "/missed-callers/{id}/close", "了结一条漏接，不再回拨", needs=_CLOSES, problems=(409,))
async def close(call: Call, path: MissedPath, body: WhyIn) -> Reply[MissedOut]:
    async with call.transaction() as connection:
        found = await missed.close(connection, path.id, call.actor.name, call.at)
        await call.audit(connection, "missed.close", f"missed:{path.id}", reason=mask_text(body.reason))
    return Reply(_shown(found, call.at))


@routes.add(
    "POST",
    "/missed-callers/{id}/call",
    "回拨漏接的来电人：先振铃座席话机，接听后拨出（记入工单）",
    needs=_RINGS,
    problems=(409,),
    seconds=RING_SECONDS,
)
async def ring_back(call: Call, path: MissedPath, headers: CreateHeaders, body: ExtensionIn) -> Reply[CallOut]:
    """The row is taken, and ended once they have talked: by the log, not by this request."""

    async def whom(connection: AsyncConnection) -> tuple[str, Whom]:
        one = await missed.take(connection, path.id, call.actor.name, call.at)
        return one.about, Whom(one.number, missed=one.id)

    return await ring_once(call, headers, body, whom)


def _shown(one: Missed, at: datetime) -> MissedOut:
    return MissedOut(
        id=one.id,
        number=mask_phone(normalise(one.number).display),
        calls=one.calls,
        call_id=one.call_id,
        ticket=one.ticket,
        first_at=one.first_at,
        last_at=one.last_at,
        ended=one.ended,  # type: ignore[arg-type]  # the database knows no other word
        ended_at=one.ended_at,
        ended_by=one.ended_by,
        taken_by=one.taken_by if one.taken(at) else "",
        place=one.place,
    )
