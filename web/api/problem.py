"""Errors as people and programs read them: ``application/problem+json`` (RFC 9457), ``detail`` in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

MEDIA_TYPE = "application/problem+json"
MAX_FAULTS = 20


class Fault(BaseModel):
    """One wrong value of a request."""

    place: str = Field(description="such as `body/unit`, `query/limit`")
    detail: str


class ProblemOut(BaseModel):
    """RFC 9457, section 3.1; the members after ``instance`` are extensions (section 3.2)."""

    type: str = Field(description="`urn:hotline:problem:` and the code below")
    title: str
    status: int
    detail: str = Field(description="中文说明，可直接给人看")
    instance: str = Field(description="path of the request")
    code: str
    request_id: str
    errors: list[Fault] = Field(default=[], description="what was wrong with the request, at most 20")
    articles: list[str] = Field(default=[], description="条款，如 第十八条")


class Problem(Exception):
    """Raised anywhere in a handler; becomes the answer. ``code`` is what programs tell problems apart by."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[Fault] | None = None,
        articles: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.articles = articles or []
        self.headers = dict(headers or {})

    def response(self, path: str, request_id: str) -> web.Response:
        out = ProblemOut(
            type=f"urn:hotline:problem:{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            instance=path,
            code=self.code,
            request_id=request_id,
            errors=self.errors,
            articles=self.articles,
        )
        body = out.model_dump_json(exclude_defaults=True).encode()
        return web.Response(body=body, status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


def not_found() -> Problem:
    """Also the answer for what one may not know to exist."""
    return Problem(404, "not_found", "没有找到，或者无权查看。")


def forbidden(detail: str = "没有这项权限。") -> Problem:
    return Problem(403, "forbidden", detail)


def invalid(part: str, error: ValidationError) -> Problem:
    """422 for a request of which ``part`` (``body``, ``query``, ``path``, ``header``) does not fit its model."""
    faults = error.errors(include_url=False, include_context=True, include_input=False)
    errors = [Fault(place="/".join([part, *map(str, fault["loc"])]), detail=_chinese(fault)) for fault in faults]
    return invalid_values(errors[:MAX_FAULTS])


def invalid_values(errors: list[Fault]) -> Problem:
    detail = "；".join(f"{fault.place}：{fault.detail}" for fault in errors[:3])
    return Problem(422, "invalid", f"提交的内容不符合要求。{detail}", errors=errors)


_CHINESE: Mapping[str, str] = {
    "missing": "必须填写",
    "extra_forbidden": "没有这一项",
    "string_type": "应为文字",
    "string_too_short": "至少{min_length}个字符",
    "string_too_long": "最多{max_length}个字符",
    "string_pattern_mismatch": "格式不正确",
    "string_unicode": "含有不能保存的字符",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "greater_than_equal": "不得小于{ge}",
    "less_than_equal": "不得大于{le}",
    "enum": "只能是 {expected}",
    "literal_error": "只能是 {expected}",
    "too_long": "最多{max_length}项",
    "too_short": "至少{min_length}项",
    "union_tag_invalid": "只能是 {expected_tags}",
    "union_tag_not_found": "缺少 {discriminator}",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "dict_type": "应为对象",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "timezone_aware": "时间须带时区",
    "value_error": "{error}",
}


def _chinese(fault: ErrorDetails) -> str:
    """Never repeats the value: it may be a password."""
    context: dict[str, Any] = fault.get("ctx", {})
    known = {key: value for key, value in context.items() if value is not PydanticUndefined}
    try:
        return _CHINESE[fault["type"]].format(**known)
    except KeyError:
        return "时间格式不正确" if fault["type"].startswith(("date", "time")) else "内容不正确"
