"""What the endpoints for citizens share, who are nobody in particular: how often they may ask, and what is written."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from people.audit import AuditEntry, record
from people.principal import Principal
from tickets.permits import ANSWER, CONFIDENTIAL, CREATE, READ_ALL, Actor
from web.api.call import Call
from web.api.problem import Problem
from web.limits import Limit

SENDS = Actor("citizen", frozenset({CREATE}))
SAYS = Actor("citizen", frozenset({READ_ALL, ANSWER, CONFIDENTIAL}))
"""Of a ticket that the citizen has shown to be theirs."""
NUMBER = r"^[0-9]{8}-?[0-9]{1,12}$"
LastFour = Annotated[str, Field(pattern=r"^[0-9]{4}$", description="登记的联系电话的后四位")]
_NAME = "citizen"

SUBMIT = Limit("submit", of_one=10, of_all=300, seconds=3600)
PHOTO = Limit("photo", of_one=40, of_all=900, seconds=3600)
ENQUIRE = Limit("enquire", of_one=30, of_all=1200, seconds=600)
PHONE = Limit("phone", of_one=10, of_all=300, seconds=600)
SETUP = Limit("setup", of_one=10, of_all=60, seconds=600)


async def spend(call: Call, limit: Limit) -> None:
    """Raises Problem 429 when this address, or everybody together, asks too often. That it did so is written down once
    in the limit's time, and no oftener: asking on does not fill the audit log."""
    refused = call.services.limits.take(limit, call.address)
    if refused is None:
        return
    if refused.news:
        async with call.transaction() as connection:
            await note(call, connection, f"public.{limit.name}_limited", of_all=refused.of_all)
    detail = (
        "现在网上办理的人太多，请稍后再试，或拨打12345。"
        if refused.of_all
        else "操作过于频繁，请稍后再试，或拨打12345。"
    )
    raise Problem(429, "too_many", detail, headers={"Retry-After": str(max(1, math.ceil(refused.wait)))})


async def note(call: Call, connection: Any, action: str, about: str = "", /, **detail: Any) -> None:
    """In the audit log, by nobody in particular."""
    await record(connection, AuditEntry(call.at, _NAME, action, about, detail, call.address, call.request_id))


def as_citizen(call: Call) -> Call:
    """For what keeps apart who asks."""
    return replace(call, principal=Principal(0, _NAME, "", frozenset(), None, frozenset()))
