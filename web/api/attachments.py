"""Attachments 附件 of a ticket: what they are is seen from their content, and they are only ever downloaded."""

from __future__ import annotations

import asyncio
import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError
from pydantic import BaseModel, Field
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from people.audit import AuditEntry, record
from people.roles import Permission
from tickets import book
from tickets.permits import Actor
from tickets.ticket import Ticket
from web.api.call import Call, Raw, Reply
from web.api.endpoint import Routes
from web.api.problem import Problem, not_found
from web.api.reading import too_large
from web.api.tickets import READ, TicketPath, read
from web.files import MAX_BYTES, NotAccepted, TooLarge
from web.media import KNOWN, Media
from web.sealing import sealer, unsealer
from web.tables import attachments

routes = Routes("attachments")
_WRITE = (
    Permission.TICKET_CREATE,
    Permission.TICKET_ANSWER,
    Permission.TICKET_ACCEPT,
    Permission.TICKET_HANDLE,
    Permission.TICKET_REVIEW,
)
MAX_FILES = 50
_PIECE = 1 << 16
_UPLOAD_SECONDS = 120.0
_AT_ONCE = 8
MALFORMED = (ValueError, AssertionError, RuntimeError, TypeError, HttpProcessingError)
"""What aiohttp's reader of multipart raises for what is none."""
_uploads = asyncio.Semaphore(_AT_ONCE)


class AttachmentOut(BaseModel):
    id: uuid.UUID
    name: str
    media: str
    bytes: int
    sha256: str
    actor: str
    at: datetime


class Attachments(BaseModel):
    items: list[AttachmentOut]


class AttachmentPath(TicketPath):
    id: Annotated[uuid.UUID, Field(description="附件编号")]


@routes.add("GET", "/tickets/{number}/attachments", "附件列表", needs=READ)
async def list_attachments(call: Call, path: TicketPath) -> Reply[Attachments]:
    query = select(attachments).where(attachments.c.ticket == path.number).order_by(attachments.c.at, attachments.c.id)
    async with call.transaction() as connection:
        await read(call, connection, path.number, "ticket.attachments")
        rows = (await connection.execute(query)).all()
    return Reply(Attachments(items=[_out(call, row) for row in rows]))


@routes.add(
    "POST",
    "/tickets/{number}/attachments",
    "上传附件（PDF、PNG、JPEG、DOCX、XLSX、WAV、TXT，每件不超过 20 MB）",
    needs=_WRITE,
    status=201,
    problems=(409,),
    upload=True,
    seconds=_UPLOAD_SECONDS,
)
async def add(call: Call, path: TicketPath) -> Reply[AttachmentOut]:
    accepts = Accepts(frozenset(KNOWN.values()), None, MAX_FILES)
    row = await receive(call, path.number, call.actor, accepts, call.principal.actor, _uploads)
    return Reply(_out(call, row), {"Location": f"{call.request.path}/{row.id}"})


@dataclass(frozen=True, slots=True)
class Accepts:
    """``media`` and ``bytes`` of one file, ``files`` of one ticket. ``bytes`` None: as the store has it.
    ``by_anybody``: nobody knows who sends it."""

    media: frozenset[Media]
    bytes: int | None
    files: int
    by_anybody: bool = False


async def receive(call: Call, number: str, who: Actor, accepts: Accepts, by: str, at_once: asyncio.Semaphore) -> Any:
    """The request's file becomes the ticket's: its row. ``who`` has to see the ticket. ``at_once``: citizens, whom
    nobody knows and who may send slowly, hold up nobody else. Raises Problem, and what ``book.lock`` raises."""
    # Whether the ticket may be seen is asked before anything is taken in, and again when it is written down.
    async with call.transaction() as connection:
        ticket = await _writable(call, connection, number, who, accepts)
    if at_once.locked():
        raise Problem(503, "busy", "正在上传的人太多，请稍后再试。", headers={"Retry-After": "10"})
    async with at_once:
        part = await file_part(call.request)
        name = _clean_name(part.filename or "")
        try:
            box = call.services.rulebook().sealing() if ticket.confidential else None
            seal = None if box is None else sealer(box, number)
            stored = await call.services.files.store(
                lambda: part.read_chunk(_PIECE), seal, accepts.media, accepts.bytes, by_anybody=accepts.by_anybody
            )
        except TooLarge:
            raise too_large(accepts.bytes or MAX_BYTES) from None
        except NotAccepted:
            kinds = "、".join(sorted(one.suffix[1:].upper() for one in accepts.media))
            raise Problem(415, "media_type", f"按内容判断不是可接受的文件（{kinds}）。") from None
        except MALFORMED:
            raise not_multipart() from None
    values = {
        "id": stored.id,
        "ticket": number,
        "name": _sealed_name(call, ticket, name),
        "media": stored.media.type,
        "bytes": stored.size,
        "sha256": stored.sha256,
        "sealed": ticket.confidential,
        "actor": by,
        "at": call.at,
    }
    try:
        async with call.transaction() as connection:
            now = await _writable(call, connection, number, who, accepts)
            if now.confidential != ticket.confidential:
                raise Problem(409, "changed", "工单已改为保密，请重新上传。")
            row = (await connection.execute(insert(attachments).values(values).returning(attachments))).one()
            detail = {"attachment": str(stored.id), "media": stored.media.type, "bytes": stored.size}
            entry = AuditEntry(call.at, by, "ticket.attach", f"ticket:{number}", detail, call.address, call.request_id)
            await record(connection, entry)
    except BaseException:
        call.services.files.remove(stored.id)
        raise
    return row


