"""How much waits for whom: the figures beside a desk's lists."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tickets.waiting import WaitingFor
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
    none = Count(count=0, more=False)
    return Reply(Counts(waiting=[], overdue=none, urgent=none, supervised=none))
