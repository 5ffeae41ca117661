"""Other tickets that help with this one: like it, with where they ended; and such as may be the same matter again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from people.masking import mask_text
from people.units import list_units
from tickets.move import Refused
from tickets.permits import NotAllowed
from tickets.similar import Repeat, SameAs, repeats_of, similar_to
from tickets.split import check_into, check_merge
from tickets.ticket import Ticket
from tickets.words import Level, State, chinese
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.tickets import READ, TicketPath, read
from web.api.view import Masked, TicketLine, line

routes = Routes("similar")


class SimilarOut(TicketLine):
    score: Annotated[float, Field(ge=0, le=1, description="相似程度")]
    unit_name: str
    rating: Level | None
    rating_name: str
    completed_at: datetime | None
    result: Annotated[Masked, Field(description="办结结果的开头；未办结为空")]


class Similar(BaseModel):
    items: Annotated[list[SimilarOut], Field(description="此前相似的工单，最相似的在前，最多 10 件")]


class RepeatOut(TicketLine):
    score: Annotated[float, Field(ge=0, le=1)]
    same: list[SameAs]
    why: Annotated[str, Field(description="如“同一号码；内容相近（80%）”")]
    unit_name: str
    open: Annotated[bool, Field(description="未了结")]
    can_merge: Annotated[bool, Field(description="本工单可以并入它（POST …/merge）")]


class Repeats(BaseModel):
    items: Annotated[list[RepeatOut], Field(description="前后 30 天内可能是重复反映的工单，最可能的在前，最多 10 件")]


@routes.add("GET", "/tickets/{number}/similar", "此前相似的工单及其结果（记入审计日志）", needs=READ)
async def similar(call: Call, path: TicketPath) -> Reply[Similar]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.similar")
        found = await similar_to(connection, ticket, call.actor)
        names = {unit.id: unit.name for unit in await list_units(connection)}
    items = [
        SimilarOut(
            **line(one.ticket).model_dump(),
            score=one.score,
            unit_name=names.get(one.ticket.life.unit, one.ticket.life.unit),
            rating=one.ticket.life.rating,
            rating_name="" if one.ticket.life.rating is None else chinese(one.ticket.life.rating),
            completed_at=one.completed_at,
            result=mask_text(one.result),
        )
        for one in found
    ]
    return Reply(Similar(items=items))


@routes.add(
    "GET", "/tickets/{number}/repeats", "可能的重复反映：同一人、同一地点、同一事项（记入审计日志）", needs=READ
)
async def repeats(call: Call, path: TicketPath) -> Reply[Repeats]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.repeats")
        found = await repeats_of(connection, ticket, call.actor)
        names = {unit.id: unit.name for unit in await list_units(connection)}
    items = [
        RepeatOut(
            **line(one.ticket).model_dump(),
            score=one.score,
            same=list(one.same),
            why=_why(one),
            unit_name=names.get(one.ticket.life.unit, one.ticket.life.unit),
            open=one.ticket.life.state not in (State.ARCHIVED, State.DECLINED),
            can_merge=_can_merge(call, ticket, one.ticket),
        )
        for one in found
    ]
    return Reply(Repeats(items=items))


def _why(one: Repeat) -> str:
    words = {
        SameAs.CALLER: "同一号码",
        SameAs.PLACE: "同一地点",
        SameAs.TOPIC: f"内容相近（{one.likeness:.0%}）",
    }
    return "；".join(words[same] for same in one.same)


def _can_merge(call: Call, one: Ticket, into: Ticket) -> bool:
    try:
        check_merge(one, call.actor, call.services.rulebook())
        check_into(one, into, call.services.rulebook())
    except (Refused, NotAllowed):
        return False
    return True
