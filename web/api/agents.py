"""A supervisor's hand on the agents' seats, and ear in their calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from people import seats
from people.roles import Permission
from routing.seat import SpyMode
from web.api.call import Call, Reply
from web.api.calls import row_so_far
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import not_found
from web.api.seat import (
    ACT_SECONDS,
    Extension,
    QueueAt,
    StateIn,
    StateOut,
    mine_of,
    queues_out,
    seat_at,
    stand_up,
    state_out,
    telephone_of,
)
from web.api.transcripts import CallPath

routes = Routes("agents")
_MANAGES = (Permission.AGENT_MANAGE,)
LISTEN_SECONDS = 40.0
"""The supervisor's own telephone rings for twenty."""


class SeatPath(In):
    extension: Extension


class QueuesIn(In):
    queues: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$", description="队列编号")],
            Annotated[int, Field(ge=0, le=9)],
        ],
        Field(min_length=1, max_length=50, description="队列 → 技能等级，0 先接；签出前有效，之后恢复原样"),
    ]


class AgentOut(StateOut):
    """With what a supervisor may make of it."""

    others: Annotated[list[QueueAt], Field(description="其他队列；等级依 routing/agents.yaml，未列的为 0")]
    pause_reasons: list[str]


class ListenIn(In):
    mode: Annotated[SpyMode, Field(description="监听、耳语（只有座席听见）、强插（双方都听见）")]


class ListenOut(BaseModel):
    agent: Annotated[str, Field(description="被听的席位分机")]
    mode: SpyMode


@routes.add("GET", "/agents/{extension}", "一个座席此刻的状态、队列和示忙原因", needs=_MANAGES, problems=(409,))
async def show(call: Call, path: SeatPath) -> Reply[AgentOut]:
    telephone = telephone_of(call)
    seat = seat_at(telephone, path.extension)
    standing = await telephone.standing(path.extension)
    others = {one: seat.queues.get(one, 0) for one in telephone.queues if one not in standing.queues}
    return Reply(
        AgentOut(
            **dict(state_out(telephone, path.extension, standing)),
            others=queues_out(telephone, others),
            pause_reasons=list(telephone.pause_reasons),
        )
    )


@routes.add(
    "PUT",
    "/agents/{extension}/state",
    "改变座席的状态（记入审计日志）",
    needs=_MANAGES,
    problems=(409,),
    seconds=ACT_SECONDS,
)
async def set_state(call: Call, path: SeatPath, body: StateIn) -> Reply[StateOut]:
    telephone = telephone_of(call)
    seat_at(telephone, path.extension)
    await _note(call, "agent.state", path.extension, state=body.state, reason=body.reason)
    return Reply(state_out(telephone, path.extension, await telephone.work(path.extension, body.state, body.reason)))


@routes.add(
    "PUT",
    "/agents/{extension}/queues",
    "让座席接听这些队列，不接其他（记入审计日志）",
    needs=_MANAGES,
    problems=(409,),
    seconds=ACT_SECONDS,
)
async def set_queues(call: Call, path: SeatPath, body: QueuesIn) -> Reply[StateOut]:
    telephone = telephone_of(call)
    seat_at(telephone, path.extension)
    await _note(call, "agent.queues", path.extension, queues=body.queues)
    return Reply(state_out(telephone, path.extension, await telephone.serve(path.extension, body.queues)))


@routes.add(
    "DELETE",
    "/agents/{extension}/seat",
    "让席位空出来并签出（正在进行的通话不受影响；记入审计日志）",
    needs=_MANAGES,
    status=204,
    problems=(409,),
    seconds=ACT_SECONDS,
)
async def free(call: Call, path: SeatPath) -> Reply[None]:
    telephone = telephone_of(call)
    seat_at(telephone, path.extension)
    async with call.transaction() as connection:
        taken = await seats.taken_by(connection, path.extension, call.at)
        if taken is None:
            raise not_found()
        await stand_up(call, connection, telephone, taken, "seat.free", user=taken.name)
    return Reply(None)


@routes.add(
    "POST",
    "/calls/{id}/listen",
    "旁听进行中的通话：先振铃自己的席位（记入审计日志）",
    needs=(Permission.CALL_LISTEN,),
    problems=(409,),
    seconds=LISTEN_SECONDS,
)
async def listen(call: Call, path: CallPath, body: ListenIn) -> Reply[ListenOut]:
    """Written down before anything rings. It ends when one's own telephone is hung up. A call that began just now may
    not be known yet, nor any ticket of it."""
    telephone = telephone_of(call)
    mine = await mine_of(call)
    async with call.transaction() as connection:
        await row_so_far(call, connection, path.id)
        await call.audit(connection, "call.listen", f"call:{path.id}", mode=body.mode, seat=mine.extension)
    agent = await telephone.listen(path.id, body.mode, mine.extension)
    return Reply(ListenOut(agent=agent, mode=body.mode))


async def _note(call: Call, action: str, extension: str, **detail: object) -> None:
    async with call.transaction() as connection:
        await call.audit(connection, action, f"seat:{extension}", **detail)
