"""Campaigns 回访任务: planned as drafts, begun, held and ended; who is on their lists, and how far they are."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import draft, manage, number_file, store
from callback.campaign import Campaign, NewCampaign, Rules
from callback.manage import Act
from callback.number_file import BadFile, Numbers
from callback.progress import Standing, standings
from callback.words import CampaignState, TargetState
from people.masking import mask_phone
from people.roles import Permission
from web.api.attachments import MALFORMED, file_part, not_multipart
from web.api.call import Call, Reply
from web.api.campaign_view import (
    SHOWN,
    CampaignOut,
    LoadedOut,
    PersonOut,
    PreviewOut,
    RejectedOut,
    StandingOut,
    StatusOut,
    campaign_out,
    person_out,
    preview_out,
    standing_out,
)
from web.api.endpoint import Routes
from web.api.page import In, Page, PageQuery, page
from web.api.problem import Fault, Problem, invalid_values
from web.api.reading import too_large

routes = Routes("callbacks")
READ = (Permission.CALLBACK_READ,)
MANAGE = (Permission.CALLBACK_MANAGE,)
_PLAN_SECONDS = 120.0
_PIECE = 1 << 16
_reading = asyncio.Semaphore(1)
"""A long list takes a processor for some seconds: one at a time."""


class CampaignPath(In):
    id: Annotated[int, Field(ge=1, le=2**63 - 1)]


class CampaignQuery(In):
    state: Annotated[list[CampaignState], Field(default_factory=list, max_length=4, description="可多次给出")]


class Campaigns(BaseModel):
    items: list[CampaignOut]


class PeopleQuery(PageQuery):
    after: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$", description="`next` of the page before")] = None
    state: TargetState | None = None


class ActIn(In):
    do: Act


class RulesIn(In):
    rules: Rules


@routes.add("GET", "/callbacks/campaigns", "回访任务", needs=READ)
async def list_campaigns(call: Call, query: CampaignQuery) -> Reply[Campaigns]:
    async with call.transaction() as connection:
        found = await store.list_campaigns(connection, query.state)
    return Reply(Campaigns(items=[campaign_out(one) for one in found]))


@routes.add(
    "POST",
    "/callbacks/campaigns",
    "计划回访任务（草稿，不拨打）",
    needs=MANAGE,
    status=201,
    problems=(409,),
    seconds=_PLAN_SECONDS,
)
async def plan(call: Call, body: NewCampaign) -> Reply[PreviewOut]:
    if body.survey not in call.services.surveys:
        known = "、".join(sorted(call.services.surveys))
        raise invalid_values([Fault(place="body/survey", detail=f"没有这个问卷；现有：{known}")])
    async with call.transaction() as connection:
        services = call.services
        made = await draft.make(
            connection, services.rulebook(), body, None, call.principal.actor, call.at, services.area_code
        )
        await call.audit(connection, "callback.plan", f"campaign:{made.campaign.id}", name=made.campaign.name)
    return Reply(preview_out(made), {"Location": f"{call.request.path}/{made.campaign.id}"})


@routes.add("GET", "/callbacks/campaigns/{id}", "查看回访任务", needs=READ)
async def show(call: Call, path: CampaignPath) -> Reply[PreviewOut]:
    async with call.transaction() as connection:
        found = await store.find_campaign(connection, path.id)
        made = await draft.preview(connection, call.services.rulebook(), found, call.at)
    return Reply(preview_out(made))


@routes.add("PUT", "/callbacks/campaigns/{id}/rules", "修改拨打规则", needs=MANAGE, problems=(409,))
async def edit(call: Call, path: CampaignPath, body: RulesIn) -> Reply[CampaignOut]:
    async with call.transaction() as connection:
        changed = await manage.edit(connection, path.id, body.rules)
        rules = body.rules.model_dump(mode="json", exclude_defaults=True)
        await call.audit(connection, "callback.edit", f"campaign:{path.id}", **rules)
    return Reply(campaign_out(changed))


@routes.add("POST", "/callbacks/campaigns/{id}/actions", "开始、暂停、继续、结束", needs=MANAGE, problems=(409,))
async def act(call: Call, path: CampaignPath, body: ActIn) -> Reply[PreviewOut]:
    async with call.transaction() as connection:
        changed = await manage.act(connection, path.id, body.do, call.at)
        await call.audit(connection, f"callback.{body.do}", f"campaign:{path.id}", name=changed.name)
        made = await draft.preview(connection, call.services.rulebook(), changed, call.at)
    return Reply(preview_out(made))


@routes.add("DELETE", "/callbacks/campaigns/{id}", "删除草稿", needs=MANAGE, status=204, problems=(409,))
async def discard(call: Call, path: CampaignPath) -> Reply[None]:
    async with call.transaction() as connection:
        gone = await manage.discard(connection, path.id)
        await call.audit(connection, "callback.discard", f"campaign:{path.id}", name=gone.name)
    return Reply(None)


@routes.add(
    "POST",
    "/callbacks/campaigns/{id}/numbers",
    "上传号码文件（CSV、XLSX，不超过 10 MB）",
    needs=MANAGE,
    problems=(409,),
    upload=True,
    seconds=_PLAN_SECONDS,
)
async def load(call: Call, path: CampaignPath) -> Reply[LoadedOut]:
    async with call.transaction() as connection:
        await store.find_campaign(connection, path.id)
    numbers = await _numbers(call)
    rulebook = call.services.rulebook()
    async with call.transaction() as connection:
        campaign = await store.find_campaign(connection, path.id)
        added = await draft.add_numbers(connection, rulebook, campaign, numbers, call.at)
        await call.audit(connection, "callback.numbers", f"campaign:{path.id}", added=added)
        made = await draft.preview(connection, rulebook, campaign, call.at)
    rejected = [
        RejectedOut(line=one.line, text=mask_phone(one.text), reason=one.reason) for one in numbers.rejected[:SHOWN]
    ]
    return Reply(
        LoadedOut(
            **preview_out(made).model_dump(),
            added=added,
            duplicates=numbers.duplicates,
            rejected=len(numbers.rejected),
            rejected_lines=rejected,
        )
    )


async def _numbers(call: Call) -> Numbers:
    part = await file_part(call.request)
    data = bytearray()
    try:
        while piece := await part.read_chunk(_PIECE):
            data += piece
            if len(data) > number_file.MAX_BYTES:
                raise too_large(number_file.MAX_BYTES)
    except MALFORMED:
        raise not_multipart() from None
    if _reading.locked():
        raise Problem(503, "busy", "正在读取另一份号码文件，请稍后再试。", headers={"Retry-After": "10"})
    async with _reading:
        try:
            return await asyncio.to_thread(number_file.read, bytes(data), call.services.area_code)
        except BadFile as error:
            raise Problem(422, "bad_file", f"号码文件不能使用：{error}") from None


@routes.add("GET", "/callbacks/campaigns/{id}/people", "名单（号码脱敏）", needs=READ)
async def list_people(call: Call, path: CampaignPath, query: PeopleQuery) -> Reply[Page[PersonOut]]:
    async with call.transaction() as connection:
        await store.find_campaign(connection, path.id)
        after = int(query.after or 0)
        found = await manage.people(connection, path.id, query.state, after, query.limit)
    following = str(found[-1].id) if len(found) == query.limit else None
    return page(call, [person_out(one) for one in found], following)


@routes.add("GET", "/callbacks/status", "进行中的回访：进度、线路、速度", needs=READ)
async def status(call: Call) -> Reply[StatusOut]:
    async with call.transaction() as connection:
        campaigns = await store.list_campaigns(connection, (CampaignState.RUNNING, CampaignState.PAUSED))
        found = await _standings(call, connection, campaigns)
        lines = sum((await store.lines_in_use(connection)).values())
        held_back = await store.held_back(connection)
    items = [standing_out(one) for one in found]
    return Reply(StatusOut(lines=lines, cap=call.services.lines, held_back=held_back, campaigns=items))


@routes.add("GET", "/callbacks/campaigns/{id}/status", "一个回访任务的进度", needs=READ)
async def status_of(call: Call, path: CampaignPath) -> Reply[StandingOut]:
    async with call.transaction() as connection:
        [found] = await _standings(call, connection, [await store.find_campaign(connection, path.id)])
    return Reply(standing_out(found))


async def _standings(call: Call, connection: AsyncConnection, campaigns: list[Campaign]) -> list[Standing]:
    days = call.services.rulebook().days
    return await standings(connection, campaigns, call.services.lines, days.is_working_day, call.at)
