"""What one may do to a ticket now: each command with its form, what follows from it, and why not where not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tickets.step import Article, Step
from tickets.words import State
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.tickets import READ, TicketPath, read
from web.api.versions import tag

routes = Routes("steps")


class OtherWay(BaseModel):
    """What is no command: ``PATCH /tickets/{number}``, ``…/split``, ``…/merge``."""

    do: Literal["edit", "split", "merge"]
    name: str
    allowed: bool
    why_not: str
    articles: list[Article]
    fields: Annotated[list[str], Field(description="edit：现在可以改的字段；其他为空")]


class Steps(BaseModel):
    number: str
    version: Annotated[int, Field(description="提交时以 ETag 为 If-Match")]
    at: Annotated[datetime, Field(description="按此刻计算")]
    state: State
    state_name: str
    policy: str
    policy_title: str
    items: Annotated[list[Step], Field(description="本人可能对此工单办理的步骤：通常的下一步在前，不能办的在后")]
    others: Annotated[list[OtherWay], Field(description="更正、拆分、并单")]


@routes.add(
    "GET", "/tickets/{number}/steps", "本人现在可以办理的步骤：依据、时限、须填内容（记入审计日志）", needs=READ
)
async def show(call: Call, path: TicketPath) -> Reply[Steps]:
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.steps")
    rulebook = call.services.rulebook()
    policy = rulebook.policy(ticket.policy or rulebook.default)
    found = Steps(
        number=ticket.number,
        version=ticket.version,
        at=call.at,
        state=ticket.life.state,
        state_name="",
        policy=ticket.policy or rulebook.default,
        policy_title=policy.title,
        items=[],
        others=[],
    )
    return Reply(found, tag(ticket))
