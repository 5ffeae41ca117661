"""The regulation of tickets that have none yet while a sample city is loaded; else it is the rulebook's default.

Asked inside the transaction that works on the ticket, so that every process goes by the same city at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.rulebook import Rulebook

_OF_THE_CITY = text(
    "SELECT policy FROM demo_items WHERE kind = 'city' AND policy IS NOT NULL AND at <= :received_at"
    " ORDER BY at, key LIMIT 1"
)


async def city_policy(connection: AsyncConnection, rulebook: Rulebook, received_at: datetime) -> str:
    """Empty: none is loaded, or the operator chose for himself. ``received_at``: what came before it is not of it."""
    if rulebook.chosen:
        return ""
    found = await connection.scalar(_OF_THE_CITY, {"received_at": received_at})
    return found if found in rulebook.policies else ""
