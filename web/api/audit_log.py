"""The audit log 审计, to be read. Reading it is written down as well."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

from people.audit import list_entries
from people.roles import Permission
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In, Page, page

routes = Routes("audit")
Word = Annotated[str, Field(max_length=200)]


class AuditOut(BaseModel):
    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]
    address: str
    request_id: str


class AuditQuery(In):
    actor: Word | None = None
    action: Word | None = None
    object: Word | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    after: Annotated[int | None, Field(ge=1, le=2**63 - 1, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@routes.add("GET", "/audit", "审计日志，新的在前", needs=(Permission.AUDIT_READ,))
async def show(call: Call, query: AuditQuery) -> Reply[Page[AuditOut]]:
    wanted = query.model_dump(exclude={"after", "limit"})
    async with call.transaction() as connection:
        found = await list_entries(connection, before=query.after, limit=query.limit, **wanted)
        asked = query.model_dump(mode="json", exclude_none=True, exclude={"limit"})
        await call.audit(connection, "audit.read", **asked)
    following = str(found[-1].id) if len(found) == query.limit else None
    items = [
        AuditOut(
            id=one.id,
            at=one.entry.at,
            actor=one.entry.actor,
            action=one.entry.action,
            object=one.entry.object,
            detail=dict(one.entry.detail),
            address=one.entry.address,
            request_id=one.entry.request_id,
        )
        for one in found
    ]
    return page(call, items, following)
