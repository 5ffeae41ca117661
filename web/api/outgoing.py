"""An agent calls the citizen of a ticket (预览外呼): first the agent's own telephone rings, then the citizen's."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from callback import outgoing
from callback.outgoing import NewOutgoing
from people.masking import mask_phone
from people.roles import Permission
from routing.number import dialable
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.idempotency import once
from web.api.page import In
from web.api.problem import Fault, Problem, invalid_values
from web.api.tickets import CreateHeaders, TicketPath
from web.api.view import Masked

routes = Routes("outgoing")
_SECONDS = 60.0
"""The agent's telephone may ring for twenty."""
_WARNING = "该市民曾要求不再接到自动回访；如系其本人诉求，可以致电，请先说明来意。"


class CallIn(In):
    extension: Annotated[str, Field(pattern=r"^[0-9]{3,6}$", description="座席分机，先振铃", examples=["1001"])]


class CallOut(BaseModel):
    call_id: Annotated[str, Field(description="通话记录编号，已记入工单")]
    number: Masked
    warning: Annotated[str, Field(description="须告知座席的提醒，或空")]


@routes.add(
    "POST",
    "/tickets/{number}/call",
    "致电诉求人：先振铃座席话机，接听后拨出（记入工单）",
    needs=(Permission.TICKET_ANSWER,),
    problems=(409,),
    seconds=_SECONDS,
)
async def call_citizen(call: Call, path: TicketPath, headers: CreateHeaders, body: CallIn) -> Reply[CallOut]:
    """The history has the call before anybody is rung. With an ``Idempotency-Key`` a request that is sent again rings
    nobody again."""
    ring = call.services.ring
    if ring is None:
        raise Problem(503, "no_telephone", "电话系统未连接。")
    if body.extension not in call.services.extensions:
        raise invalid_values([Fault(place="body/extension", detail="没有这个座席分机")])
    made: list[NewOutgoing] = []
    async with call.transaction() as connection:

        async def work() -> Reply[CallOut]:
            new = await outgoing.prepare(
                connection,
                call.services.rulebook(),
                path.number,
                body.extension,
                call.actor,
                call.at,
                call.services.area_code,
            )
            await call.audit(connection, "ticket.call", f"ticket:{path.number}", call_id=new.call_id)
            made.append(new)
            warning = _WARNING if new.do_not_call else ""
            return Reply(CallOut(call_id=new.call_id, number=mask_phone(dialable(new.number)), warning=warning))

        if headers.key is None:
            reply = await work()
        else:
            reply = await once(call, connection, headers.key, body, CallOut, work)
    for new in made:
        if why := await ring(new):
            raise Problem(409, "not_rung", f"{why}。")
    return reply
