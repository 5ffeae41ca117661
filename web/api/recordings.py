"""Recordings are listened to and taken out: who did it, of which call and from where is written down.

A listening is one entry, however many ranges a player asks for; the files may be sealed, and are opened on the way.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import keeping
from calls.keeping import ERASED, KeepingFault, Recording
from calls.recording_export import Export, archive
from calls.recording_files import Kept, check
from people.audit import list_entries
from people.masking import mask_text
from people.roles import Permission
from web.api.call import Call, Raw
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem, not_found
from web.api.tickets import RevealReason
from web.api.transcripts import CallPath, check_tickets
from web.sounds import Sounds, send_part, send_pieces

routes = Routes("recordings")
LISTEN = "recording.listen"
PAUSE = timedelta(minutes=10)
"""Who comes back to a recording later than its length and this has begun to listen anew."""
_AT_ONCE = 64
_playing = asyncio.Semaphore(_AT_ONCE)
_exporting = asyncio.Semaphore(4)


class PartQuery(In):
    part: Annotated[Literal["call", "message", "comment"], Field(description="通话、留言，或回访时的意见留言")] = "call"


@routes.add(
    "GET",
    "/calls/{id}/recording",
    "听录音（可分段；记入审计日志）",
    needs=(Permission.RECORDING_LISTEN,),
    problems=(409, 416),
    media="audio/wav",
    seconds=None,
)
async def listen(call: Call, path: CallPath, query: PartQuery) -> Raw:
    return await play(call, path.id, query.part, LISTEN)


async def play(call: Call, call_id: str, part_of: str, action: str) -> Raw:
    """One part of a recording, or a range of it, written down as ``action``."""
    sounds = sounds_of(call)
    if _playing.locked():
        raise busy("正在听录音的人太多，请稍后再试。")
    async with _playing:
        async with call.transaction() as connection:
            found = await admitted(call, connection, call_id)
            kept = kept_part(found, part_of)
            await _note(call, connection, found, kept, action)
        try:
            async with sounds.open(kept) as file:
                part = _range(call.request, kept)
                response = web.StreamResponse(status=206 if part.ranged else 200, headers=_headers(kept, part))
                await send_part(call.request, response, file, part.start, part.length)
        except FileNotFoundError:
            raise lost() from None
    return Raw(response)


@routes.add(
    "POST",
    "/calls/{id}/recording/export",
    "导出录音（ZIP，附 SHA-256 清单；记入审计日志）",
    needs=(Permission.RECORDING_EXPORT,),
    problems=(409,),
    media="application/zip",
    seconds=None,
)
async def export(call: Call, path: CallPath, body: RevealReason) -> Raw:
    sounds = sounds_of(call)
    if _exporting.locked():
        raise busy("正在导出的人太多，请稍后再试。")
    async with _exporting:
        number, reason = f"export:{secrets.token_hex(8)}", mask_text(body.reason)
        async with call.transaction() as connection:
            found = await admitted(call, connection, path.id)
            if not found.kept:
                raise not_found()
            await call.audit(connection, "recording.export", f"call:{path.id}", export=number, reason=reason)
        keys = await asyncio.to_thread(sounds.keys)
        try:
            for kept in found.kept:
                await asyncio.to_thread(check, sounds.root, kept, keys)
        except FileNotFoundError:
            raise lost() from None
        digest = hashlib.sha256()
        why = Export(call.principal.actor, reason, call.at, {"export": number})
        pieces = _hashed(archive(sounds.root, keys, [found], why), digest)
        headers = {
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="{path.id}.zip"',
        }
        response = web.StreamResponse(headers=headers)
        if await send_pieces(call.request, response, pieces):
            async with call.transaction() as connection:
                await call.audit(connection, "recording.exported", number, sha256=digest.hexdigest(), call=path.id)
    return Raw(response)


def sounds_of(call: Call) -> Sounds:
    if call.services.sounds is None:
        raise Problem(503, "no_recordings", "录音存储未连接。")
    return call.services.sounds


async def admitted(call: Call, connection: AsyncConnection, call_id: str) -> Recording:
    """The recording, if its tickets allow it: of a confidential ticket's call only for who sees the ticket. Raises
    KeepingFault, NotAllowed."""
    await check_tickets(call, connection, call_id)
    return await keeping.find(connection, call_id)


def busy(words: str) -> Problem:
    return Problem(503, "busy", words, headers={"Retry-After": "10"})


def lost() -> Problem:
    return Problem(404, "file_lost", "录音文件已不在存储中。")


def kept_part(found: Recording, part: str) -> Kept:
    """Raises KeepingFault, Problem."""
    if found.state == ERASED:
        raise KeepingFault("erased", f"录音已删除（{found.reason}）")
    if found.state == "pending":
        raise KeepingFault("pending", "录音尚在处理")
    kept = next((one for one in found.kept if one.kind == part), None)
    if kept is None:
        raise not_found()
    return kept


async def _note(call: Call, connection: AsyncConnection, found: Recording, kept: Kept, action: str) -> None:
    """Once for a listening: what the same person asks for from the same place while the recording may still be playing
    belongs to it. Ranges that come at once wait for each other."""
    about = f"call:{found.call_id}"
    one = f"{call.principal.actor} {about} {kept.kind} {call.address}"
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:one, 0))"), {"one": one})
    since = call.at - PAUSE - timedelta(seconds=found.seconds or 0)
    before = await list_entries(
        connection, actor=call.principal.actor, action=action, object=about, since=since, limit=20
    )
    if not any(e.entry.address == call.address and e.entry.detail.get("part") == kept.kind for e in before):
        await call.audit(connection, action, about, part=kept.kind, sha256=kept.sha256)


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    length: int
    ranged: bool


def _range(request: web.Request, kept: Kept) -> _Part:
    """RFC 9110, section 14: one range; what is no range, or of another recording, is not looked at."""
    size = kept.bytes
    whole = _Part(0, size, False)
    if request.headers.get("If-Range", _tag(kept)) != _tag(kept):
        return whole
    try:
        asked = request.http_range
    except ValueError:
        return whole
    if asked.start is None and asked.stop is None:
        return whole
    start = max(0, size + asked.start) if asked.start < 0 else asked.start
    stop = min(size, size if asked.stop is None else asked.stop)
    if start >= stop:
        words = "请求的范围不在录音之内。"
        raise Problem(416, "range", words, headers={"Content-Range": f"bytes */{size}"})
    return _Part(start, stop - start, True)


def _headers(kept: Kept, part: _Part) -> dict[str, str]:
    headers = {
        "Content-Type": "audio/wav",
        "Content-Length": str(part.length),
        "Accept-Ranges": "bytes",
        "ETag": _tag(kept),
    }
    if part.ranged:
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{kept.bytes}"
    return headers


def _tag(kept: Kept) -> str:
    return f'"{kept.sha256}"'


def _hashed(pieces: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece
