"""One request becomes several tickets (多事项拆分), several become one (并单)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from people.roles import Permission
from tickets.split import Parts, merge, split
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.tickets import Created, TicketPath
from web.api.versions import IfMatch, expected, tag
from web.api.view import Standing, standing

routes = Routes("parts")
_SORT = (Permission.TICKET_ACCEPT,)
_PROBLEMS = (409, 412, 428)


class SplitOut(BaseModel):
    items: list[Created]


class MergeIn(In):
    into: Annotated[str, Field(pattern=r"^[0-9]{8}-[0-9]{6,12}$", description="并入哪个工单")]


@routes.add("POST", "/tickets/{number}/split", "多事项拆分", needs=_SORT, status=201, problems=_PROBLEMS)
async def split_ticket(call: Call, path: TicketPath, headers: IfMatch, body: Parts) -> Reply[SplitOut]:
    version = expected(headers, path.number)
    async with call.transaction() as connection:
        rulebook = call.services.rulebook()
        made = await split(connection, rulebook, path.number, body.parts, call.actor, call.at, expected_version=version)
        numbers = [one.number for one in made]
        await call.audit(connection, "ticket.split", f"ticket:{path.number}", parts=numbers)
    items = [Created(number=one.number, version=one.version, earlier=list(one.earlier)) for one in made]
    return Reply(SplitOut(items=items))


@routes.add("POST", "/tickets/{number}/merge", "并单：此后在另一工单办理", needs=_SORT, problems=_PROBLEMS)
async def merge_ticket(call: Call, path: TicketPath, headers: IfMatch, body: MergeIn) -> Reply[Standing]:
    version = expected(headers, path.number)
    async with call.transaction() as connection:
        rulebook = call.services.rulebook()
        main = await merge(connection, rulebook, path.number, body.into, call.actor, call.at, expected_version=version)
        await call.audit(connection, "ticket.merge", f"ticket:{path.number}", into=body.into)
    return Reply(standing(main, call.at), tag(main))
