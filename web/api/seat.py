"""席位: an agent sits down at a telephone, is ready or on a break, and handles the call there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.outgoing import unit_telephone
from people import seats
from people.roles import Permission
from people.seats import Taken
from people.units import find_unit
from routing.seat import Doing, PhoneKind, Seat, Standing, Target, TargetKind, TelephoneFault, Working
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Fault, Problem, invalid_values
from web.api.services import Telephone

log = logging.getLogger(__name__)
routes = Routes("seat")
SITS = (Permission.AGENT_STATE,)
ACT_SECONDS = 45.0
"""Asterisk is asked for a few things one after the other; one's own telephone may ring for twenty."""
ADMIT_SECONDS = 3.0
VACATE_SECONDS = 10.0
"""Asterisk that is just starting lets nobody wait longer who signs out."""
Extension = Annotated[str, Field(pattern=r"^[0-9]{3,6}$", description="席位分机", examples=["2001"])]
Reason = Annotated[str, Field(max_length=20, description="示忙原因，`pause_reasons` 之一；其他状态为空")]


class UserAt(BaseModel):
    name: str
    display_name: str
    present: Annotated[bool, Field(description="false：此人的登录已失效，席位可由别人使用")]


class SeatRow(BaseModel):
    extension: str
    name: str
    phone: PhoneKind
    user: Annotated[UserAt | None, Field(description="null：空着")]
    taken_at: datetime | None


class QueueAt(BaseModel):
    id: str
    name: str
    penalty: Annotated[int, Field(ge=0, description="0 先接，数字越大越后接")]


class SipOut(BaseModel):
    uri: str
    user: str
    password: str
    socket: Annotated[str, Field(description="本站的 WebSocket 路径")]


class SeatOut(BaseModel):
    extension: str
    name: str
    phone: PhoneKind
    taken_at: datetime
    queues: Annotated[list[QueueAt], Field(description="签入后接听的队列；空：不接队列来电")]
    pause_reasons: list[str]
    sip: Annotated[SipOut | None, Field(description="浏览器话机的注册信息；话机席位为 null")]


class TakeIn(In):
    extension: Extension


class StateIn(In):
    state: Annotated[Working, Field(description="示闲（未签入的随即签入；话后处理中的提前结束）、示忙、签出")]
    reason: Reason = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if (self.state is Working.PAUSED) != bool(self.reason):
            raise ValueError("示忙须有原因，其他状态没有")
        return self


class StateOut(BaseModel):
    extension: str
    state: Working
    reason: str
    reachable: Annotated[bool, Field(description="话机已注册；否则不会振铃")]
    in_call: bool
    queues: list[QueueAt]


class TargetIn(In):
    kind: TargetKind
    id: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
            max_length=40,
            description="分机、队列、承办单位的编号，或 110、119、120、122",
        ),
    ]


class ActIn(In):
    do: Doing
    to: Annotated[TargetIn | None, Field(description="只用于 transfer 和 consult")] = None

    @model_validator(mode="after")
    def _aimed(self) -> Self:
        if (self.do in (Doing.TRANSFER, Doing.CONSULT)) != (self.to is not None):
            raise ValueError("transfer 和 consult 须写 to，其他不写")
        return self


class ActOut(BaseModel):
    do: Doing
    call_id: Annotated[str, Field(description="通话记录编号")]


@routes.add("GET", "/seats", "全部席位和谁在用", needs=(*SITS, Permission.USER_MANAGE))
async def list_seats(call: Call) -> Reply[list[SeatRow]]:
    telephone = telephone_of(call)
    async with call.transaction() as connection:
        found = {one.extension: one for one in await seats.list_taken(connection, call.at)}
    return Reply([_row(seat, found.get(seat.extension)) for seat in telephone.seats.values()])


