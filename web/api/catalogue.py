"""派单目录: which unit a matter belongs to, for pickers; and proposals for words that are no ticket yet."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from people.roles import Permission
from people.units import list_units
from tickets.catalogue import Entry, propose
from tickets.words import Category
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In

routes = Routes("catalogue")
_READ = (Permission.TICKET_CREATE, Permission.TICKET_ACCEPT, Permission.TICKET_REVIEW, Permission.TICKET_HANDLE)
MOST = 200


class CatalogueQuery(In):
    search: Annotated[str, Field(max_length=50, description="事项、关键词或单位中的词；空：全部")] = ""
    category: Category | None = None


class TopicOut(BaseModel):
    matter: str
    categories: list[Category]
    keywords: list[str]
    unit: str
    unit_name: Annotated[str, Field(description="空：没有这个单位，或已停用")]
    co_units: list[str]


class Topics(BaseModel):
    items: Annotated[list[TopicOut], Field(description=f"按目录的次序，最多 {MOST} 项；没有设置目录时为空")]
    more: Annotated[bool, Field(description="还有更多，请缩小范围")]


class TopicText(In):
    category: Category
    text: Annotated[str, Field(max_length=20_000, description="标题和内容")]


class TopicProposal(BaseModel):
    matter: str
    unit: str
    unit_name: str
    co_units: list[str]
    reason: Annotated[str, Field(description="如“内容中有“停水”：供水”")]


class TopicProposals(BaseModel):
    items: Annotated[list[TopicProposal], Field(description="最合适的在前，最多 10 项")]


@routes.add("GET", "/catalogue", "派单目录：事项和承办单位", needs=_READ)
async def topics(call: Call, query: CatalogueQuery) -> Reply[Topics]:
    async with call.transaction() as connection:
        catalogue = await call.catalogue(connection)
        if catalogue is None:
            return Reply(Topics(items=[], more=False))
        names = {unit.id: unit.name for unit in await list_units(connection, active_only=True)}
    found = [entry for entry in catalogue.entries if _fits(entry, query, names)]
    items = [
        TopicOut(
            matter=entry.matter,
            categories=entry.categories,
            keywords=entry.keywords,
            unit=entry.unit,
            unit_name=names.get(entry.unit, ""),
            co_units=entry.co_units,
        )
        for entry in found[:MOST]
    ]
    return Reply(Topics(items=items, more=len(found) > MOST))


def _fits(entry: Entry, query: CatalogueQuery, names: dict[str, str]) -> bool:
    if query.category is not None and query.category not in entry.categories:
        return False
    words = (entry.matter, *entry.keywords, entry.unit, names.get(entry.unit, ""))
    wanted = query.search.strip().casefold()
    return any(wanted in word.casefold() for word in words)


@routes.add("POST", "/catalogue/proposals", "这些话属于哪个单位（登记前）", needs=_READ)
async def proposals(call: Call, body: TopicText) -> Reply[TopicProposals]:
    async with call.transaction() as connection:
        catalogue = await call.catalogue(connection)
        if catalogue is None:
            return Reply(TopicProposals(items=[]))
        names = {unit.id: unit.name for unit in await list_units(connection, active_only=True)}
    found = propose(catalogue, body.text, body.category, names)
    items = [
        TopicProposal(
            matter=one.matter,
            unit=one.unit,
            unit_name=names[one.unit],
            co_units=[unit for unit in one.co_units if unit in names],
            reason=one.reason,
        )
        for one in found[:10]
    ]
    return Reply(TopicProposals(items=items))
