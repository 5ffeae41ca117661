"""``GET /metrics`` for Prometheus, for those networks only that may see it."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from aiohttp import web

from web.forwarded import own_entry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@dataclass(frozen=True)
class Scrape:
    """``gather`` makes the text. ``allow``: networks, such as ``127.0.0.0/8``. ``proxies`` are believed when they say
    for whom they ask; what any other forwards is refused, or a proxy on this machine would show it to the world."""

    gather: Callable[[], Awaitable[bytes]]
    allow: Collection[str]
    proxies: frozenset[str] = frozenset()

    async def answer(self, request: web.Request) -> web.Response:
        if not self._may(request):
            raise web.HTTPForbidden(text="metrics are for the networks of web.metrics_allow\n")
        return web.Response(body=await self.gather(), headers={"Content-Type": CONTENT_TYPE})

    def _may(self, request: web.Request) -> bool:
        asking = request.remote or ""
        if any(name in request.headers for name in _FORWARDED):
            if asking not in self.proxies:
                return False
            asking = own_entry(request, "X-Forwarded-For")
        try:
            address = ipaddress.ip_address(asking)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in ipaddress.ip_network(one) for one in self.allow)
