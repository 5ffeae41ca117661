"""人工回访任务: the citizens whom a person is to call, the longest owed first."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.find import MOST, visible
from tickets.number import NUMBER
from tickets.order import BadCursor
from tickets.permits import READ_ALL, Actor, NotAllowed
from tickets.tables import tickets
from tickets.ticket import Ticket
from tickets.waiting import OWED
from tickets.words import CallbackWhy

# As the index of hotline/migrations has it.
_SINCE = literal_column("COALESCE(tickets.life->>'callback_since', '')", Text)


@dataclass(frozen=True, slots=True)
class CallbackTask:
    """``since``: from when it is owed, of the present completion. The words of a confidential ticket are left out."""

    ticket: Ticket
    since: datetime
    why: tuple[CallbackWhy, ...]


@dataclass(frozen=True, slots=True)
class Tasks:
    """``cursor``: what to ask the next page with; None at the end."""

    tasks: tuple[CallbackTask, ...]
    cursor: str | None


async def callback_tasks(
    connection: AsyncConnection, actor: Actor, *, limit: int = 50, cursor: str | None = None
) -> Tasks:
    """Those that ``actor`` may see. Raises NotAllowed, BadCursor."""
    if not actor.may(READ_ALL):
        raise NotAllowed("无权查看回访任务")
    limit = max(1, min(limit, MOST))
    query = select(tickets).where(OWED, *visible(actor)).order_by(_SINCE, tickets.c.number).limit(limit + 1)
    if cursor is not None:
        query = query.where(tuple_(_SINCE, tickets.c.number) > tuple_(*_position(cursor)))
    found = [rows.read(row) for row in await connection.execute(query)]
    page = found[:limit]
    return Tasks(tuple(map(_task, page)), _cursor(page[-1]) if len(found) > limit else None)


def _task(ticket: Ticket) -> CallbackTask:
    return CallbackTask(ticket, ticket.life.callback_since or ticket.updated_at, ticket.life.callback_why)


def _cursor(last: Ticket) -> str:
    since = last.life.model_dump(mode="json")["callback_since"] or ""
    return base64.urlsafe_b64encode(json.dumps([since, last.number]).encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[str, str]:
    try:
        since, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not NUMBER.fullmatch(number) or (since != "" and datetime.fromisoformat(since).tzinfo is None):
            raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadCursor("无效的分页游标") from error
    return since, number
