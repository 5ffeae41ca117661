"""A person calls a citizen about a ticket: written into the ticket's history before any telephone rings.

The id that the history names is the one that Asterisk's log will have, and it is asked for once: whatever dies, nobody
is rung twice by one request.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from callback import dnc
from callback.faults import CallbackFault
from routing.number import NotDialable, dialable, normalise
from tickets import book
from tickets.permits import Actor
from tickets.rulebook import Rulebook
from tickets.ticket import Ticket


@dataclass(frozen=True, slots=True)
class NewOutgoing:
    """``call_id``: Asterisk's; ``number``: E.164; ``extension``: the agent's telephone. ``do_not_call``: the citizen
    asked not to be rung by campaigns: to be told to the agent, who calls about the citizen's own matter."""

    call_id: str
    number: str
    extension: str
    ticket: str
    do_not_call: bool = False


async def prepare(
    connection: AsyncConnection,
    rulebook: Rulebook,
    ticket: str,
    extension: str,
    actor: Actor,
    at: datetime,
    area_code: str = "",
) -> NewOutgoing:
    """In the caller's transaction, which is committed before anybody is rung.

    Raises CallbackFault ``number`` where the ticket has none that can be rung; NotFound, NotAllowed, NoBox.
    """
    found = await book.get(connection, rulebook, ticket, actor)
    number = number_of(found, area_code)
    call_id = f"ag-{int(at.timestamp())}.{secrets.randbelow(10**9)}"
    unwanted = await dnc.contains(connection, number)
    data = {"call_id": call_id, "extension": extension, "do_not_call": unwanted}
    await book.note(connection, rulebook, ticket, "called", actor, at, data=data)
    return NewOutgoing(call_id, number, extension, ticket, unwanted)


def number_of(ticket: Ticket, area_code: str = "") -> str:
    """Where the citizen wants to be reached, else where the request came from. Raises CallbackFault ``number``."""
    for one in (normalise(ticket.contact, area_code=area_code).e164, ticket.caller_e164):
        try:
            if one is not None and dialable(one):
                return one
        except NotDialable:
            continue
    raise CallbackFault("number", f"工单 {ticket.number} 没有可以拨打的号码")
