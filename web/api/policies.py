"""The regulations as data, and trying one: what would be due when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from people.roles import Permission
from tickets.calendar import UnknownYear
from tickets.city_policy import city_policy
from tickets.due import NoSecondTier, due
from tickets.policy import Policy
from tickets.words import Category, LimitKind, chinese
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem, not_found
from web.api.tickets import Moment

routes = Routes("policies")
_READ = (Permission.POLICY_READ,)


class PolicyLine(BaseModel):
    name: str
    title: str
    number: str
    city: str
    effective: date
    default: Annotated[bool, Field(description="新工单适用")]


class Policies(BaseModel):
    items: list[PolicyLine]


class PolicyPath(In):
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]


class Trial(In):
    category: Category
    at: Moment
    urgent: bool = False
    is_complex: bool = False
    county: Annotated[bool, Field(description="转到县区")] = False
    stricter: Annotated[int | None, Field(ge=1, le=250, description="更短的法定时限（工作日）")] = None


class DueOut(BaseModel):
    kind: LimitKind
    name: str
    due: datetime
    article: str
    provisional: bool


class TrialOut(BaseModel):
    items: list[DueOut]


def _policy(call: Call, name: str) -> Policy:
    try:
        return call.services.rulebook().policy(name)
    except LookupError:
        raise not_found() from None


@routes.add("GET", "/policies", "各地办法", needs=_READ)
async def list_policies(call: Call) -> Reply[Policies]:
    book = call.services.rulebook()
    async with call.transaction() as connection:
        default = await city_policy(connection, book, call.at) or book.default
    items = [
        PolicyLine(
            name=name,
            title=policy.title,
            number=policy.number,
            city=policy.city,
            effective=policy.effective,
            default=name == default,
        )
        for name, policy in sorted(book.policies.items())
    ]
    return Reply(Policies(items=items))


@routes.add("GET", "/policies/{name}", "一个办法的全部规则，附条款和原文", needs=_READ)
async def show(call: Call, path: PolicyPath) -> Reply[Policy]:
    return Reply(_policy(call, path.name))


@routes.add("POST", "/policies/{name}/due", "试算：此刻转办，各项时限何时到期", needs=_READ)
async def try_due(call: Call, path: PolicyPath, body: Trial) -> Reply[TrialOut]:
    try:
        found = due(
            _policy(call, path.name),
            call.services.rulebook().days,
            body.at,
            body.category,
            urgent=body.urgent,
            is_complex=body.is_complex,
            county=body.county,
            stricter=body.stricter,
        )
    except (NoSecondTier, UnknownYear) as error:
        raise Problem(422, "no_date", f"{error}。") from None
    items = [
        DueOut(kind=kind, name=chinese(kind), due=one.at, article=one.article, provisional=one.provisional)
        for kind, one in found.items()
    ]
    return Reply(TrialOut(items=items))
