"""What speaks for a ticket before it is dispatched: which units its words belong to, and what it might be declined for.

Proposals with their reasons; a person decides.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from people.roles import Permission
from people.units import list_units
from tickets.catalogue import propose
from tickets.number import ticket_day
from tickets.screen import Facts, proposals
from tickets.words import State
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.tickets import TicketPath, read

routes = Routes("advice")


class AdviceQuery(In):
    """What the words do not say."""

    happened_on: Annotated[date | None, Field(description="事项发生的日期")] = None
    handled_before: Annotated[bool, Field(description="已办理完毕")] = False
    something_new: Annotated[bool, Field(description="有新情况、新理由")] = False
    answered: Annotated[int, Field(ge=0, le=1000, description="同一人同一问题已答复次数")] = 0


class UnitAdvice(BaseModel):
    unit: str
    name: str
    co_units: list[str]
    matter: str
    reason: str


class DeclineAdvice(BaseModel):
    id: Annotated[str, Field(description="`reason` of the command `decline`")]
    item: str
    quote: str
    article: str
    reason: str
    office: Annotated[str, Field(description="告知诉求人的有权单位")]
    contact: str


class Advice(BaseModel):
    units: Annotated[list[UnitAdvice], Field(description="派单目录；没有设置目录时为空")]
    decline: list[DeclineAdvice]


@routes.add(
    "GET",
    "/tickets/{number}/advice",
    "建议：派给哪个单位，有无不予受理的情形（记入审计日志）",
    needs=(Permission.TICKET_ACCEPT,),
)
async def advise(call: Call, path: TicketPath, query: AdviceQuery) -> Reply[Advice]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.advice")
        units = {unit.id: unit for unit in await list_units(connection, active_only=True)}
        catalogue = await call.catalogue(connection)
    text = f"{ticket.title}\n{ticket.content}"
    # The first tier sends to the city's own units and to counties; a county sends to its own.
    parent = ticket.life.unit if ticket.life.state is State.AT_COUNTY else None
    among = {id for id, unit in units.items() if unit.parent == parent}
    found = propose(catalogue, text, ticket.life.category, among) if catalogue else ()
    facts = Facts(
        text,
        ticket_day(call.at),
        happened_on=query.happened_on,
        handled_before=query.handled_before,
        something_new=query.something_new,
        answered=query.answered,
    )
    rulebook = call.services.rulebook()
    policy = rulebook.policy(ticket.policy or rulebook.default)
    return Reply(
        Advice(
            units=[
                UnitAdvice(
                    unit=one.unit,
                    name=units[one.unit].name,
                    co_units=[unit for unit in one.co_units if unit in units],
                    matter=one.matter,
                    reason=one.reason,
                )
                for one in found
            ],
            decline=[
                DeclineAdvice(
                    id=one.item.id,
                    item=one.item.item,
                    quote=one.item.quote,
                    article=one.basis.cite,
                    reason=one.why,
                    office=one.office,
                    contact=one.contact,
                )
                for one in proposals(policy, facts)
            ],
        )
    )
