"""Tickets 工单: lists, one, a new one, its history; reading what is masked is written down too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.events import CALL_ID
from people.accounts import find_user
from people.masking import mask_text, may_seek_number
from people.roles import Permission
from routing.number import normalise
from tickets import book, sign_off_rows
from tickets.draft import draft_of
from tickets.earlier import earlier_of
from tickets.find import Filter, find
from tickets.history import events_of
from tickets.order import Sort
from tickets.permits import sees
from tickets.ticket import Edit, NewRequest, Ticket
from tickets.waiting import WaitingFor
from tickets.words import Category, State, Warning
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.idempotency import once
from web.api.page import In, Page, PageQuery, page
from web.api.problem import Fault, forbidden, invalid_values
from web.api.sign_off_view import sign_off_out
from web.api.versions import IfMatch, expected, tag
from web.api.view import (
    DeadlineOut,
    EventOut,
    Revealed,
    Standing,
    TicketLine,
    TicketOut,
    deadlines,
    event,
    line,
    revealed,
    standing,
    whole,
)
from web.keeping import own_tickets
from web.sealing import seal_plain, seal_transcripts

routes = Routes("tickets")
READ = (Permission.TICKET_READ_ALL, Permission.TICKET_READ_UNIT)
_EDIT = (Permission.TICKET_CREATE, Permission.TICKET_ACCEPT, Permission.TICKET_REVIEW, Permission.TICKET_CONFIDENTIAL)
_EDIT_SECONDS = 120.0
"""A ticket's attachments may have to be sealed."""
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_SINCE, le=_UNTIL)]
Short = Annotated[str, Field(min_length=1, max_length=100)]


class TicketPath(In):
    number: Annotated[str, Field(pattern=r"^[0-9]{8}-[0-9]{6,12}$", examples=["20261121-000123"])]


