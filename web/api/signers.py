"""Who could sign for a unit: nothing is sent to nobody."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from people.accounts import MAX_USERS, list_users
from people.roles import UNIT_ROLES, permissions_of
from tickets.permits import SIGN, Actor, sees
from tickets.ticket import Ticket


async def has_signer(connection: AsyncConnection, ticket: Ticket) -> bool:
    """Whether somebody of the unit may sign and sees the ticket: of a confidential one that is its named handler alone,
    or who may see them all."""
    if not ticket.life.unit:
        return False
    for role in sorted(one for one in UNIT_ROLES if SIGN in permissions_of([one])):
        for user in await list_users(connection, unit=ticket.life.unit, role=role, limit=MAX_USERS):
            granted = frozenset(map(str, permissions_of(user.roles)))
            if user.disabled_at is None and sees(Actor(user.name, granted, user.unit), ticket.place):
                return True
    return False
