"""What callbacks brought, as JSON, spreadsheet and picture; and the numbers that are not rung 免打扰名单."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import dnc, store
from callback.report import By, Figures, Report, Selection, make
from callback.report_chart import svg
from callback.report_sheet import xlsx
from callback.report_words import NOTE, summary
from people.masking import mask_phone
from people.units import list_units
from routing.number import normalise
from web.api.call import Call, Raw, Reply
from web.api.campaigns import MANAGE, READ
from web.api.endpoint import Routes
from web.api.page import In, Page, PageQuery, page
from web.api.problem import Fault, invalid_values, not_found

routes = Routes("callback_results")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SVG = "image/svg+xml"
_SECONDS = 60.0
Number = Annotated[str, Field(min_length=3, max_length=32, examples=["13900001111"])]
Rate = Annotated[float | None, Field(ge=0, le=1)]
_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)
Day = Annotated[date | None, Field(ge=_FIRST, le=_LAST)]


class ReportQuery(In):
    campaign: Annotated[int | None, Field(ge=1, le=2**63 - 1, description="一个任务；不写为全部")] = None
    first: Annotated[Day, Field(alias="from", description="应回访之日不早于（北京时间）")] = None
    last: Annotated[Day, Field(alias="to", description="不晚于")] = None
    by: By = By.UNIT


class FiguresOut(BaseModel):
    """Numbers of people: asked ≥ dialled ≥ reached ≥ answered ≥ rated ≥ satisfied. Shares beside, null of nobody."""

    asked: Annotated[int, Field(description="应回访")]
    waiting: Annotated[int, Field(description="其中待回访")]
    dialled: Annotated[int, Field(description="已拨打")]
    reached: Annotated[int, Field(description="接通")]
    answered: Annotated[int, Field(description="作答")]
    rated: Annotated[int, Field(description="作出满意度评价")]
    satisfied: Annotated[int, Field(description="满意，含基本满意")]
    solved: int
    unsolved: int
    opted_out: int
    dropped: int
    levels: dict[str, int]
    response_rate: Annotated[Rate, Field(description="评价/应回访")]
    reach_rate: Annotated[Rate, Field(description="接通/已拨打")]
    satisfied_of_rated: Annotated[Rate, Field(description="满意/评价：须与 `response_rate` 一并引用")]
    satisfied_at_least: Annotated[Rate, Field(description="满意/应回访：下限")]
    solved_of_answers: Rate
    solved_at_least: Rate


class RowOut(FiguresOut):
    key: str
    name: str


class ReportOut(BaseModel):
    by: By
    summary: Annotated[str, Field(description="一句话，评价率在内")]
    note: str
    total: FiguresOut
    rows: list[RowOut]
    answers: Annotated[dict[str, dict[str, int]], Field(description="各题回答的人数")]


class EntryOut(BaseModel):
    number: str
    reason: str
    by: str
    at: datetime


class NumberIn(In):
    number: Number


class EntryIn(NumberIn):
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")] = "本人要求"


class EntryQuery(PageQuery):
    after: Annotated[str | None, Field(pattern=r"^\+[0-9]{1,15}$", description="`next` of the page before")] = None


class Kept(BaseModel):
    number: str
    new: bool


@routes.add("GET", "/callbacks/report", "回访统计", needs=READ, seconds=_SECONDS)
async def report(call: Call, query: ReportQuery) -> Reply[ReportOut]:
    async with call.transaction() as connection:
        _, made = await _make(connection, query)
    rows = [RowOut(key=row.key, name=row.name, **_figures(row.figures)) for row in made.rows]
    total = FiguresOut(**_figures(made.total))
    return Reply(
        ReportOut(by=made.by, summary=summary(made.total), note=NOTE, total=total, rows=rows, answers=_plain(made))
    )


@routes.add("GET", "/callbacks/report.xlsx", "回访统计（Excel，含图）", needs=READ, seconds=_SECONDS, media=XLSX)
async def report_sheet(call: Call, query: ReportQuery) -> Raw:
    async with call.transaction() as connection:
        title, made = await _make(connection, query)
        await call.audit(connection, "callback.report", campaign=query.campaign, by=query.by)
    return _file(xlsx(made, title), XLSX, "callback-report.xlsx")


@routes.add("GET", "/callbacks/report.svg", "回访统计（图）", needs=READ, seconds=_SECONDS, media=SVG)
async def report_chart(call: Call, query: ReportQuery) -> Raw:
    async with call.transaction() as connection:
        _, made = await _make(connection, query)
    return _file(svg(made), SVG, "callback-report.svg")


async def _make(connection: AsyncConnection, query: ReportQuery) -> tuple[str, Report]:
    title = "全部回访任务"
    if query.campaign is not None:
        title = (await store.find_campaign(connection, query.campaign)).name
    names = {unit.id: unit.name for unit in await list_units(connection)}
    return title, await make(connection, Selection(query.campaign, query.first, query.last), query.by, names)


def _figures(one: Figures) -> dict[str, Any]:
    names = [name for name in FiguresOut.model_fields if name not in one.rates]
    return {**{name: getattr(one, name) for name in names}, **one.rates}


def _plain(made: Report) -> dict[str, dict[str, int]]:
    answers: Mapping[str, Mapping[str, int]] = made.answers
    return {question: dict(values) for question, values in answers.items()}


def _file(data: bytes, media: str, name: str) -> Raw:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Raw(web.Response(body=data, content_type=media, headers=headers))


# ---- numbers that are not rung ---------------------------------------------------------------------------------------


@routes.add("GET", "/callbacks/do-not-call", "免打扰名单（记入审计日志）", needs=MANAGE)
async def list_numbers(call: Call, query: EntryQuery) -> Reply[Page[EntryOut]]:
    async with call.transaction() as connection:
        found = await dnc.page(connection, query.after or "", query.limit)
        await call.audit(connection, "do_not_call.list")
    items = [EntryOut(number=one.number, reason=one.reason, by=one.by, at=one.at) for one in found]
    return page(call, items, found[-1].number if len(found) == query.limit else None)


@routes.add("POST", "/callbacks/do-not-call", "加入免打扰名单", needs=MANAGE)
async def add_number(call: Call, body: EntryIn) -> Reply[Kept]:
    number = _e164(call, body.number)
    async with call.transaction() as connection:
        new = await dnc.add(connection, number, body.reason, call.principal.actor, call.at)
        await call.audit(connection, "do_not_call.add", mask_phone(number))
    return Reply(Kept(number=number, new=new))


@routes.add("POST", "/callbacks/do-not-call/removals", "移出免打扰名单", needs=MANAGE, status=204, problems=(404,))
async def remove_number(call: Call, body: NumberIn) -> Reply[None]:
    number = _e164(call, body.number)
    async with call.transaction() as connection:
        if not await dnc.remove(connection, number):
            raise not_found()
        await call.audit(connection, "do_not_call.remove", mask_phone(number))
    return Reply(None)


def _e164(call: Call, number: str) -> str:
    found = normalise(number, area_code=call.services.area_code).e164
    if found is None:
        raise invalid_values([Fault(place="body/number", detail="不是可以拨打的电话号码")])
    return found
