"""Long lists come in pages. A page says what the next begins with, in the body and as a Link header (RFC 8288)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from web.api.call import Call, Reply

Item = TypeVar("Item")


class In(BaseModel):
    """What comes in: a field that nobody knows is an error, not silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: Annotated[str | None, Field(description="`after` of the next page; null on the last")] = None


class PageQuery(In):
    after: Annotated[str | None, Field(max_length=300, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


def page(call: Call, items: Sequence[Item], following: str | None) -> Reply[Page[Item]]:
    headers = {}
    if following is not None:
        headers["Link"] = f'<{call.request.rel_url.update_query(after=following)}>; rel="next"'
    return Reply(Page(items=list(items), next=following), headers)
