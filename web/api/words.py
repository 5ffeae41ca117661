"""What is being said in a call that goes on, as a machine hears it: for the agent who is in it, and for who may hear
recordings. Lines come a few seconds late, and some never: the call's transcript has them all once it is over."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import live_words
from calls.find import Row
from calls.live_words import Line
from people.masking import mask_text
from people.roles import Permission
from people.seats import seat_of
from tickets.permits import NotAllowed
from web.api.auth import still_admitted
from web.api.call import Call, Raw
from web.api.calls import note_once, row_of
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem, forbidden
from web.api.transcripts import LABEL, CallPath
from web.api.view import Masked
from web.streams import TooMany

routes = Routes("words")
LOOK_SECONDS, SELDOM_SECONDS = 0.7, 2.0
SILENT_SECONDS = 15.0
"""Without a line for so long the call is perhaps not one of those that are followed."""
HEARTBEAT_SECONDS = 15.0
_WRITE_SECONDS = 20.0


class WordsHeaders(In):
    last: Annotated[int | None, Field(alias="Last-Event-ID", ge=0, le=2**31 - 2, description="从此之后接着收")] = None


class LineNow(BaseModel):
    """``event: line``; its ``id`` is where to go on from."""

    label: Annotated[str, Field(description=LABEL)] = LABEL
    at: Annotated[datetime, Field(description="写下的时间")]
    channel: Annotated[Literal["caller", "other"], Field(description="诉求人，或与其通话的一方")]
    start_ms: Annotated[int, Field(description="从录音开始算起，毫秒")]
    end_ms: int
    text: Masked


class CallOver(BaseModel):
    """``event: over``: the call has ended, and so does the stream."""

    call_id: str


@routes.add(
    "GET",
    "/calls/{id}/words",
    "通话中的实时转写（本席位的通话，或可听录音的人；记入审计日志）",
    needs=(Permission.AGENT_STATE, Permission.RECORDING_LISTEN),
    problems=(409,),
    media="text/event-stream",
    seconds=None,
    events=LineNow | CallOver,
)
async def stream(call: Call, path: CallPath, headers: WordsHeaders) -> Raw:
    """The stream ends when the call does, when who listens is no longer in it, the session is over, or the server goes:
    the client comes back with Last-Event-ID."""
    if not call.services.live_words:
        raise Problem(409, "off", "没有打开实时转写（[speech] live）。")
    try:
        with call.services.words.join(call.principal.actor) as going:
            return await _stream(call, path.id, -1 if headers.last is None else headers.last, going)
    except TooMany:
        raise Problem(503, "busy", "实时连接太多，请稍后再试。", headers={"Retry-After": "10"}) from None


async def _stream(call: Call, call_id: str, place: int, going: asyncio.Event) -> Raw:
    async with call.transaction() as connection:
        await _admitted(call, connection, call_id)
        await note_once(call, connection, "call.words", call_id)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(call.request)
        await _follow(call, call_id, response, place, going)
    except (TimeoutError, ConnectionError):
        pass
    return Raw(response)


async def _follow(call: Call, call_id: str, response: web.StreamResponse, place: int, going: asyncio.Event) -> None:
    await _write(response, b"retry: 2000\n\n")
    asked = spoke = monotonic()
    while not going.is_set():
        try:
            async with call.transaction() as connection:
                over = await _admitted(call, connection, call_id)
                found = await live_words.lines(connection, call_id, place)
        except (NotAllowed, Problem):  # confidential now, or somebody else's call
            return
        for one in found:
            place, spoke = one.place, monotonic()
            await _write(response, _event(one))
        if over:
            last = CallOver(call_id=call_id).model_dump_json()
            await _write(response, f"event: over\ndata: {last}\n\n".encode())
            return
        if monotonic() - asked >= HEARTBEAT_SECONDS:
            if not await still_admitted(call.services, call.token, call.principal, datetime.now(UTC)):
                return
            await _write(response, b": here\n\n")
            asked = monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SELDOM_SECONDS if monotonic() - spoke >= SILENT_SECONDS else LOOK_SECONDS):
                await going.wait()


async def _admitted(call: Call, connection: AsyncConnection, call_id: str) -> bool:
    """Whether the call is over. Raises NotAllowed, Problem for whom it is not."""
    row: Row = await row_of(call, connection, call_id)
    if Permission.RECORDING_LISTEN not in call.principal.permissions:
        seat = await seat_of(connection, call.principal.user_id, datetime.now(UTC))
        if seat is None or not row["agent"] or seat.extension != row["agent"]:
            raise forbidden("只能看本席位通话的实时转写。")
    return row["ended_at"] is not None


def _event(one: Line) -> bytes:
    said = one.said
    data = LineNow(
        at=one.at,
        channel="caller" if said.channel == "caller" else "other",
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        text=mask_text(said.text),
    )
    return f"id: {one.place}\nevent: line\ndata: {data.model_dump_json()}\n\n".encode()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """A client that takes nothing for so long is gone."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(data)
