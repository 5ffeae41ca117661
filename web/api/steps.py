"""What one may do to a ticket now: each command with its form, what follows from it, and why not where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from people.units import Unit, UnitKind, list_units
from tickets import sign_off_rows
from tickets.book import check_edit, check_open
from tickets.catalogue import Catalogue, propose
from tickets.history import who_did
from tickets.move import Refused
from tickets.permits import DECIDES, HANDLE, SIGN, NotAllowed
from tickets.split import check_merge, check_split
from tickets.step import Article, Choice, Step
from tickets.step_bases import articles
from tickets.step_trial import Trial
from tickets.steps import find_steps
from tickets.ticket import Edit, Ticket
from tickets.words import State, chinese
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.signers import has_signer
from web.api.tickets import READ, TicketPath, read
from web.api.versions import tag

routes = Routes("steps")


class OtherWay(BaseModel):
    """What is no command: ``PATCH /tickets/{number}``, ``…/split``, ``…/merge``."""

    do: Literal["edit", "split", "merge"]
    name: str
    allowed: bool
    why_not: str
    articles: list[Article]
    fields: Annotated[list[str], Field(description="edit：现在可以改的字段；其他为空")]


class Steps(BaseModel):
    number: str
    version: Annotated[int, Field(description="提交时以 ETag 为 If-Match")]
    at: Annotated[datetime, Field(description="按此刻计算")]
    state: State
    state_name: str
    policy: str
    policy_title: str
    items: Annotated[list[Step], Field(description="本人可能对此工单办理的步骤：通常的下一步在前，不能办的在后")]
    others: Annotated[list[OtherWay], Field(description="更正、拆分、并单：本人无权的不列")]


@routes.add(
    "GET", "/tickets/{number}/steps", "本人现在可以办理的步骤：依据、时限、须填内容（记入审计日志）", needs=READ
)
async def show(call: Call, path: TicketPath) -> Reply[Steps]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.steps")
        asked = await _asked(connection, ticket)
        signer = await _signer(call, connection, ticket)
        units = {unit.id: unit for unit in await list_units(connection, active_only=True)}
        catalogue = await call.catalogue(connection)
    rulebook = call.services.rulebook()
    name = ticket.policy or rulebook.default
    policy = rulebook.policy(name)
    trial = Trial(
        policy,
        rulebook.days,
        ticket.life,
        ticket.place,
        call.actor,
        call.at,
        text=f"{ticket.title}\n{ticket.content}",
        units=_proposed(catalogue, ticket, units),
        asked=asked,
        blocked=_blocked(call, ticket),
        signer=signer,
    )
    found = Steps(
        number=ticket.number,
        version=ticket.version,
        at=trial.at,
        state=trial.life.state,
        state_name=chinese(trial.life.state),
        policy=name,
        policy_title=policy.title,
        items=find_steps(trial),
        others=_others(call, ticket),
    )
    return Reply(found, tag(ticket))


async def _asked(connection: AsyncConnection, ticket: Ticket) -> Mapping[str, str]:
    """Who asked for what is to be decided now."""
    pending = ticket.life.state is State.RETURN_REQUESTED or ticket.life.extension_days is not None
    kinds = DECIDES.values() if pending else ()
    found = {kind: await who_did(connection, ticket.number, kind) for kind in kinds}
    return {kind: name for kind, name in found.items() if name is not None}


async def _signer(call: Call, connection: AsyncConnection, ticket: Ticket) -> bool:
    """Whether a step may be sent to somebody for signature now."""
    if not call.actor.may(HANDLE) or call.actor.may(SIGN) or call.actor.unit != ticket.life.unit:
        return False
    sent = await sign_off_rows.load(connection, call.services.rulebook(), ticket.number)
    return not (sent is not None and sent.waiting) and await has_signer(connection, ticket)


def _proposed(catalogue: Catalogue | None, ticket: Ticket, units: Mapping[str, Unit]) -> list[Choice]:
    """By the catalogue, as ``GET /tickets/{number}/advice`` has it."""
    if catalogue is None or ticket.life.state not in (State.RECEIVED, State.ACCEPTED, State.AT_COUNTY):
        return []
    parent = ticket.life.unit if ticket.life.state is State.AT_COUNTY else None
    among = {unit.id for unit in units.values() if unit.parent == parent}
    text = f"{ticket.title}\n{ticket.content}"
    return [
        Choice(
            value=one.unit,
            name=units[one.unit].name,
            note="区县" if units[one.unit].kind is UnitKind.COUNTY else "",
            suggested=one.reason,
        )
        for one in propose(catalogue, text, ticket.life.category, among)[:10]
    ]


def _blocked(call: Call, ticket: Ticket) -> Refused | None:
    try:
        check_open(ticket, call.services.rulebook())
    except Refused as refused:
        return refused
    return None


def _others(call: Call, ticket: Ticket) -> list[OtherWay]:
    actor, rulebook = call.actor, call.services.rulebook()
    found: list[OtherWay] = []
    fields: list[str] = []
    refused: Refused | None = None
    for field in Edit.model_fields:
        given = _as_it_is(ticket, field)
        try:
            check_edit(ticket, given, actor, rulebook)
            fields.append(field)
        except NotAllowed:
            continue
        except Refused as error:
            refused = refused or error
    if fields or refused is not None:
        found.append(_way("edit", "更正", None if fields else refused, fields))
    ways: tuple[tuple[Literal["split", "merge"], str, Callable[..., None]], ...] = (
        ("split", "多事项拆分", check_split),
        ("merge", "并单", check_merge),
    )
    for do, name, check in ways:
        try:
            check(ticket, actor, rulebook)
        except NotAllowed:
            continue
        except Refused as error:
            found.append(_way(do, name, error))
        else:
            found.append(_way(do, name, None))
    return found


def _as_it_is(ticket: Ticket, field: str) -> dict[str, Any]:
    """A change of this field alone that could be meant; to be confidential, somebody has to be named with it."""
    if field == "confidential":
        return {"confidential": True, "handler": ticket.handler or "-"}
    if field == "handler":
        return {"handler": ticket.handler or "-"}
    source = ticket.life if hasattr(ticket.life, field) else ticket
    return {field: getattr(source, field)}


def _way(
    do: Literal["edit", "split", "merge"], name: str, refused: Refused | None, fields: list[str] | None = None
) -> OtherWay:
    return OtherWay(
        do=do,
        name=name,
        allowed=refused is None,
        why_not="" if refused is None else refused.message,
        articles=[] if refused is None else articles(refused.articles, refused.bases),
        fields=fields or [],
    )