@routes.add("POST", "/seat", "入席（示闲之前不会来电）", needs=SITS, problems=(409,))
async def take(call: Call, body: TakeIn) -> Reply[SeatOut]:
    """Asking again for one's own seat changes nothing. Who sat there and is no longer signed in is logged out first."""
    telephone = telephone_of(call)
    seat = seat_at(telephone, body.extension)
    async with call.transaction() as connection:
        mine = await seats.seat_of(connection, call.principal.user_id, call.at)
        if mine is None or mine.extension != body.extension:
            before = await seats.take(connection, body.extension, call.principal.user_id, call.at)
            more = {} if before is None else {"instead_of": before.name}
            await call.audit(connection, "seat.take", f"seat:{body.extension}", **more)
            mine = await seats.seat_of(connection, call.principal.user_id, call.at)
            # Within the transaction: nobody sits at a telephone that still rings for somebody else.
            await telephone.work(body.extension, Working.OUT)
        assert mine is not None
        await telephone.admit(mine.extension, _sitting(mine))
    return Reply(_seat(telephone, seat, mine))


@routes.add("GET", "/seat", "我的席位，没有则为 null", needs=SITS)
async def show(call: Call) -> Reply[SeatOut | None]:
    telephone = telephone_of(call)
    async with call.transaction() as connection:
        mine = await seats.seat_of(connection, call.principal.user_id, call.at)
    seat = mine and telephone.seats.get(mine.extension)
    if seat and mine and seat.phone == "browser":
        # A page that comes to another node, or back to one that was restored, is not known there yet.
        try:
            async with asyncio.timeout(ADMIT_SECONDS):
                await telephone.admit(mine.extension, _sitting(mine))
        except (TelephoneFault, TimeoutError) as fault:
            why = str(fault) or "no answer"
            log.warning("seat %s: Asterisk was not told who sits there: %s", mine.extension, why)
    return Reply(_seat(telephone, seat, mine) if seat and mine else None)


@routes.add("DELETE", "/seat", "离席并签出（正在进行的通话不受影响）", needs=SITS, status=204, problems=(409,))
async def leave(call: Call) -> Reply[None]:
    telephone = telephone_of(call)
    async with call.transaction() as connection:
        mine = await seats.seat_of(connection, call.principal.user_id, call.at)
        if mine is None:
            raise no_seat()
        await stand_up(call, connection, telephone, mine, "seat.release")
    return Reply(None)


async def stand_up(
    call: Call, connection: AsyncConnection, telephone: Telephone, taken: Taken, action: str, **detail: str
) -> None:
    """Within the transaction: nobody sits down there before Asterisk has done it."""
    if await seats.release(connection, taken.extension, taken.user_id):
        await call.audit(connection, action, f"seat:{taken.extension}", **detail)
        await telephone.work(taken.extension, Working.OUT)
        await telephone.dismiss(taken.extension)


async def vacate(call: Call, user_id: int) -> None:
    """Whoever signs out, is disabled or is no agent any more has no seat: a call goes on, no other comes. Nobody stays
    signed in because Asterisk is away, or takes its time."""
    telephone = call.services.telephone
    if telephone is None:
        return
    async with call.transaction() as connection:
        mine = await seats.seat_of(connection, user_id, call.at)
        if mine is None:
            return
        try:
            async with asyncio.timeout(VACATE_SECONDS):
                await stand_up(call, connection, telephone, mine, "seat.release")
        except (TelephoneFault, TimeoutError) as fault:
            why = str(fault) or "no answer"
            log.warning("seat %s is free, but Asterisk may still ring it: %s", mine.extension, why)


@routes.add("GET", "/seat/state", "我的席位此刻的状态", needs=SITS, problems=(409,))
async def show_state(call: Call) -> Reply[StateOut]:
    telephone = telephone_of(call)
    mine = await mine_of(call)
    return Reply(state_out(telephone, mine.extension, await telephone.standing(mine.extension)))


