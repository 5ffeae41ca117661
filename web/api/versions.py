"""ETags (RFC 9110, section 8.8.3): who changes a ticket says which version of it they saw."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from tickets.ticket import Ticket
from web.api.page import In
from web.api.problem import Problem

_TAG = re.compile(r'"([0-9]{8}-[0-9]{6,12})-([0-9]{1,9})"')


class IfMatch(In):
    if_match: Annotated[
        str | None, Field(alias="If-Match", max_length=100, description="须带：所见版本的 ETag（缺少时 428）")
    ] = None


def expected(headers: IfMatch, number: str) -> int:
    """The version of ``number`` that the caller saw. Raises Problem 428 (RFC 6585) or 412."""
    if headers.if_match is None:
        raise Problem(428, "if_match_required", "修改工单须带 If-Match 请求头（所见版本的 ETag）。")
    found = _TAG.fullmatch(headers.if_match)
    if found is None or found[1] != number:
        raise Problem(412, "changed", "If-Match 不是这个工单的 ETag，请重新读取。")
    return int(found[2])


def tag(ticket: Ticket) -> dict[str, str]:
    return {"ETag": ticket.etag}
