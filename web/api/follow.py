"""A citizen follows a request by its number and the last four digits of the telephone on it, and says how it was.

Whether there is such a ticket is told to nobody who does not know both: a wrong number and wrong digits have the same
answer, are counted alike over a day (``line/progress.py``), and take the same way.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from line.progress import NOT_SURE, STAGES, Stage, Told, enquire, number_of
from people.units import find_unit
from tickets import book
from tickets.commands import Rate, Unsolved
from tickets.history import events_of
from tickets.told import event_name
from tickets.words import BAD_LEVELS, Level, State, chinese
from web.api.call import Call, Reply
from web.api.citizens import ENQUIRE, NUMBER, SAYS, LastFour, note, spend
from web.api.endpoint import PUBLIC, Routes
from web.api.page import In
from web.api.problem import Problem
from web.limits import place_of

routes = Routes("public")
WRONG_OF_PLACE = 100
"""Wrong answers a day from one address: a whole office or a carrier's customers may share it. How often one ticket is
guessed at is bounded as for telephones."""
_TOLD = frozenset({"received", "accept", "decline", "dispatch", "forward", "extend", "complete", "review", "archive"})
_TOLD_ANEW = frozenset({"rate", "unsolved", "ask_callback"})
_STAGE_NAMES: dict[Stage, str] = {
    "received": "已登记，等待受理",
    "accepted": "已受理",
    "working": "正在办理",
    "completed": "承办单位已办结，正在审核",
    "rework": "正在重新办理",
    "done": "已办结",
    "declined": "不予受理",
}


class WhoseTicket(In):
    number: Annotated[str, Field(pattern=NUMBER, description="工单编号", examples=["20261121-000123"])]
    last4: LastFour


class RatingIn(WhoseTicket):
    level: Level
    solved: Annotated[bool | None, Field(description="问题是否已解决；空：没有说")] = None
    comment: Annotated[str, Field(max_length=500)] = ""


class StepOut(BaseModel):
    at: datetime
    name: str


class LevelOut(BaseModel):
    level: Level
    name: str


class ProgressOut(BaseModel):
    number: Annotated[str, Field(description="可能不是所问的：并入另一工单的，是那一工单")]
    stage: Stage
    stage_name: str
    unit: Annotated[str | None, Field(description="承办单位名称；空：还没有，或不能告知")]
    due: Annotated[date | None, Field(description="办理期限（北京时间的那一天）")]
    provisional: Annotated[bool, Field(description="期限为暂计：该年放假安排尚未公布")]
    steps: Annotated[list[StepOut], Field(description="经过，旧的在前；保密工单没有")]
    may_rate: Annotated[list[LevelOut], Field(description="现在可以选的评价；空：现在不能评价，或所问的已并入另一工单")]
    rating: Annotated[Level | None, Field(description="所问工单的评价；并入另一工单的没有")]


@routes.add("POST", "/public/progress", "市民查询进度", needs=PUBLIC, problems=(404, 429))
async def progress(call: Call, body: WhoseTicket) -> Reply[ProgressOut]:
    await spend(call, ENQUIRE)
    async with call.transaction() as connection:
        told = await _told(call, connection, body)
        found = await _progress(call, connection, told, body) if isinstance(told, Told) else told
    if not isinstance(found, ProgressOut):
        raise _refused(found)
    return Reply(found)


@routes.add("POST", "/public/rating", "市民评价", needs=PUBLIC, problems=(404, 409, 429))
async def rate(call: Call, body: RatingIn) -> Reply[ProgressOut]:
    await spend(call, ENQUIRE)
    async with call.transaction() as connection:
        told = await _told(call, connection, body)
        found = await _rate(call, connection, told, body) if isinstance(told, Told) else told
    if not isinstance(found, ProgressOut):
        raise _refused(found)
    return Reply(found)


async def _told(call: Call, connection: AsyncConnection, asked: WhoseTicket) -> Told | Literal["wrong", "limited"]:
    """A wrong try has to be committed with the caller's transaction, so nothing is raised here."""
    rulebook = call.services.rulebook()

    def unseal(envelope: str, number: str) -> str:
        return rulebook.sealing().open(envelope, number)

    # Addresses are no telephones, and are not kept as they are.
    who = f"web:{rulebook.mark(place_of(call.address))}"
    tries = call.services.progress_tries
    answer = await enquire(connection, unseal, who, asked.number, asked.last4, tries, WRONG_OF_PLACE)
    if isinstance(answer, Told):
        await note(call, connection, "public.progress", f"ticket:{answer.number}")
    return answer


def _refused(why: Literal["wrong", "limited"]) -> Problem:
    if why == "wrong":
        return Problem(404, "no_match", "没有找到：工单编号或电话后四位不正确。")
    return Problem(429, "too_many", "查询错误次数过多，请明天再试，或拨打12345。", headers={"Retry-After": "86400"})


def _is_asked_for(told: Told, asked: WhoseTicket) -> bool:
    """False: the ticket went on in another, which may be somebody else's."""
    return told.number == number_of(asked.number)


async def _progress(call: Call, connection: AsyncConnection, told: Told, asked: WhoseTicket) -> ProgressOut:
    rulebook = call.services.rulebook()
    ticket = await book.get(connection, rulebook, told.number, SAYS)
    unit = await find_unit(connection, told.unit) if told.unit and told.state is not NOT_SURE else None
    steps = []
    if not ticket.confidential:
        events = await events_of(connection, rulebook, told.number)
        steps = [StepOut(at=one.at, name=event_name(one.kind, one.data)) for one in events if one.kind in _TOLD]
    own = _is_asked_for(told, asked)
    open_now = own and ticket.life.rating is None and ticket.duplicate_of is None
    levels = rulebook.policy(ticket.policy or rulebook.default).rating.levels
    rateable = open_now and told.state in (State.COMPLETED, State.REVIEWED)
    stage = STAGES[told.state]
    return ProgressOut(
        number=told.number,
        stage=stage,
        stage_name=_STAGE_NAMES[stage],
        unit=None if unit is None else unit.name,
        due=told.due,
        provisional=told.provisional,
        steps=steps,
        may_rate=[LevelOut(level=one, name=chinese(one)) for one in levels] if rateable else [],
        rating=ticket.life.rating if own else None,
    )


async def _rate(call: Call, connection: AsyncConnection, told: Told, said: RatingIn) -> ProgressOut:
    """Once: who thinks better of it asks a person. What went on in another ticket is rated by whose that one is."""
    if not _is_asked_for(told, said):
        words = f"您的诉求已并入工单 {told.number}，由该工单的诉求人评价；还有话要说，请拨打12345。"
        raise Problem(409, "merged", words)
    rulebook = call.services.rulebook()
    ticket = await book.lock(connection, rulebook, told.number, SAYS)
    if ticket.life.rating is not None:
        raise Problem(409, "rated", "已经评价过了；还有话要说，请拨打12345。")
    words = " ".join(said.comment.split())
    command = Rate(do="rate", level=said.level)
    await book.execute(connection, rulebook, told.number, command, SAYS, call.at)
    if said.solved is False:
        unsolved = Unsolved(do="unsolved", reason=words)
        await book.execute(connection, rulebook, told.number, unsolved, SAYS, call.at)
    elif words:
        data, heard = {"channel": "web", "bad": said.level in BAD_LEVELS}, {"comment": words}
        await book.note(connection, rulebook, told.number, "callback_answered", SAYS, call.at, data, heard)
    await note(call, connection, "public.rate", f"ticket:{told.number}", level=said.level)
    again = await _told(call, connection, said)
    assert isinstance(again, Told)
    return await _progress(call, connection, again, said)