@routes.add("PUT", "/seat/state", "示闲、示忙、签出", needs=SITS, problems=(409,), seconds=ACT_SECONDS)
async def set_state(call: Call, body: StateIn) -> Reply[StateOut]:
    telephone = telephone_of(call)
    mine = await mine_of(call)
    return Reply(state_out(telephone, mine.extension, await telephone.work(mine.extension, body.state, body.reason)))


@routes.add(
    "POST",
    "/seat/call",
    "席位上的通话：接听、保持、静音、挂断、转接、咨询、三方通话……",
    needs=SITS,
    problems=(409,),
    seconds=ACT_SECONDS,
)
async def act(call: Call, body: ActIn) -> Reply[ActOut]:
    """Asked of Asterisk once: with 409 ``outcome_unknown`` look at the telephone before asking again."""
    telephone = telephone_of(call)
    mine = await mine_of(call)
    target = None
    if body.to is not None:
        async with call.transaction() as connection:
            target = await _target(call, connection, telephone, body.to)
    return Reply(ActOut(do=body.do, call_id=await telephone.act(mine.extension, body.do, target)))


def telephone_of(call: Call) -> Telephone:
    if call.services.telephone is None:
        raise Problem(503, "no_telephone", "电话系统未连接。")
    return call.services.telephone


def seat_at(telephone: Telephone, extension: str) -> Seat:
    if extension not in telephone.seats:
        raise TelephoneFault("no_such_seat", f"没有席位 {extension}")
    return telephone.seats[extension]


async def mine_of(call: Call) -> Taken:
    async with call.transaction() as connection:
        mine = await seats.seat_of(connection, call.principal.user_id, call.at)
    if mine is None:
        raise no_seat()
    return mine


def no_seat() -> Problem:
    return Problem(409, "no_seat", "您还没有入席。")


def state_out(telephone: Telephone, extension: str, standing: Standing) -> StateOut:
    return StateOut(
        extension=extension,
        state=standing.working,
        reason=standing.reason,
        reachable=standing.reachable,
        in_call=standing.in_call,
        queues=queues_out(telephone, standing.queues),
    )


async def _target(call: Call, connection: AsyncConnection, telephone: Telephone, to: TargetIn) -> Target:
    """Units are known here; the rest is checked where it is known. Raises Problem 422."""
    if to.kind is not TargetKind.UNIT:
        return Target(to.kind, to.id)
    unit = await find_unit(connection, to.id)
    if unit is None or not unit.active:
        raise invalid_values([Fault(place="body/to/id", detail=f"没有单位 {to.id}，或已停用")])
    return Target(to.kind, unit.id, unit_telephone(unit.id, unit.contact, call.services.area_code).number)


def _sitting(taken: Taken) -> str:
    """This person from that moment on."""
    return f"{taken.user_id} {taken.taken_at.timestamp():.6f}"


def _row(seat: Seat, taken: Taken | None) -> SeatRow:
    if taken is None:
        return SeatRow(extension=seat.extension, name=seat.name, phone=seat.phone, user=None, taken_at=None)
    user = UserAt(name=taken.name, display_name=taken.display_name, present=taken.present)
    return SeatRow(extension=seat.extension, name=seat.name, phone=seat.phone, user=user, taken_at=taken.taken_at)


def _seat(telephone: Telephone, seat: Seat, taken: Taken) -> SeatOut:
    sip = telephone.account(seat.extension, _sitting(taken))
    return SeatOut(
        extension=seat.extension,
        name=seat.name,
        phone=seat.phone,
        taken_at=taken.taken_at,
        queues=queues_out(telephone, seat.queues),
        pause_reasons=list(telephone.pause_reasons),
        sip=None if sip is None else SipOut(uri=sip.uri, user=sip.user, password=sip.password, socket=sip.socket),
    )


def queues_out(telephone: Telephone, queues: Mapping[str, int]) -> list[QueueAt]:
    return [QueueAt(id=one, name=telephone.queues.get(one, one), penalty=level) for one, level in queues.items()]
