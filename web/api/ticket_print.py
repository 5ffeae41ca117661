"""A ticket on paper: everything in words, with the course of the matter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from people.units import list_units
from tickets.history import TicketEvent, events_of
from tickets.words import chinese
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.tickets import READ, TicketPath, read
from web.api.versions import tag
from web.api.view import TicketOut, event, whole

routes = Routes("ticket_print")


class PrintedEvent(BaseModel):
    at: datetime
    name: Annotated[str, Field(description="做了什么")]
    actor: str
    text: Annotated[str, Field(description="所写文字，个人信息已脱敏")]
    articles: list[str]


class Printed(BaseModel):
    city: str
    centre: Annotated[str, Field(description="热线机构")]
    policy_title: str
    policy_number: Annotated[str, Field(description="文号")]
    ticket: TicketOut
    category_name: str
    unit_name: str
    co_unit_names: list[str]
    county_name: str
    rating_name: str
    obligation_names: list[str]
    supervision_names: list[str]
    warning_name: str
    history: list[PrintedEvent]
    printed_at: datetime
    printed_by: str


@routes.add("GET", "/tickets/{number}/print", "打印用的工单和办理经过（个人信息脱敏；记入审计日志）", needs=READ)
async def show(call: Call, path: TicketPath) -> Reply[Printed]:
    rulebook = call.services.rulebook()
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.print")
        events = await events_of(connection, rulebook, path.number)
        names = {unit.id: unit.name for unit in await list_units(connection)}
    policy = rulebook.policy(ticket.policy or rulebook.default)
    life = ticket.life
    printed = Printed(
        city=policy.city,
        centre=policy.centre,
        policy_title=policy.title,
        policy_number=policy.number,
        ticket=whole(ticket, call.at, None),
        category_name=chinese(life.category),
        unit_name=names.get(life.unit, life.unit),
        co_unit_names=[names.get(unit, unit) for unit in life.co_units],
        county_name=names.get(ticket.county, ticket.county),
        rating_name="" if life.rating is None else chinese(life.rating),
        obligation_names=[chinese(one) for one in life.obligations],
        supervision_names=[chinese(one) for one in life.supervision_reasons],
        warning_name="" if life.warning is None else chinese(life.warning),
        history=[_line(one) for one in events],
        printed_at=call.at,
        printed_by=call.principal.name,
    )
    return Reply(printed, tag(ticket))


_SAID = ("result", "basis", "reason", "stage_report", "leader_approval", "leader_consent")


def _line(one: TicketEvent) -> PrintedEvent:
    shown = event(one)
    command = shown.words.get("command", {})
    said = [command[name] for name in _SAID if isinstance(command.get(name), str) and command[name]]
    said += [shown.words[name] for name in ("reason", "opinion") if isinstance(shown.words.get(name), str)]
    said += [f"经办人 {one.data['prepared_by']} 送签"] if "prepared_by" in one.data else []
    return PrintedEvent(
        at=one.at,
        name=shown.name,
        actor=one.actor,
        text="；".join(said),
        articles=list(one.articles),
    )
