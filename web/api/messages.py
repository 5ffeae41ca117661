"""Messages 留言 that callers left: a list of those nobody has heard, their sound and words, and that one was heard.

Who does the work of answering them may hear them, and of the recordings nothing else: ``message.listen``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import find, transcripts
from calls.events import CALL_ID
from calls.find import Row, UnknownCall
from calls.transcripts import CALLER
from people.masking import mask_phone, mask_text
from people.roles import Permission
from tickets.words import Category
from web.api.call import Call, Raw, Reply
from web.api.calls import handler_of, note_once, row_of
from web.api.calls_view import CallerKind, TranscriptState
from web.api.endpoint import Routes
from web.api.page import In, Page, page
from web.api.problem import Fault, invalid_values, not_found
from web.api.recordings import play
from web.api.transcripts import LABEL, CallPath, load_words
from web.api.view import Masked

routes = Routes("messages")
HEAR = (Permission.MESSAGE_LISTEN,)
LISTEN = "message.listen"
_BYTES_A_SECOND = 16_000
_HEADER = 44


class MessageQuery(In):
    after: Annotated[str | None, Field(pattern=rf"^{CALL_ID.pattern}$", description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class MessageOut(BaseModel):
    call_id: str
    number: Masked
    number_kind: CallerKind
    left_at: Annotated[datetime, Field(description="来电时间")]
    category: Category | None
    urgent: Annotated[bool, Field(description="紧急求助未能接通后留的言")]
    seconds: Annotated[float | None, Field(description="留言长度；空：还不能听")]
    sound: Annotated[Literal["ready", "pending", "lost", "erased"], Field(description="可以听、处理中、缺失、已删除")]
    transcript: TranscriptState | None
    ticket: str | None
    heard_at: datetime | None
    heard_by: str


class SaidLine(BaseModel):
    start_ms: Annotated[int, Field(description="从留言开始算起，毫秒")]
    end_ms: int
    text: Masked


class MessageWords(BaseModel):
    call_id: str
    label: Annotated[str, Field(description=LABEL)]
    state: TranscriptState
    items: list[SaidLine]


@routes.add("GET", "/messages", "还没有人听的留言，等得最久的在前", needs=HEAR)
async def list_messages(call: Call, query: MessageQuery) -> Reply[Page[MessageOut]]:
    async with call.transaction() as connection:
        try:
            # One more than asked for tells whether there are more.
            found = await find.unheard(connection, handler=handler_of(call), limit=query.limit + 1, after=query.after)
        except UnknownCall:
            raise invalid_values([Fault(place="query/after", detail="没有这个来电")]) from None
        rows = found[: query.limit]
        items = await _shown(connection, rows)
    return page(call, items, items[-1].call_id if len(found) > len(rows) else None)


@routes.add(
    "GET",
    "/messages/{id}/sound",
    "听留言（可分段；记入审计日志）",
    needs=HEAR,
    problems=(409, 416),
    media="audio/wav",
    seconds=None,
)
async def listen(call: Call, path: CallPath) -> Raw:
    return await play(call, path.id, "message", LISTEN)


@routes.add("GET", "/messages/{id}/words", "留言的文字（机器识别；个人信息脱敏；记入审计日志）", needs=HEAR)
async def words(call: Call, path: CallPath) -> Reply[MessageWords]:
    async with call.transaction() as connection:
        await _message(call, connection, path.id)
        found = await load_words(call, connection, path.id)
        await note_once(call, connection, "message.words", path.id)
    begin = found.message_ms
    items = [
        SaidLine(start_ms=max(0, said.start_ms - begin), end_ms=max(0, said.end_ms - begin), text=mask_text(said.text))
        for said in found.said
        if begin is not None and said.channel == CALLER and said.end_ms > begin
    ]
    state: TranscriptState = found.state  # type: ignore[assignment]  # the database knows no other word
    return Reply(MessageWords(call_id=path.id, label=LABEL, state=state, items=items))


@routes.add("POST", "/messages/{id}/heard", "留言已听，不再列出；先听的人算数", needs=HEAR)
async def heard(call: Call, path: CallPath) -> Reply[MessageOut]:
    async with call.transaction() as connection:
        await _message(call, connection, path.id)
        if await find.note_heard(connection, path.id, call.principal.actor, call.at):
            await call.audit(connection, "message.heard", f"call:{path.id}")
        [shown] = await _shown(connection, [await _message(call, connection, path.id)])
    return Reply(shown)


async def _message(call: Call, connection: AsyncConnection, call_id: str) -> Row:
    row = await row_of(call, connection, call_id)
    if not row["message_file"]:
        raise not_found()
    return row


async def _shown(connection: AsyncConnection, rows: list[Row]) -> list[MessageOut]:
    ids = [row["id"] for row in rows]
    numbers = await find.tickets_of(connection, ids)
    states = await transcripts.states(connection, ids)
    return [_out(row, numbers.get(row["id"]), states.get(row["id"])) for row in rows]


def _out(row: Row, ticket: str | None, transcript: str | None) -> MessageOut:
    clip = next((one for one in row["recording_clips"] or () if one["kind"] == "message"), None)
    state = row["recording_state"]
    sound: Literal["ready", "pending", "lost", "erased"]
    if state == "erased":
        sound = "erased"
    elif clip is not None:
        sound = "ready"
    else:
        sound = "pending" if state in ("pending", None) else "lost"
    return MessageOut(
        call_id=row["id"],
        number=mask_phone(row["caller"]),
        number_kind=row["caller_kind"],
        left_at=row["arrived_at"],
        category=row["category"] or None,
        urgent=row["emergency"] != "",
        seconds=round((clip["bytes"] - _HEADER) / _BYTES_A_SECOND, 1) if sound == "ready" and clip else None,
        sound=sound,
        transcript=transcript,  # type: ignore[arg-type]  # the database knows no other word
        ticket=ticket,
        heard_at=row["message_heard_at"],
        heard_by=row["message_heard_by"],
    )
