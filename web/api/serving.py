"""From the table of endpoints to aiohttp: admission, reading, the handler, the answer, and every error as a problem."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tickets.permits import NotAllowed
from web.api.auth import admit
from web.api.call import NOTHING, Call, Raw, Reply
from web.api.endpoint import BASE, Endpoint
from web.api.openapi import aiohttp_path
from web.api.problem import Problem
from web.api.reading import read_parts, too_large
from web.api.rooms import problem_of
from web.api.services import Services

log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def mount(app: web.Application, endpoints: Sequence[Endpoint], services: Services) -> None:
    """Serve ``endpoints`` below :data:`BASE`."""
    app.middlewares.append(_problems)
    app.on_response_prepare.append(_headers)
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, aiohttp_path(endpoint.path), _serve(endpoint, services))


def _serve(endpoint: Endpoint, services: Services) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        async with asyncio.timeout(endpoint.seconds):
            now = datetime.now(UTC)
            principal, token = await admit(endpoint, request, services, now) or (NOTHING, "")
            parts = await read_parts(endpoint, request)
            call = Call(request, services, principal, token, request[REQUEST_ID], now)
            try:
                return _write(endpoint, await endpoint.handler(call, **parts))
            except NotAllowed as refused:
                if refused.hidden:
                    await _note_refused(call, endpoint)
                raise

    return handle


async def _note_refused(call: Call, endpoint: Endpoint) -> None:
    """Who looks for what is not to be seen by them is told nothing, but it is written down; their own transaction was
    given up."""
    asked = call.request.match_info
    about = f"ticket:{asked['number']}" if "number" in asked else f"call:{asked.get('id', '')}"
    async with call.transaction() as connection:
        await call.audit(connection, "ticket.refused", about, endpoint=endpoint.name)


def _write(endpoint: Endpoint, answer: Reply[Any] | Raw) -> web.StreamResponse:
    if isinstance(answer, Raw):
        return answer.response
    status = answer.status or endpoint.status
    if status == 204:
        return web.Response(status=204, headers=answer.headers)
    if endpoint.answer is None:
        raise TypeError(f"{endpoint.name} answers with a Reply but does not say so")
    body = endpoint.answer.dump_json(answer.body, by_alias=True)
    return web.Response(body=body, status=status, content_type="application/json", headers=answer.headers)


@web.middleware
async def _problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    if not request.path.startswith(BASE + "/"):
        return await handler(request)
    request[REQUEST_ID] = secrets.token_hex(8)
    try:
        return await handler(request)
    except Problem as problem:
        found = problem
    except web.HTTPException as error:
        if error.status < 400:
            raise
        found = _of_aiohttp(error)
    except (OperationalError, InterfaceError, PoolTimeout, TimeoutError) as error:
        log.warning("%s %s: %s", request.method, request.path, " ".join(str(error).split())[:200])
        found = _unavailable()
    except DBAPIError as error:
        found = _unavailable() if error.connection_invalidated else _fault(request)
    except Exception as error:
        found = problem_of(error) or _fault(request)
    return found.response(request.path, request[REQUEST_ID])


def _fault(request: web.Request) -> Problem:
    """What went wrong is for the log; the answer says under which id it stands there."""
    log.exception("%s %s failed (request %s)", request.method, request.path, request[REQUEST_ID])
    return Problem(500, "fault", "系统内部出错，已记入日志。")


def _unavailable() -> Problem:
    return Problem(503, "unavailable", "系统繁忙或数据库暂时不可用，请稍后再试。", headers={"Retry-After": "5"})


def _of_aiohttp(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = {"Allow": ", ".join(sorted(error.allowed_methods))}
            return Problem(405, "method_not_allowed", "这个地址不支持这种请求方法。", headers=allowed)
        case web.HTTPRequestEntityTooLarge():
            return too_large(1 << 20)
        case web.HTTPNotFound():
            return Problem(404, "no_such_address", "没有这个地址。")
        case _:
            return Problem(error.status, "refused", "请求不能处理。")


async def _headers(request: web.Request, response: web.StreamResponse) -> None:
    if REQUEST_ID in request:
        response.headers["X-Request-ID"] = request[REQUEST_ID]
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
