"""A request's parts, read with limits and validated. Raises :class:`web.api.problem.Problem`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from multidict import MultiMapping
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from web.api.endpoint import Endpoint
from web.api.problem import Fault, Problem, invalid, invalid_values

MAX_BODY = 1 << 20
"""The longest text is 20,000 characters, and a command has two of them."""
BODY_SECONDS = 10.0
_NUL = "含有空字符（NUL），不能保存"


async def read_parts(endpoint: Endpoint, request: web.Request) -> dict[str, Any]:
    """Keyword arguments of the handler."""
    found: dict[str, Any] = {}
    for name, adapter in endpoint.parts.items():
        if name == "body":
            found[name] = _validate_json("body", adapter, await read_json(request))
        else:
            found[name] = _validate(name, adapter, _plain(name, adapter, request, endpoint.lists))
    return found


def _plain(name: str, adapter: TypeAdapter[Any], request: web.Request, lists: frozenset[str]) -> dict[str, Any]:
    if name == "path":
        return _collect(name, request.match_info.items(), frozenset())
    if name == "query":
        return _collect(name, request.query.items(), lists)
    return _headers(adapter, request.headers)


def _collect(name: str, pairs: Iterable[tuple[str, str]], lists: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and key not in lists:
            raise invalid_values([Fault(place=f"{name}/{key[:50]}", detail="只能出现一次")])
        if "\0" in key or "\0" in value:
            raise invalid_values([Fault(place=name, detail=_NUL)])
        if key in lists:
            found.setdefault(key, []).append(value)
        else:
            found[key] = value
    return found


def _headers(adapter: TypeAdapter[Any], headers: MultiMapping[str]) -> dict[str, Any]:
    """Those that the model names; others are none of ours."""
    names = [field.alias or name for name, field in adapter._type.model_fields.items()]
    found: dict[str, Any] = {}
    for name in names:
        values = headers.getall(name, [])
        if len(values) > 1:
            raise invalid_values([Fault(place=f"header/{name}", detail="只能出现一次")])
        if values:
            found[name] = values[0]
    return found


async def read_json(request: web.Request) -> bytes:
    """The body, if it is JSON in UTF-8 (RFC 8259, section 8.1) that PostgreSQL can hold."""
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
        raise Problem(
            415, "media_type", "只接受 UTF-8 编码的 application/json。", headers={"Accept": "application/json"}
        )
    body = await read_body(request)
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Problem(400, "not_json", "请求内容不是有效的 JSON（UTF-8）。") from None
    if _has_nul(value):
        raise invalid_values([Fault(place="body", detail=_NUL)])
    return body


async def read_body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Problem(408, "slow", "请求内容没有按时传完。", headers={"Connection": "close"}) from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large(request.client_max_size) from None


def too_large(limit: int) -> Problem:
    size = f"{limit >> 20} MB" if limit >> 20 else f"{limit >> 10} KB"
    return Problem(413, "too_large", f"请求内容超过 {size}。")


def _has_nul(value: Any) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict):
            stack.extend(one.keys())
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return False


def _validate(name: str, adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise invalid(name, error) from None


def _validate_json(name: str, adapter: TypeAdapter[Any], value: bytes) -> Any:
    try:
        return adapter.validate_json(value)
    except ValidationError as error:
        raise invalid(name, error) from None
