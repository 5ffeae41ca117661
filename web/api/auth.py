"""Who is asking, and whether they may. A bearer token or the session's cookie."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from people import sessions, tokens
from people.opaque import digest
from people.principal import Principal
from web.api.endpoint import PUBLIC, Endpoint
from web.api.problem import Problem, forbidden
from web.api.services import Services
from web.forwarded import own_entry

COOKIE = "hotline_session"
HTTPS_COOKIE = f"__Host-{COOKIE}"
"""Browsers take a cookie of such a name from this very server by HTTPS alone (RFC 6265bis 4.1.3.2): no other host of
the same domain, nor anybody on the way, can put one of theirs in its place."""
_SAFE = ("GET", "HEAD")
_SIGNED_IN_SECONDS = 1.0
_REMEMBERED = 4000
"""Sessions by their digests; more than twice as many as there may be telephones of staff."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hotline"'}


def cookie_name(services: Services) -> str:
    return HTTPS_COOKIE if services.https else COOKIE


async def admit(
    endpoint: Endpoint, request: web.Request, services: Services, now: datetime
) -> tuple[Principal, str] | None:
    """The principal and what they showed; None where nobody has to be signed in. Raises Problem 401 or 403."""
    if endpoint.needs is PUBLIC:
        return None
    token = _token(request, services)
    principal = await _principal(services, token, now, stays=endpoint.seconds is None)
    if principal is None:
        raise Problem(401, "signed_out", "登录已失效，请重新登录。", headers=CHALLENGE)
    if endpoint.needs and principal.must_change:
        raise Problem(403, "password_change_required", "请先修改初始密码。")
    if endpoint.needs and not endpoint.needs & principal.permissions:
        raise forbidden()
    return principal, token


def _token(request: web.Request, services: Services) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    cookie = request.cookies.get(cookie_name(services), "")
    if not cookie:
        raise Problem(401, "signed_out", "请先登录。", headers=CHALLENGE)
    if request.method not in _SAFE:
        _same_site(request, services)
    return cookie


def _same_site(request: web.Request, services: Services) -> None:
    """A cookie is sent by the browser whoever wrote the page: another site's page cannot set a header of its own
    without asking first (which nothing here answers), and cannot change Sec-Fetch-Site or Origin."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    known = request.headers.get("X-Requested-With") == "hotline" and site in ("same-origin", "none")
    if not known or not is_our_origin(request, services):
        raise Problem(403, "cross_site", "请求缺少 X-Requested-With: hotline，或来自其他网站。")


def is_our_origin(request: web.Request, services: Services) -> bool:
    """Whether the page that asks came from this server, as far as the browser says where it came from. Behind a proxy
    of ours its X-Forwarded-Host is the name that the browser knows."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    hosts = {request.headers.get("Host", "")}
    if request.remote in services.proxies:
        hosts.add(own_entry(request, "X-Forwarded-Host"))
    scheme, mark, host = origin.partition("://")
    return mark != "" and scheme in ("http", "https") and host.lower() in {one.lower() for one in hosts if one}


async def still_admitted(services: Services, token: str, before: Principal, now: datetime) -> bool:
    """Whether the one who was admitted with ``token`` is so still, unchanged."""
    return await _principal(services, token, now, stays=True) == before


class SignedIn:
    """Whether the session of a request's cookie is one. What it decides is how many telephones there may be, and those
    must not need the database: where it does not answer in time, whoever was known last is known still. Of anybody else
    it is not known then: whoever makes many up at once must not be taken for staff because the database is busy."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, request: web.Request) -> bool | None:
        cookie = request.cookies.get(cookie_name(self._services), "")
        if not cookie:
            return False
        one = digest(cookie)
        try:
            async with asyncio.timeout(_SIGNED_IN_SECONDS):
                found = await _principal(self._services, cookie, datetime.now(UTC), stays=True) is not None
        except (SQLAlchemyError, OSError, TimeoutError):
            return True if one in self._known else None
        self._known.pop(one, None)
        if found:
            self._known[one] = None
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


async def _principal(services: Services, token: str, now: datetime, *, stays: bool) -> Principal | None:
    """With ``stays`` the session is not kept alive by it (what it writes is given up): a page left open is not a person
    at work."""
    async with services.engine.connect() as connection:
        principal = await _whose(connection, token, now)
        if not stays:
            await connection.commit()
    return principal


async def _whose(connection: AsyncConnection, token: str, now: datetime) -> Principal | None:
    if token.startswith(tokens.PREFIX):
        return await tokens.whose_token(connection, token, now)
    return await sessions.who(connection, token, now)
