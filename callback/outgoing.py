"""A person calls a citizen, or a unit, about a ticket: written into the ticket's history before any telephone rings.

The id that the history names is the one that Asterisk's log will have, and it is asked for once: whatever dies, nobody
is rung twice by one request.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    asked not to be rung by campaigns: to be told to the agent, who calls about the citizen's own matter. ``unit``:
    whose telephone it is, where it is not the citizen's."""

    call_id: str
    number: str
    extension: str
    ticket: str
    do_not_call: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is rung, where it is not the number that the ticket names: a unit 承办单位, or a caller who was missed (that
    row of the list). ``number``: E.164."""

    number: str
    unit: str = ""
    missed: int | None = None


async def prepare(
    connection: AsyncConnection,
    rulebook: Rulebook,
    ticket: str,
    extension: str,
    actor: Actor,
    at: datetime,
    area_code: str = "",
    whom: Whom | None = None,
) -> NewOutgoing:
    """In the caller's transaction, which is committed before anybody is rung. ``whom`` None: the ticket's citizen.

    Raises CallbackFault ``number`` where the ticket has none that can be rung; NotFound, NotAllowed, NoBox.
    """
    found = await book.get(connection, rulebook, ticket, actor)
    whom = whom or Whom(number_of(found, area_code))
    call_id = f"ag-{int(at.timestamp())}.{secrets.randbelow(10**9)}"
    unwanted = not whom.unit and await dnc.contains(connection, whom.number)
    data: dict[str, Any] = {"call_id": call_id, "extension": extension, "do_not_call": unwanted}
    if whom.unit:
        data["unit"] = whom.unit
    if whom.missed is not None:
        data["missed"] = whom.missed
    await book.note(connection, rulebook, ticket, "called", actor, at, data=data)
    return NewOutgoing(call_id, whom.number, extension, ticket, unwanted, whom.unit)


def number_of(ticket: Ticket, area_code: str = "") -> str:
    """As :func:`where_to_ring`. Raises CallbackFault ``number``."""
    found = where_to_ring(ticket.contact, ticket.caller_e164, area_code)
    if found is None:
        raise CallbackFault("number", f"工单 {ticket.number} 没有可以拨打的号码")
    return found


def where_to_ring(contact: str, caller_e164: str | None, area_code: str = "") -> str | None:
    """Where the citizen wants to be reached, else where the request came from, in E.164; None: nowhere."""
    for one in (normalise(contact, area_code=area_code).e164, caller_e164):
        if one is not None and _can_be_rung(one):
            return one
    return None


def unit_telephone(unit: str, contact: str, area_code: str = "") -> Whom:
    """``unit``: its id; ``contact``: its telephone as somebody wrote it. Raises CallbackFault ``number``."""
    number = normalise(contact, area_code=area_code).e164
    if number is None or not _can_be_rung(number):
        raise CallbackFault("number", f"单位 {unit} 没有可以拨打的电话：请把带区号的号码写在单位的电话一栏")
    return Whom(number, unit=unit)


def _can_be_rung(e164: str) -> bool:
    try:
        return bool(dialable(e164))
    except NotDialable:
        return False
