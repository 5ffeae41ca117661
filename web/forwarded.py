"""What a proxy of ours says of the request that it passes on."""

from __future__ import annotations

from aiohttp import web


def own_entry(request: web.Request, name: str) -> str:
    """Of a list such as ``X-Forwarded-For`` what the nearest proxy wrote: the last entry of the last line; the others
    came with the request and are claims. Proxies append to the line that is there or add another, which means the same
    (RFC 9110 5.3). Empty without one."""
    return ",".join(request.headers.getall(name, [])).rpartition(",")[2].strip()
