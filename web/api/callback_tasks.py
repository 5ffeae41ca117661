"""人工回访任务: whom a person is to call back, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from people.masking import mask_name, mask_phone
from people.roles import Permission
from tickets.tasks import CallbackTask, callback_tasks
from tickets.words import CallbackWhy, Level, chinese
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import Page, PageQuery, page
from web.api.view import Masked, TicketLine, line

routes = Routes("callback_tasks")
_CALLS = (Permission.TICKET_ANSWER, Permission.TICKET_REVIEW)


class CallbackTaskOut(TicketLine):
    requester: Masked
    contact: Masked
    caller: Masked
    rating: Level | None
    since: Annotated[datetime, Field(description="何时起应回访（重新办结的，自办结起）")]
    why: list[CallbackWhy]
    why_names: Annotated[list[str], Field(description="为何由人工回访")]


@routes.add("GET", "/callback-tasks", "人工回访任务，等得最久的在前", needs=_CALLS)
async def list_tasks(call: Call, query: PageQuery) -> Reply[Page[CallbackTaskOut]]:
    async with call.transaction() as connection:
        found = await callback_tasks(connection, call.actor, limit=query.limit, cursor=query.after)
    return page(call, [_shown(task) for task in found.tasks], found.cursor)


def _shown(task: CallbackTask) -> CallbackTaskOut:
    ticket = task.ticket
    return CallbackTaskOut(
        **line(ticket).model_dump(),
        requester=mask_name(ticket.requester),
        contact=mask_phone(ticket.contact),
        caller=mask_phone(ticket.caller),
        rating=ticket.life.rating,
        since=task.since,
        why=list(task.why),
        why_names=[chinese(one) for one in task.why],
    )
