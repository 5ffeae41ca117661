"""What callers are told before they get on: announcements 公告 and maintenance, switched on by a supervisor."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from line import announcements, spoken, switches
from line.announcements import MAX_TEXT, Announcement, NewAnnouncement
from line.faults import LineFault
from line.switches import On
from line.words import Switch
from people.roles import Permission
from web.api.attachments import MALFORMED, file_part, not_multipart
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In, Page, page
from web.api.problem import Problem, not_found
from web.api.reading import too_large
from web.api.services import Announcer

routes = Routes("line")
READ = (Permission.LINE_READ,)
MANAGE = (Permission.LINE_MANAGE,)
_SPEAK_SECONDS = 200.0
"""A long text on a busy machine."""
_PIECE = 1 << 16
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Reason = Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S", description="理由，记入审计日志")]


class IdPath(In):
    id: Id


class ListQuery(In):
    after: Annotated[Id | None, Field(description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    ended: Annotated[bool, Field(description="也列出已结束的")] = False


class AnnouncementIn(In):
    text: Annotated[
        str, Field(min_length=2, max_length=MAX_TEXT, pattern=r"\S", description="公告内容，由合成语音播报")
    ]
    ends_at: AwareDatetime
    starts_at: Annotated[AwareDatetime | None, Field(description="不写为现在")] = None
    topic: Annotated[str, Field(max_length=40, description="专题的代码或名称，如 供水；空：不限")] = ""
    district: Annotated[str, Field(max_length=10, description="区域，如 中山区；说了其他区域的不播；空：不限")] = ""
    sound: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$", description="已上传的录音，不用合成语音")] = ""


class AnnouncementOut(BaseModel):
    id: int
    on: Annotated[bool, Field(description="正在播放")]
    text: str
    topic: str
    district: str
    starts_at: datetime
    ends_at: datetime
    by: str
    off_at: datetime | None
    off_by: str
    heard: Annotated[int, Field(description="听到的来电数")]
    informed: Annotated[int, Field(description="其中听后挂机、不再转接的")]


class SoundOut(BaseModel):
    sound: Annotated[str, Field(description="开启公告时填入 `sound`")]
    seconds: float


class MaintenanceIn(In):
    reason: Reason
    until: Annotated[AwareDatetime | None, Field(description="不写为直到关闭")] = None


class MaintenanceOut(BaseModel):
    on: bool
    reason: str = ""
    by: str = ""
    since: datetime | None = None
    until: datetime | None = None


@routes.add("GET", "/line/announcements", "公告", needs=READ)
async def list_announcements(call: Call, query: ListQuery) -> Reply[Page[AnnouncementOut]]:
    async with call.transaction() as connection:
        found = await announcements.page(connection, call.at, over=query.ended, before=query.after, limit=query.limit)
    following = str(found[-1].id) if len(found) == query.limit else None
    return page(call, [_out(one, call.at) for one in found], following)


@routes.add(
    "POST",
    "/line/announcements",
    "开启公告（合成语音，需要几秒）",
    needs=MANAGE,
    status=201,
    problems=(409,),
    seconds=_SPEAK_SECONDS,
)
async def switch_on(call: Call, body: AnnouncementIn) -> Reply[AnnouncementOut]:
    text = announcements.checked_text(body.text)
    topic = announcements.checked_topic(body.topic)
    district = announcements.checked_district(body.district)
    starts_at = body.starts_at or call.at
    announcements.check_times(starts_at, body.ends_at, call.at)
    sound = body.sound or (await _announcer(call).speak(text)).name
    if body.sound and not _announcer(call).has(sound):
        raise LineFault("sound", "没有这段录音，请先上传")
    new = NewAnnouncement(text, sound, starts_at, body.ends_at, topic, district)
    async with call.transaction() as connection:
        made = await announcements.switch_on(connection, new, call.principal.actor, call.at)
        until = body.ends_at.isoformat()
        await call.audit(connection, "announcement.on", f"announcement:{made.id}", text=text, until=until)
    return Reply(_out(made, call.at))


@routes.add("POST", "/line/announcements/{id}/off", "关闭公告", needs=MANAGE)
async def switch_off(call: Call, path: IdPath) -> Reply[AnnouncementOut]:
    async with call.transaction() as connection:
        ended = await announcements.switch_off(connection, path.id, call.principal.actor, call.at)
        await call.audit(connection, "announcement.off", f"announcement:{path.id}")
    return Reply(_out(ended, call.at))


@routes.add(
    "POST",
    "/line/sounds",
    "上传公告录音（WAV，8 kHz、单声道、16 位，不超过一分钟）",
    needs=MANAGE,
    status=201,
    upload=True,
    seconds=60.0,
)
async def upload(call: Call) -> Reply[SoundOut]:
    announcer = _announcer(call)
    part = await file_part(call.request)
    data = bytearray()
    try:
        while piece := await part.read_chunk(_PIECE):
            data += piece
            if len(data) > spoken.MAX_BYTES:
                raise too_large(spoken.MAX_BYTES)
    except MALFORMED:
        raise not_multipart() from None
    kept = await announcer.keep(bytes(data))
    async with call.transaction() as connection:
        await call.audit(connection, "announcement.sound", f"sound:{kept.name}", seconds=kept.seconds)
    return Reply(SoundOut(sound=kept.name, seconds=kept.seconds))


@routes.add("GET", "/line/maintenance", "维护模式", needs=READ)
async def show_maintenance(call: Call) -> Reply[MaintenanceOut]:
    async with call.transaction() as connection:
        return Reply(_maintenance(await switches.find(connection, Switch.MAINTENANCE, call.at)))


@routes.add("PUT", "/line/maintenance", "开启维护模式：只接通紧急求助，其余请留言", needs=MANAGE)
async def maintain(call: Call, body: MaintenanceIn) -> Reply[MaintenanceOut]:
    who = call.principal.actor
    async with call.transaction() as connection:
        made = await switches.switch_on(connection, Switch.MAINTENANCE, body.reason, body.until, who, call.at)
        until = body.until and body.until.isoformat()
        await call.audit(connection, "maintenance.on", "", reason=body.reason, until=until)
    return Reply(_maintenance(made))


@routes.add("DELETE", "/line/maintenance", "关闭维护模式", needs=MANAGE, problems=(404,))
async def resume(call: Call) -> Reply[MaintenanceOut]:
    async with call.transaction() as connection:
        if not await switches.switch_off(connection, Switch.MAINTENANCE):
            raise not_found()
        await call.audit(connection, "maintenance.off")
    return Reply(_maintenance(None))


def _announcer(call: Call) -> Announcer:
    if call.services.announcer is None:
        raise Problem(503, "no_voice", "本服务不能播报公告。")
    return call.services.announcer


def _out(one: Announcement, at: datetime) -> AnnouncementOut:
    fields = {name: getattr(one, name) for name in AnnouncementOut.model_fields if name != "on"}
    return AnnouncementOut(on=one.is_on(at), **fields)


def _maintenance(found: On | None) -> MaintenanceOut:
    if found is None:
        return MaintenanceOut(on=False)
    return MaintenanceOut(on=True, reason=found.reason, by=found.by, since=found.since, until=found.until)
