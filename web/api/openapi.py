"""The OpenAPI 3.1 document, made from the table of endpoints: it cannot say anything else than what is checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from web.api.auth import COOKIE, HTTPS_COOKIE
from web.api.endpoint import BASE, PUBLIC, Endpoint
from web.api.problem import MEDIA_TYPE, ProblemOut

_REF = "#/components/schemas/{model}"
_PLACES = {"path": "path", "query": "query", "headers": "header"}
_CSRF = (
    "用 Cookie 登录时，除 GET 外的请求须带 `X-Requested-With: hotline` 请求头。"
    f"`web.https` 开启时 Cookie 名为 `{HTTPS_COOKIE}`。"
)
_WORDS = {
    400: "不是有效的 JSON",
    401: "没有登录",
    403: "没有权限",
    404: "没有找到",
    408: "没有按时传完",
    409: "按规定不可以",
    412: "已被他人修改",
    413: "内容过大",
    415: "格式不接受",
    416: "范围超出文件",
    422: "内容不符合要求",
    428: "缺少 If-Match",
    429: "尝试过多",
    503: "暂时不可用",
}


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    schemas, components = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "12345 热线接口", "version": version, "description": "错误一律为 problem+json（RFC 9457）。"},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": BASE}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "登录所得或管理员发放的令牌"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": _CSRF},
            },
        },
    }


_Key = tuple[str, str]


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[_Key, Any], dict[str, Any]]:
    """The schema of each endpoint's parts and answer by (operation, part), and what they refer to."""
    problem: TypeAdapter[Any] = TypeAdapter(ProblemOut)
    inputs: list[tuple[_Key, JsonSchemaMode, TypeAdapter[Any]]] = [(("", "problem"), "serialization", problem)]
    for endpoint in endpoints:
        inputs += [((endpoint.name, part), "validation", adapter) for part, adapter in endpoint.parts.items()]
        if endpoint.answer is not None:
            inputs.append(((endpoint.name, "answer"), "serialization", endpoint.answer))
        if endpoint.events is not None:
            inputs.append(((endpoint.name, "events"), "serialization", endpoint.events))
    found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return {key: schema for (key, _), schema in found.items()}, shared.get("$defs", {})


def _operation(endpoint: Endpoint, schemas: dict[_Key, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": _permissions(endpoint),
        "responses": _responses(endpoint, schemas),
    }
    parameters = [
        parameter
        for part, place in _PLACES.items()
        if (endpoint.name, part) in schemas
        for parameter in _parameters(place, _resolved(schemas[endpoint.name, part], endpoint.parts[part]))
    ]
    if parameters:
        made["parameters"] = parameters
    if (endpoint.name, "body") in schemas:
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[endpoint.name, "body"]}},
        }
    if endpoint.upload:
        made["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _UPLOAD}}}
    made["security"] = [] if endpoint.needs is PUBLIC else [{"bearer": []}, {"cookie": []}]
    return made


_UPLOAD = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
}


def _permissions(endpoint: Endpoint) -> str:
    if endpoint.needs is PUBLIC:
        return "不须登录。"
    if not endpoint.needs:
        return "须登录。"
    return "须有权限：" + " 或 ".join(f"`{permission}`" for permission in sorted(endpoint.needs))


def _resolved(schema: dict[str, Any], adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """The model itself where ``schema`` only refers to it."""
    return adapter.json_schema(ref_template=_REF) if "$ref" in schema else schema


def _parameters(place: str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": place == "path" or name in required,
            **({"description": one["description"]} if "description" in one else {}),
            "schema": _sent(one),
        }
        for name, one in schema["properties"].items()
    ]


def _sent(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or it is not: none has the value null."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if kept.get("default", "") is None:
        del kept["default"]
    if "anyOf" in kept:
        one = [option for option in kept.pop("anyOf") if option.get("type") != "null"]
        kept |= one[0] if len(one) == 1 else {"anyOf": one}
    return kept


def _responses(endpoint: Endpoint, schemas: dict[_Key, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.answer is not None and endpoint.status != 204:
        good["content"] = {"application/json": {"schema": schemas[endpoint.name, "answer"]}}
    elif endpoint.answer is None:
        # Of a stream: what each event's data is.
        events = schemas.get((endpoint.name, "events"))
        good["content"] = {endpoint.media: {} if events is None else {"schema": events}}
    problem = {MEDIA_TYPE: {"schema": schemas["", "problem"]}}
    found = {str(endpoint.status): good}
    for status in endpoint.statuses:
        found[str(status)] = {"description": _WORDS[status], "content": problem}
    return found


def aiohttp_path(path: str) -> str:
    """A segment never contains ``/``."""
    return BASE + re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", path)
