"""What was said in a call, as a machine heard it. Who may hear the recording may read it; each time is written down."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import transcripts
from calls.events import CALL_ID
from calls.transcripts import Transcript
from people.masking import mask_text
from people.roles import Permission
from tickets.permits import check_sees
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import not_found
from web.api.tickets import RevealReason
from web.keeping import lock_tickets

routes = Routes("transcripts")
LABEL = "机器识别，未经核对"
_LISTEN = (Permission.RECORDING_LISTEN,)


class CallPath(In):
    id: Annotated[str, Field(pattern=rf"^{CALL_ID.pattern}$", examples=["hotline-1795296063.0"])]


class SaidOut(BaseModel):
    channel: Annotated[Literal["caller", "other"], Field(description="诉求人，或与其通话的一方")]
    start_ms: Annotated[int, Field(description="从录音开始算起，毫秒")]
    end_ms: int
    text: str


class TranscriptOut(BaseModel):
    call_id: str
    label: Annotated[str, Field(description=LABEL)]
    state: Annotated[
        Literal["pending", "done", "failed", "none"],
        Field(description="待转写、已转写、无法转写、没有文字（原因见 `reason`）"),
    ]
    reason: Annotated[str, Field(description="`silent` 无人说话，`late` 积压过久，`deleted` 已删除，或故障")]
    engine: str
    model: str
    made_at: datetime | None
    seconds: Annotated[float | None, Field(description="录音长度，秒")]
    cut: Annotated[bool, Field(description="录音过长，只转写了开头")]
    message_ms: Annotated[int | None, Field(description="从此处起是留言")]
    items: list[SaidOut]


@routes.add("GET", "/calls/{id}/transcript", "通话转写（个人信息脱敏；记入审计日志）", needs=_LISTEN)
async def show(call: Call, path: CallPath) -> Reply[TranscriptOut]:
    async with call.transaction() as connection:
        found = await load_words(call, connection, path.id)
        await call.audit(connection, "call.transcript", f"call:{path.id}")
    return Reply(_out(found, masked=True))


@routes.add("POST", "/calls/{id}/transcript/reveal", "查看未脱敏的通话转写", needs=_LISTEN)
async def reveal(call: Call, path: CallPath, body: RevealReason) -> Reply[TranscriptOut]:
    async with call.transaction() as connection:
        found = await load_words(call, connection, path.id)
        await call.audit(connection, "call.transcript_reveal", f"call:{path.id}", reason=mask_text(body.reason))
    return Reply(_out(found, masked=False))


async def load_words(call: Call, connection: AsyncConnection, call_id: str) -> Transcript:
    """The words of a call, if all its tickets allow it. Raises NotAllowed, Problem 404."""
    await check_tickets(call, connection, call_id)
    found = await transcripts.load(
        connection, call_id, lambda *sealed: call.services.rulebook().sealing().open(*sealed)
    )
    if found is None:
        raise not_found()
    return found


async def check_tickets(call: Call, connection: AsyncConnection, call_id: str) -> None:
    """What was said in a confidential ticket's call, whoever rang whom, is for those who see the ticket; and nobody
    makes it confidential until the transaction ends. Raises NotAllowed."""
    for ticket in await lock_tickets(connection, call_id):
        if ticket.confidential:
            check_sees(call.actor, ticket.place)


def _out(one: Transcript, *, masked: bool) -> TranscriptOut:
    items = [
        SaidOut(
            channel="caller" if said.channel == transcripts.CALLER else "other",
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            text=mask_text(said.text) if masked else said.text,
        )
        for said in one.said
    ]
    names = "call_id state reason engine model made_at seconds cut message_ms".split()
    return TranscriptOut(label=LABEL, items=items, **{name: getattr(one, name) for name in names})
