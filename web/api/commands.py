"""What people do to a ticket, one request a command; and the answer that it owes the citizen."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from notify.outbox import Owed, notice_id, post
from people.roles import Permission
from people.units import find_unit
from tickets import book
from tickets.commands import AnyCommand, DecideReturn, Dispatch, Forward
from web.answering import owed_kind
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.problem import Fault, invalid_values
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
        await call.audit(connection, f"ticket.{body.do}", f"ticket:{path.number}", version=ticket.version)
        kind = owed_kind(rulebook.policy(ticket.policy), body, ticket)
        if kind is not None:
            owed = Owed(notice_id(ticket.number, ticket.version, kind), ticket.number, kind, ticket.channel, call.at)
            await post(connection, owed)
    return Reply(standing(ticket, call.at), tag(ticket))


async def _check_units(connection: AsyncConnection, command: AnyCommand) -> None:
    """A ticket goes to units that are there: the room of tickets knows only their names. Raises Problem 422."""
    if not isinstance(command, Dispatch | Forward | DecideReturn):
        return
    co_units = command.co_units if isinstance(command, Dispatch) else ()
    for unit in filter(None, (command.unit, *co_units)):
        found = await find_unit(connection, unit)
        if found is None or not found.active:
            raise invalid_values([Fault(place="body/unit", detail=f"没有承办单位 {unit}，或已停用")])
