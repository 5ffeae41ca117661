"""How long a recording is kept is decided by rules; that it must stay, or must go, by people, with a reason."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import keeping
from calls.keeping import MAX_REASON
from calls.recording_files import remove
from people.audit import AuditEntry
from people.masking import mask_text
from people.roles import Permission
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.recordings import admitted, sounds_of
from web.api.tickets import TicketPath, read
from web.api.transcripts import CallPath
from web.keeping import erase_decided

log = logging.getLogger(__name__)
routes = Routes("recordings")
_SEES = (Permission.RECORDING_LISTEN, Permission.RECORDING_HOLD, Permission.RECORDING_ERASE)
_HOLD = (Permission.RECORDING_HOLD,)


class Why(In):
    reason: Annotated[str, Field(min_length=2, max_length=MAX_REASON, pattern=r"\S", description="理由，记入审计日志")]


class HoldOut(BaseModel):
    ticket: Annotated[str, Field(description="留存该工单的全部通话；空：只留存这个通话")]
    reason: str
    by: str
    at: datetime
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str


class FileOut(BaseModel):
    part: Literal["call", "message", "comment"]
    sha256: Annotated[str, Field(description="播放内容的 SHA-256")]
    bytes: int
    sealed: Annotated[bool, Field(description="加密存放")]


class KeepingOut(BaseModel):
    call_id: str
    state: Annotated[
        Literal["pending", "done", "missing", "failed", "none", "erased"],
        Field(description="处理中、已存、缺失、失败、未录音、已删除"),
    ]
    reason: str
    kept_as: Annotated[str, Field(description="保存类别，见 calls/retention.yaml；空：尚未归类")]
    held: Annotated[bool, Field(description="依法留存，不得删除")]
    holds: list[HoldOut]
    tickets: list[str]
    files: list[FileOut]
    seconds: float | None
    erased_at: datetime | None
    erased_by: str


class HeldOut(BaseModel):
    ticket: str
    recordings: Annotated[int, Field(description="现有录音数；其后的通话同样留存")]


class ReleasedOut(BaseModel):
    ticket: str
    holds: Annotated[int, Field(description="解除了几项留存")]


@routes.add("GET", "/calls/{id}/recording/keeping", "录音的保存情况", needs=_SEES)
async def show(call: Call, path: CallPath) -> Reply[KeepingOut]:
    async with call.transaction() as connection:
        await admitted(call, connection, path.id)
        return Reply(await _out(connection, path.id))


@routes.add("POST", "/calls/{id}/recording/hold", "依法留存录音", needs=_HOLD, problems=(409,))
async def hold(call: Call, path: CallPath, body: Why) -> Reply[KeepingOut]:
    async with call.transaction() as connection:
        await admitted(call, connection, path.id)
        by = call.principal.actor
        await keeping.hold(connection, call_id=path.id, reason=body.reason, by=by, at=call.at)
        await call.audit(connection, "recording.hold", f"call:{path.id}", reason=mask_text(body.reason))
        return Reply(await _out(connection, path.id))


@routes.add("POST", "/calls/{id}/recording/release", "解除录音的留存", needs=_HOLD, problems=(409,))
async def release(call: Call, path: CallPath, body: Why) -> Reply[KeepingOut]:
    async with call.transaction() as connection:
        await admitted(call, connection, path.id)
        by = call.principal.actor
        await keeping.release(connection, call_id=path.id, reason=body.reason, by=by, at=call.at)
        await call.audit(connection, "recording.release", f"call:{path.id}", reason=mask_text(body.reason))
        return Reply(await _out(connection, path.id))


@routes.add("POST", "/tickets/{number}/recordings/hold", "依法留存工单的全部通话", needs=_HOLD)
async def hold_ticket(call: Call, path: TicketPath, body: Why) -> Reply[HeldOut]:
    async with call.transaction() as connection:
        await read(call, connection, path.number, "recording.hold", reason=mask_text(body.reason))
        by = call.principal.actor
        count = await keeping.hold(connection, ticket=path.number, reason=body.reason, by=by, at=call.at)
    return Reply(HeldOut(ticket=path.number, recordings=count))


@routes.add("POST", "/tickets/{number}/recordings/release", "解除工单全部通话的留存", needs=_HOLD, problems=(409,))
async def release_ticket(call: Call, path: TicketPath, body: Why) -> Reply[ReleasedOut]:
    async with call.transaction() as connection:
        await read(call, connection, path.number, "recording.release", reason=mask_text(body.reason))
        by = call.principal.actor
        count = await keeping.release(connection, ticket=path.number, reason=body.reason, by=by, at=call.at)
    return Reply(ReleasedOut(ticket=path.number, holds=count))


@routes.add(
    "POST",
    "/calls/{id}/recording/erase",
    "永久删除录音、留言和转写（留存中的不可删除）",
    needs=(Permission.RECORDING_ERASE,),
    problems=(409,),
)
async def erase(call: Call, path: CallPath, body: Why) -> Reply[KeepingOut]:
    """Written down first, then done; what is cut short here the worker finishes."""
    sounds = sounds_of(call)
    async with call.transaction() as connection:
        await admitted(call, connection, path.id)
        by = call.principal.actor
        entry = AuditEntry(call.at, by, "recording.erase", f"call:{path.id}", {}, call.address, call.request_id)
        found = await erase_decided(connection, path.id, reason=body.reason, by=by, entry=entry)
    try:
        count = await asyncio.to_thread(remove, sounds.root, found.file)
    except OSError as error:
        log.error("erased recording of call %s is still there: %s", path.id, error)
    else:
        if count:  # else they are another node's to remove, or there are none
            async with call.transaction() as connection:
                await keeping.removed(connection, [path.id])
    async with call.transaction() as connection:
        return Reply(await _out(connection, path.id))


async def _out(connection: AsyncConnection, call_id: str) -> KeepingOut:
    found = await keeping.find(connection, call_id)
    holds = await keeping.holds_of(connection, call_id)
    names = "ticket reason by at lifted_at lifted_by lift_reason".split()
    return KeepingOut.model_validate(
        {
            "call_id": found.call_id,
            "state": found.state,
            "reason": found.reason,
            "kept_as": found.keep_class,
            "held": found.held,
            "holds": [{name: getattr(one, name) for name in names} for one in holds],
            "tickets": list(found.tickets),
            "files": [
                {"part": one.kind, "sha256": one.sha256, "bytes": one.bytes, "sealed": bool(one.key_id)}
                for one in found.kept
            ],
            "seconds": found.seconds,
            "erased_at": found.erased_at,
            "erased_by": found.erased_by,
        }
    )
