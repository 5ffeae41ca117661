"""An agent calls the citizen of a ticket, or a unit about it (预览外呼): first the agent's own telephone rings, then
the other one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import outgoing
from callback.faults import CallbackFault
from callback.outgoing import NewOutgoing, Whom, unit_telephone
from people import seats
from people.masking import mask_phone
from people.roles import Permission
from people.units import find_unit
from routing.number import dialable
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.idempotency import once
from web.api.page import In
from web.api.problem import Fault, Problem, invalid_values
from web.api.tickets import CreateHeaders, TicketPath
from web.api.users import UnitId
from web.api.view import Masked

routes = Routes("outgoing")
RING_SECONDS = 60.0
"""The agent's telephone may ring for twenty."""
_WARNING = "该市民曾要求不再接到自动回访；如系其本人诉求，可以致电，请先说明来意。"


class ExtensionIn(In):
    extension: Annotated[str, Field(pattern=r"^[0-9]{3,6}$", description="座席分机，先振铃", examples=["1001"])]


class CallIn(ExtensionIn):
    unit: Annotated[UnitId | None, Field(description="致电这个承办单位；不写为致电诉求人")] = None


class CallOut(BaseModel):
    call_id: Annotated[str, Field(description="通话记录编号，已记入工单")]
    number: Masked
    warning: Annotated[str, Field(description="须告知座席的提醒，或空")]


@routes.add(
    "POST",
    "/tickets/{number}/call",
    "致电诉求人或承办单位：先振铃座席话机，接听后拨出（记入工单）",
    needs=(Permission.TICKET_ANSWER,),
    problems=(409,),
    seconds=RING_SECONDS,
)
async def call_citizen(call: Call, path: TicketPath, headers: CreateHeaders, body: CallIn) -> Reply[CallOut]:
    """The history has the call before anybody is rung. With an ``Idempotency-Key`` a request that is sent again rings
    nobody again."""

    async def whom(connection: AsyncConnection) -> tuple[str, Whom | None]:
        if body.unit is None:
            return path.number, None
        unit = await find_unit(connection, body.unit)
        if unit is None or not unit.active:
            raise CallbackFault("unit", f"没有单位 {body.unit}，或已停用")
        return path.number, unit_telephone(unit.id, unit.contact, call.services.area_code)

    return await ring_once(call, headers, body, whom)


async def ring_once(
    call: Call,
    headers: CreateHeaders,
    body: ExtensionIn,
    whom: Callable[[AsyncConnection], Awaitable[tuple[str, Whom | None]]],
) -> Reply[CallOut]:
    """``whom``: the ticket that the call is about and who is rung, found in the transaction that writes it down."""
    ring = call.services.ring
    if ring is None:
        raise Problem(503, "no_telephone", "电话系统未连接。")
    if body.extension not in call.services.extensions:
        raise invalid_values([Fault(place="body/extension", detail="没有这个座席分机")])
    made: list[NewOutgoing] = []
    async with call.transaction() as connection:

        async def work() -> Reply[CallOut]:
            await _check_seat(call, connection, body.extension)
            ticket, other = await whom(connection)
            new = await outgoing.prepare(
                connection,
                call.services.rulebook(),
                ticket,
                body.extension,
                call.actor,
                call.at,
                call.services.area_code,
                other,
            )
            more = {} if other is None else {"unit": other.unit} if other.unit else {"missed": other.missed}
            await call.audit(connection, "ticket.call", f"ticket:{ticket}", call_id=new.call_id, **more)
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


async def _check_seat(call: Call, connection: AsyncConnection, extension: str) -> None:
    """Who sits at a telephone is rung there and nowhere else, and by nobody else. Raises Problem."""
    mine = await seats.seat_of(connection, call.principal.user_id, call.at)  # no token may ring
    if mine is not None:
        if mine.extension != extension:
            raise Problem(409, "seated", f"您在席位 {mine.extension}，请用本席位的话机拨打。")
        return
    other = await seats.taken_by(connection, extension, call.at)
    if other is not None and other.present:
        raise Problem(
            409, "seat_taken", f"席位 {extension} 正由 {other.display_name} 使用，请用自己的席位或空闲的话机拨打。"
        )
