"""Malicious callers 恶意来电: the list, and what is proposed for it. Numbers are whole: who decides has to know."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from line import barred
from line.barred import Entry
from people.masking import mask_phone
from routing.number import normalise
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.line import MANAGE, IdPath, ListQuery, Reason
from web.api.page import In, Page, page
from web.api.problem import Fault, invalid_values

routes = Routes("barred_callers")


class BarredQuery(ListQuery):
    proposed: Annotated[bool, Field(description="只看系统建议、尚待决定的")] = False


class BarIn(In):
    number: Annotated[str, Field(min_length=3, max_length=32, examples=["13900001111"])]
    reason: Reason
    until: AwareDatetime


class DecideIn(In):
    bar: Annotated[bool, Field(description="列入名单，或不列入")]
    until: Annotated[AwareDatetime | None, Field(description="不写为按建议")] = None
    reason: Annotated[str, Field(max_length=200, description="不写为按建议")] = ""


class BarredOut(BaseModel):
    id: int
    number: str
    reason: str
    by: str
    at: datetime
    until: datetime
    proposed: Annotated[bool, Field(description="系统建议的，尚未列入名单")]
    lifted_at: datetime | None
    lifted_by: str


@routes.add("GET", "/line/barred", "恶意来电名单和待定的建议（记入审计日志）", needs=MANAGE)
async def list_barred(call: Call, query: BarredQuery) -> Reply[Page[BarredOut]]:
    async with call.transaction() as connection:
        found = await barred.page(
            connection, call.at, proposed=query.proposed, over=query.ended, before=query.after, limit=query.limit
        )
        await call.audit(connection, "barred.list", proposed=query.proposed)
    return page(call, [_out(one) for one in found], str(found[-1].id) if len(found) == query.limit else None)


@routes.add("POST", "/line/barred", "列入恶意来电名单", needs=MANAGE, status=201, problems=(409,))
async def bar(call: Call, body: BarIn) -> Reply[BarredOut]:
    number = normalise(body.number, area_code=call.services.area_code).e164
    if number is None:
        raise invalid_values([Fault(place="body/number", detail="不是可以识别来电的电话号码")])
    async with call.transaction() as connection:
        made = await barred.add(connection, number, body.reason, body.until, call.principal.actor, call.at)
        await call.audit(connection, "barred.add", mask_phone(number), entry=made.id, reason=body.reason)
    return Reply(_out(made))


@routes.add("POST", "/line/barred/{id}/lift", "从名单解除", needs=MANAGE)
async def lift(call: Call, path: IdPath) -> Reply[BarredOut]:
    async with call.transaction() as connection:
        ended = await barred.lift(connection, path.id, call.principal.actor, call.at)
        await call.audit(connection, "barred.lift", mask_phone(ended.number), entry=path.id)
    return Reply(_out(ended))


@routes.add("POST", "/line/barred/{id}/decision", "决定系统的建议", needs=MANAGE)
async def decide(call: Call, path: IdPath, body: DecideIn) -> Reply[BarredOut]:
    async with call.transaction() as connection:
        who, reason = call.principal.actor, body.reason.strip()
        decided = await barred.decide(
            connection, path.id, bar=body.bar, by=who, at=call.at, until=body.until, reason=reason
        )
        await call.audit(connection, "barred.decide", mask_phone(decided.number), entry=path.id, bar=body.bar)
    return Reply(_out(decided))


def _out(one: Entry) -> BarredOut:
    return BarredOut(**{name: getattr(one, name) for name in BarredOut.model_fields})
