"""What people do to a ticket, one request a command; and the answer that it owes the citizen."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from notify.outbox import Owed, notice_id, post
from people.roles import Permission
from people.units import UnitKind, find_unit
from tickets import book
from tickets.commands import AnyCommand, DecideReturn, Dispatch, Forward
from tickets.find import duplicates_of
from tickets.ticket import Ticket
from tickets.words import State
from web.answering import BY_TELEPHONE, owed_kind
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.problem import Fault, Problem, invalid_values
from web.api.tickets import TicketPath
from web.api.versions import IfMatch, expected, tag
from web.api.view import Standing, standing

routes = Routes("commands")
_ACT = (
    Permission.TICKET_CREATE,
    Permission.TICKET_ANSWER,
    Permission.TICKET_ACCEPT,
    Permission.TICKET_HANDLE,
    Permission.TICKET_REVIEW,
    Permission.TICKET_SUPERVISE,
)


@routes.add("POST", "/tickets/{number}/commands", "办理一步", needs=_ACT, problems=(409, 412, 428))
async def execute(call: Call, path: TicketPath, headers: IfMatch, body: AnyCommand) -> Reply[Standing]:
    """State, event and notice are one transaction. Whoever may no longer see the ticket afterwards (it is another
    unit's now) still learns where it stands."""
    version = expected(headers, path.number)
    rulebook = call.services.rulebook()
    async with call.transaction() as connection:
        await _check_units(connection, body)
        ticket = await book.execute(
            connection, rulebook, path.number, body, call.actor, call.at, expected_version=version
        )
        await _check_tier(connection, body, ticket, call.actor.unit)
        await written(call, connection, body, ticket)
    return Reply(standing(ticket, call.at), tag(ticket))


async def written(call: Call, connection: AsyncConnection, done: AnyCommand, ticket: Ticket) -> None:
    """What goes with a step that was executed: the audit log, and the citizen's answer where it owes one."""
    await call.audit(connection, f"ticket.{done.do}", f"ticket:{ticket.number}", version=ticket.version)
    kind = owed_kind(call.services.rulebook().policy(ticket.policy), done, ticket)
    if kind is not None:
        for number, channel in [(ticket.number, ticket.channel), *await duplicates_of(connection, ticket.number)]:
            if channel != BY_TELEPHONE:
                owed = Owed(notice_id(number, ticket.version, kind), number, kind, channel, call.at)
                await post(connection, owed)


async def _check_units(connection: AsyncConnection, command: AnyCommand) -> None:
    """A ticket goes to units that are there: the room of tickets knows only their names. Raises Problem 422."""
    if not isinstance(command, Dispatch | Forward | DecideReturn):
        return
    co_units = command.co_units if isinstance(command, Dispatch) else ()
    for unit in filter(None, (command.unit, *co_units)):
        found = await find_unit(connection, unit)
        if found is None or not found.active:
            raise _wrong_unit(f"没有承办单位 {unit}，或已停用")


async def _check_tier(connection: AsyncConnection, command: AnyCommand, ticket: Ticket, mine: str | None) -> None:
    """The first tier sends to a county, and a county to its own units. Raises Problem 422: then what was done is given
    up with the transaction. ``mine``: the unit of who did it."""
    if isinstance(command, Dispatch) and ticket.life.state is State.AT_COUNTY:
        found = await find_unit(connection, ticket.life.unit)
        if found is None or not found.active or found.kind is not UnitKind.COUNTY:
            raise _wrong_unit(f"{ticket.life.unit} 不是区县，或已停用")
    if isinstance(command, Forward | DecideReturn) and command.unit and mine and mine == ticket.county:
        found = await find_unit(connection, command.unit)
        if found is None or found.parent != mine:
            raise _wrong_unit(f"{command.unit} 不是本区县的承办单位")


def _wrong_unit(detail: str) -> Problem:
    return invalid_values([Fault(place="body/unit", detail=detail)])
