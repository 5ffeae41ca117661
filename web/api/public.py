"""Citizens 市民: a request by the web, with photos; a telephone in the browser. Nobody has to be signed in."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from people.secrets_box import BoxFault
from routing.number import normalise
from tickets import book
from tickets.ticket import NewRequest
from tickets.words import Category
from web.api.attachments import Accepts, receive
from web.api.call import Call, Reply
from web.api.citizens import PHONE, PHOTO, SAYS, SENDS, SUBMIT, as_citizen, note, spend
from web.api.endpoint import PUBLIC, Routes
from web.api.idempotency import once
from web.api.page import In
from web.api.problem import Fault, Problem, invalid_values
from web.api.tickets import CreateHeaders
from web.files import NoRoom
from web.media import JPEG, PNG
from web.tables import attachments

log = logging.getLogger(__name__)
routes = Routes("public")
PHOTOS = 3
PHOTO_BYTES = 10 << 20
PHOTO_TIME = timedelta(minutes=30)
A_DAY = 10
"""Requests by the web from one telephone number."""
_PHOTO = "public photo"
_UPLOAD_SECONDS = 120.0
_uploads = asyncio.Semaphore(8)


class PublicRequest(In):
    category: Category
    content: Annotated[str, Field(min_length=5, max_length=2000, pattern=r"\S", description="要反映什么")]
    phone: Annotated[
        str,
        Field(min_length=5, max_length=25, description="联系电话；查询进度时须填它的后四位", examples=["13900001111"]),
    ]
    title: Annotated[str, Field(max_length=50)] = ""
    name: Annotated[str, Field(max_length=50)] = ""
    address: Annotated[str, Field(max_length=200, description="事情发生在哪里")] = ""
    area: Annotated[str, Field(max_length=50, description="区县")] = ""
    public: Annotated[bool, Field(description="答复可以公开")] = False
    website: Annotated[str, Field(max_length=200, description="须留空：人看不见这一栏")] = ""


class Submitted(BaseModel):
    number: Annotated[str, Field(description="工单编号；凭它和电话后四位查询进度")]
    last4: str
    photos: Annotated[str, Field(description="随后上传照片时放在 X-Photo-Token 请求头")]
    photos_until: datetime


class PhotoHeaders(In):
    token: Annotated[str, Field(alias="X-Photo-Token", min_length=20, max_length=500)]


class PhotoOut(BaseModel):
    media: Literal["image/jpeg", "image/png"]
    bytes: int
    left: Annotated[int, Field(description="还可上传几张")]


class WebPhoneOut(BaseModel):
    """For one call, to be begun before ``good_until``."""

    user: str
    password: str
    number: Annotated[str, Field(description="拨打的号码")]
    header: Annotated[str, Field(description="INVITE 中带令牌的头域名")]
    token: str
    good_until: datetime
    socket: Annotated[str, Field(description="本站的 WebSocket 地址（SIP）")]


@routes.add("POST", "/public/tickets", "市民网上提交诉求", needs=PUBLIC, status=201, problems=(409, 429))
async def submit(call: Call, headers: CreateHeaders, body: PublicRequest) -> Reply[Submitted]:
    if body.website:
        raise invalid_values([Fault(place="body/website", detail="须留空")])
    caller = normalise(body.phone, area_code=call.services.area_code)
    if caller.e164 is None or caller.kind not in ("mobile", "landline", "foreign"):
        raise invalid_values([Fault(place="body/phone", detail="不是可以回电的电话号码；固定电话请加区号")])
    await spend(call, SUBMIT)
    request = NewRequest(
        category=body.category,
        title=body.title,
        content=body.content,
        public=body.public,
        requester=body.name,
        caller=caller.display,
        caller_e164=caller.e164,
        address=body.address,
        area=body.area,
        channel="web",
    )
    async with call.transaction() as connection:

        async def work() -> Reply[Submitted]:
            return await _submit(call, connection, request)

        if headers.key is None:
            return await work()
        return await once(as_citizen(call), connection, headers.key, body, Submitted, work)


_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('web ' || :key, 0))")
_TODAY = text(
    "SELECT count(*) FROM tickets"
    " WHERE caller_key = :key AND channel = 'web' AND received_at > now() - interval '1 day'"
)


async def _submit(call: Call, connection: AsyncConnection, request: NewRequest) -> Reply[Submitted]:
    await connection.execute(_TURN, {"key": request.caller_key})
    if (await connection.scalar(_TODAY, {"key": request.caller_key}) or 0) >= A_DAY:
        raise Problem(409, "too_many_today", "这个电话号码今天提交的诉求已很多，请拨打12345继续反映。")
    ticket = await book.create(connection, call.services.rulebook(), request, SENDS, call.at)
    await note(call, connection, "public.submit", f"ticket:{ticket.number}")
    until = call.at + PHOTO_TIME
    token = call.services.rulebook().sealing().seal(json.dumps([ticket.number, until.isoformat()]), _PHOTO)
    last4 = "".join(filter(str.isdecimal, request.caller))[-4:]
    return Reply(Submitted(number=ticket.number, last4=last4, photos=token, photos_until=until))


@routes.add(
    "POST",
    "/public/photos",
    f"提交后附上照片（JPEG、PNG，最多 {PHOTOS} 张，每张不超过 {PHOTO_BYTES >> 20} MB）",
    needs=PUBLIC,
    status=201,
    problems=(403, 404, 409, 429),
    upload=True,
    seconds=_UPLOAD_SECONDS,
)
async def add_photo(call: Call, headers: PhotoHeaders) -> Reply[PhotoOut]:
    number = _photo_ticket(call, headers.token)
    await spend(call, PHOTO)
    async with call.transaction() as connection:
        today = await connection.scalar(_PHOTOS_TODAY, {"at": call.at}) or 0
    if today >= call.services.photos_a_day:
        log.warning("no photo taken: citizens have sent %d MB within a day (web.photos_mb_a_day)", today >> 20)
        raise _no_photos()
    accepts = Accepts(frozenset({JPEG, PNG}), PHOTO_BYTES, PHOTOS, by_anybody=True)
    try:
        row = await receive(call, number, SAYS, accepts, "citizen", _uploads)
    except NoRoom:
        log.warning("no photo taken: too little space is free for them (recording.min_free_mb)")
        raise _no_photos() from None
    async with call.transaction() as connection:
        held = await connection.scalar(select(func.count()).where(attachments.c.ticket == number)) or 0
    return Reply(PhotoOut(media=row.media, bytes=row.bytes, left=max(0, PHOTOS - held)))


_PHOTOS_TODAY = text(
    # By the requests that they belong to, which there is an index of.
    "SELECT sum(a.bytes)::bigint FROM tickets t JOIN attachments a ON a.ticket = t.number"
    " WHERE t.channel = 'web' AND t.received_at > CAST(:at AS timestamptz) - interval '25 hours'"
    " AND a.actor = 'citizen' AND a.at > CAST(:at AS timestamptz) - interval '1 day'"
)


def _no_photos() -> Problem:
    detail = "现在不能再接收照片。诉求已经登记，办理不受影响；需要补充请拨打12345。"
    return Problem(503, "no_photos", detail, headers={"Retry-After": "3600"})


def _photo_ticket(call: Call, token: str) -> str:
    """Whose photos: of the request that this token was given for, for half an hour."""
    expired = Problem(403, "photo_token", "上传照片的时间已过，请拨打12345补充。")
    try:
        number, until = json.loads(call.services.rulebook().sealing().open(token, _PHOTO))
    except (BoxFault, ValueError):
        raise expired from None
    if call.at >= datetime.fromisoformat(until):
        raise expired
    return str(number)


@routes.add("POST", "/public/phone", "网页电话：一次通话的账号", needs=PUBLIC, status=201, problems=(404, 429))
async def phone(call: Call) -> Reply[WebPhoneOut]:
    web_phone = call.services.web_phone
    if web_phone is None:
        raise Problem(404, "no_web_phone", "网页电话没有开通，请用电话拨打12345。")
    await spend(call, PHONE)
    given = web_phone.access()
    async with call.transaction() as connection:
        await note(call, connection, "public.phone")
    return Reply(
        WebPhoneOut(
            user=given.user,
            password=given.password,
            number=given.number,
            header=given.header,
            token=given.token,
            good_until=given.good_until,
            socket="/ws",
        )
    )