@routes.add("GET", "/tickets/{number}/attachments/{id}", "下载附件", needs=READ, media="application/octet-stream")
async def download(call: Call, path: AttachmentPath) -> Raw:
    query = select(attachments).where(attachments.c.ticket == path.number, attachments.c.id == path.id)
    async with call.transaction() as connection:
        await read(call, connection, path.number, "ticket.attachment", attachment=str(path.id))
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found()
    name = _name(call, row)
    media = KNOWN[row.media]
    headers = {
        "Content-Disposition": _disposition(f"{path.id}{media.suffix}", name),
        "Content-Type": media.type,
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    try:
        if row.sealed:
            unseal = unsealer(call.services.rulebook().sealing(), path.number)
            return Raw(web.Response(body=await call.services.files.load(path.id, unseal), headers=headers))
        if not call.services.files.path(path.id).is_file():
            raise FileNotFoundError
        return Raw(web.FileResponse(call.services.files.path(path.id), headers=headers))
    except FileNotFoundError:
        raise Problem(404, "file_lost", "附件文件已不在存储中。") from None


async def _writable(call: Call, connection: AsyncConnection, number: str, who: Actor, accepts: Accepts) -> Ticket:
    """Locked: two uploads at once count each other."""
    ticket = await book.lock(connection, call.services.rulebook(), number, who)
    query = select(func.count()).where(attachments.c.ticket == number)
    if (await connection.scalar(query) or 0) >= accepts.files:
        raise Problem(409, "too_many_files", f"一个工单最多 {accepts.files} 个附件。")
    return ticket


def not_multipart() -> Problem:
    return Problem(400, "not_multipart", "不是有效或完整的 multipart/form-data。")


async def file_part(request: web.Request) -> BodyPartReader:
    """The one part called ``file``."""
    if request.content_type != "multipart/form-data" or not re.search(r"boundary=", request.headers["Content-Type"]):
        raise Problem(415, "media_type", "附件须以 multipart/form-data 上传。")
    try:
        part = await (await request.multipart()).next()
    except MALFORMED:
        raise not_multipart() from None
    if not isinstance(part, BodyPartReader) or part.name != "file":
        raise Problem(400, "no_file", "第一部分须是名为 file 的文件。")
    if part.headers.get("Content-Encoding") or part.headers.get("Content-Transfer-Encoding", "binary") != "binary":
        raise Problem(415, "media_type", "附件不得另行编码。")
    return part


def _clean_name(name: str) -> str:
    """What is left of a name that came from outside: no folders, no control or direction characters, 100 letters."""
    plain = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    plain = re.split(r"[/\\]", plain)[-1]
    kept = "".join(letter for letter in plain if unicodedata.category(letter)[0] != "C" and letter not in '<>:"|?*')
    return kept.strip(" .")[-100:] or "附件"


def _disposition(plain: str, name: str) -> str:
    """RFC 6266: the plain name for old clients, the real one in UTF-8. Never shown in the browser."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _sealed_name(call: Call, ticket: Ticket, name: str) -> str:
    return call.services.rulebook().sealing().seal(name, ticket.number) if ticket.confidential else name


def _name(call: Call, row: Any) -> str:
    return call.services.rulebook().sealing().open(row.name, row.ticket) if row.sealed else str(row.name)


def _out(call: Call, row: Any) -> AttachmentOut:
    return AttachmentOut(
        id=row.id,
        name=_name(call, row),
        media=row.media,
        bytes=row.bytes,
        sha256=bytes(row.sha256).hex(),
        actor=row.actor,
        at=row.at,
    )
