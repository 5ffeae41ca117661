"""How much waits for whom: the figures beside a desk's lists."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tickets.find import Filter, count
from tickets.waiting import DONE_BY, NAMES, WaitingFor
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.tickets import READ

routes = Routes("ticket_lists")
MOST_COUNTED = 1000


class Count(BaseModel):
    count: Annotated[int, Field(ge=0, le=MOST_COUNTED)]
    more: Annotated[bool, Field(description=f"超过 {MOST_COUNTED} 件，不再数")]


class WaitingCount(Count):
    waiting_for: Annotated[WaitingFor, Field(description="GET /tickets 的同名参数")]
    name: str
    mine: Annotated[bool, Field(description="本人有权办理")]


class Counts(BaseModel):
    waiting: list[WaitingCount]
    overdue: Annotated[Count, Field(description="办结逾期（overdue=true）")]
    urgent: Annotated[Count, Field(description="未结的突发、紧急工单")]
    supervised: Annotated[Count, Field(description="未结的督办件")]


@routes.add("GET", "/tickets/counts", "待办数量：待受理、待转办、待审核等（单位只数本单位的）", needs=READ)
async def counts(call: Call) -> Reply[Counts]:
    rulebook, actor = call.services.rulebook(), call.actor
    async with call.transaction() as connection:

        async def number_of(wanted: Filter) -> Count:
            found = await count(connection, rulebook, actor, wanted, call.at, MOST_COUNTED)
            return Count(count=min(found, MOST_COUNTED), more=found > MOST_COUNTED)

        waiting = [
            WaitingCount(
                waiting_for=one,
                name=NAMES[one],
                mine=any(actor.may(permission) for permission in DONE_BY[one]),
                **(await number_of(Filter(waiting_for=one))).model_dump(),
            )
            for one in WaitingFor
        ]
        found = Counts(
            waiting=waiting,
            overdue=await number_of(Filter(overdue=True)),
            urgent=await number_of(Filter(urgent=True)),
            supervised=await number_of(Filter(supervised=True)),
        )
    return Reply(found)