class TicketQuery(PageQuery):
    state: Annotated[list[State], Field(default_factory=list, max_length=len(State), description="可多次给出")]
    unit: Annotated[Short | None, Field(description="牵头、协办单位或县区")] = None
    category: Category | None = None
    urgent: bool | None = None
    supervised: bool | None = None
    warning: Warning | None = None
    overdue: bool | None = None
    caller: Annotated[Short | None, Field(description="诉求人号码；须有 ticket.reveal，记入审计日志")] = None
    text: Annotated[
        str | None,
        Field(
            max_length=100,
            description="标题、内容、地址中的词，以空格分开；没有 ticket.reveal 的不能含三位以上数字；记入审计日志",
        ),
    ] = None
    channel: Annotated[str | None, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = None
    parent: Short | None = None
    duplicate_of: Short | None = None
    received_from: Moment | None = None
    received_until: Moment | None = None
    sort: Annotated[
        Sort, Field(description="received 新的在前；due 先到期的在前、urgency 最紧急的在前（两者只列未结的）")
    ] = Sort.RECEIVED
    waiting_for: Annotated[WaitingFor | None, Field(description="等待办理哪一步")] = None
    mine: Annotated[bool, Field(description="本人办过的（最近 2000 步所及），或指定本人办理的")] = False


class CreateHeaders(In):
    key: Annotated[
        str | None,
        Field(alias="Idempotency-Key", pattern=r"^[!-~]{8,100}$", description="重复提交只登记一次，24 小时内有效"),
    ] = None


class Created(BaseModel):
    number: str
    version: int
    earlier: Annotated[list[str], Field(description="同一诉求人可能重复反映的未结工单")]


class Deadlines(BaseModel):
    number: str
    version: int
    items: list[DeadlineOut]


class History(BaseModel):
    number: str
    version: int
    items: list[EventOut]


class RevealReason(In):
    reason: Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S", description="为何须看，记入审计日志")]


class Earlier(BaseModel):
    items: Annotated[list[TicketLine], Field(description="同一号码的其他工单，新的在前，最多 50 件")]
    alike: Annotated[list[str], Field(description="其中未结、内容相近的")]


@routes.add("GET", "/tickets", "工单列表", needs=READ)
async def list_tickets(call: Call, query: TicketQuery) -> Reply[Page[TicketLine]]:
    _check_search(call, query)
    wanted = query.model_dump(exclude={"after", "limit", "state", "sort"}, exclude_none=True)
    if query.caller is not None:
        wanted["caller"] = normalise(query.caller).e164 or query.caller
    async with call.transaction() as connection:
        found = await find(
            connection,
            call.services.rulebook(),
            call.actor,
            Filter(states=tuple(query.state), **wanted),
            call.at,
            sort=query.sort,
            limit=query.limit,
            cursor=query.after,
        )
        if query.caller is not None:
            await call.audit(connection, "ticket.find_caller", caller=call.services.rulebook().mark(wanted["caller"]))
        if query.text is not None:
            await call.audit(connection, "ticket.find_text", text=mask_text(query.text))
    return page(call, [line(ticket) for ticket in found.tickets], found.cursor)


def _check_search(call: Call, query: TicketQuery) -> None:
    """Whoever sees numbers masked must not learn them by what is found. Raises Problem 403."""
    if Permission.TICKET_REVEAL in call.principal.permissions:
        return
    if query.caller is not None:
        raise forbidden("按诉求人号码检索，须有查看未脱敏个人信息的权限。")
    if query.text is not None and may_seek_number(query.text):
        raise forbidden("没有查看未脱敏个人信息的权限，检索词中不能有连续三位以上的数字（日期和工单编号除外）。")


@routes.add("POST", "/tickets", "登记诉求", needs=(Permission.TICKET_CREATE,), status=201)
async def create(call: Call, headers: CreateHeaders, body: NewRequest) -> Reply[Created]:
    async with call.transaction() as connection:

        async def work() -> Reply[Created]:
            return await _create(call, connection, body)

        if headers.key is None:
            return await work()
        return await once(call, connection, headers.key, body, Created, work)


async def _create(call: Call, connection: AsyncConnection, body: NewRequest) -> Reply[Created]:
    rulebook = call.services.rulebook()
    if body.policy and body.policy not in rulebook.policies:
        raise invalid_values([Fault(place="body/policy", detail=f"没有这个规定；现有：{'、'.join(rulebook.policies)}")])
    await _check_handler(connection, body.handler)
    if body.caller and body.caller_e164 is None:
        body = body.model_copy(update={"caller_e164": normalise(body.caller).e164})
    about = await _call_of(call, connection, body)
    ticket = await book.create(connection, rulebook, body, call.actor, call.at, about_call=about)
    if ticket.confidential:
        await seal_transcripts(connection, rulebook.sealing(), ticket.number)
    await call.audit(connection, "ticket.create", f"ticket:{ticket.number}", channel=ticket.channel)
    headers = {"Location": f"{call.request.path}/{ticket.number}", "ETag": ticket.etag}
    return Reply(Created(number=ticket.number, version=ticket.version, earlier=list(ticket.earlier)), headers)


async def _call_of(call: Call, connection: AsyncConnection, body: NewRequest) -> str | None:
    """In which it is asked for. What one may not look at, and what other systems name, is no such call: whatever
    belongs to a confidential ticket is hidden from others."""
    if not (body.channel == "phone" and CALL_ID.fullmatch(body.channel_ref)):
        return None
    if not (call.principal.kind == "user" and call.principal.may(Permission.CALL_READ)):
        return None
    others = await own_tickets(connection, body.channel_ref)
    return body.channel_ref if all(sees(call.actor, one.place) for one in others) else None


async def _check_handler(connection: AsyncConnection, handler: str | None) -> None:
    if handler:
        user = await find_user(connection, handler)
        if user is None or user.disabled_at is not None:
            raise invalid_values([Fault(place="body/handler", detail="没有这个用户，或已停用")])


async def read(call: Call, connection: AsyncConnection, number: str, action: str, /, **detail: object) -> Ticket:
    """The ticket, if the caller may see it; that it was looked at is written down."""
    ticket = await book.get(connection, call.services.rulebook(), number, call.actor)
    await call.audit(connection, action, f"ticket:{number}", **detail)
    return ticket


@routes.add("GET", "/tickets/{number}", "查看工单（个人信息脱敏；记入审计日志）", needs=READ)
async def show(call: Call, path: TicketPath) -> Reply[TicketOut]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.read")
        draft = await draft_of(connection, call.services.rulebook(), path.number)
        sent = await sign_off_rows.load(connection, call.services.rulebook(), path.number)
    signing = None if sent is None else sign_off_out(ticket, call.actor, sent)
    return Reply(whole(ticket, call.at, draft, signing), tag(ticket))


@routes.add(
    "PATCH", "/tickets/{number}", "更正或补充诉求", needs=_EDIT, problems=(409, 412, 428), seconds=_EDIT_SECONDS
)
async def edit(call: Call, path: TicketPath, headers: IfMatch, body: Edit) -> Reply[Standing]:
    version = expected(headers, path.number)
    async with call.transaction() as connection:
        await _check_handler(connection, body.handler)
        rulebook = call.services.rulebook()
        ticket = await book.edit(connection, rulebook, path.number, body, call.actor, call.at, expected_version=version)
        files = call.services.files
        if body.confidential:
            await seal_transcripts(connection, rulebook.sealing(), path.number)
        sealed = await seal_plain(connection, files, rulebook.sealing(), path.number) if body.confidential else ()
        await call.audit(
            connection, "ticket.edit", f"ticket:{path.number}", fields=sorted(body.model_dump(exclude_none=True))
        )
    for one in sealed:
        files.remove(one)
    return Reply(standing(ticket, call.at), tag(ticket))


@routes.add("GET", "/tickets/{number}/history", "办理经过（个人信息脱敏；记入审计日志）", needs=READ)
async def history(call: Call, path: TicketPath) -> Reply[History]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.history")
        events = await events_of(connection, call.services.rulebook(), path.number)
    items = [event(one) for one in events]
    return Reply(History(number=ticket.number, version=ticket.version, items=items), tag(ticket))


@routes.add("GET", "/tickets/{number}/deadlines", "正在计算的时限", needs=READ)
async def show_deadlines(call: Call, path: TicketPath) -> Reply[Deadlines]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.read")
    found = Deadlines(number=ticket.number, version=ticket.version, items=deadlines(ticket, call.at))
    return Reply(found, tag(ticket))


@routes.add("POST", "/tickets/{number}/reveal", "查看未脱敏的个人信息", needs=(Permission.TICKET_REVEAL,))
async def reveal(call: Call, path: TicketPath, body: RevealReason) -> Reply[Revealed]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.reveal", reason=mask_text(body.reason))
        draft = await draft_of(connection, call.services.rulebook(), path.number)
    return Reply(revealed(ticket, draft))


@routes.add("GET", "/tickets/{number}/earlier", "同一诉求人的其他工单（记入审计日志）", needs=READ)
async def earlier(call: Call, path: TicketPath) -> Reply[Earlier]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.earlier")
        number = ticket.caller_e164 or ticket.caller
        if not number:
            return Reply(Earlier(items=[], alike=[]))
        wanted = Filter(caller=number)
        found = await find(connection, call.services.rulebook(), call.actor, wanted, call.at, limit=51)
        alike = await earlier_of(connection, ticket, call.actor)
    items = [line(one) for one in found.tickets if one.number != ticket.number][:50]
    shown = {one.number for one in items}
    return Reply(Earlier(items=items, alike=[number for number in alike if number in shown]))
