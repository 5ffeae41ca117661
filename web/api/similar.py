"""Other tickets that help with this one: like it, with where they ended; and such as may be the same matter again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from tickets.words import Level
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.tickets import READ, TicketPath, read
from web.api.view import Masked, TicketLine

routes = Routes("similar")


class SameAs(StrEnum):
    CALLER = "caller"
    PLACE = "place"
    TOPIC = "topic"


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
    items: Annotated[list[RepeatOut], Field(description="30 天内可能是重复反映的工单，最可能的在前，最多 10 件")]


@routes.add("GET", "/tickets/{number}/similar", "此前相似的工单及其结果（记入审计日志）", needs=READ)
async def similar(call: Call, path: TicketPath) -> Reply[Similar]:
    async with call.transaction() as connection:
        await read(call, connection, path.number, "ticket.similar")
    return Reply(Similar(items=[]))


@routes.add(
    "GET", "/tickets/{number}/repeats", "可能的重复反映：同一人、同一地点、同一事项（记入审计日志）", needs=READ
)
async def repeats(call: Call, path: TicketPath) -> Reply[Repeats]:
    async with call.transaction() as connection:
        await read(call, connection, path.number, "ticket.repeats")
    return Reply(Repeats(items=[]))
