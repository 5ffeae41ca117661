"""The HTTP side: so far the health of every part, for load balancers, containers and monitoring."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

Probe = Callable[[], Awaitable[bool]]
PROBE_SECONDS = 3.0
PROBES: web.AppKey[Mapping[str, Probe]] = web.AppKey("probes")


def create_app(probes: Mapping[str, Probe]) -> web.Application:
    """``probes`` tells for each part whether it works now."""
    app = web.Application(client_max_size=64 * 1024)
    app[PROBES] = probes
    app.router.add_get("/health", health)
    return app


async def health(request: web.Request) -> web.Response:
    """``{"ok": true, "parts": {"database": true, ...}}``; 200 when every part works, else 503."""
    probes = request.app[PROBES]
    results = await asyncio.gather(*(_run(probe) for probe in probes.values()))
    parts = dict(zip(probes, results, strict=True))
    ok = all(results)
    return web.json_response({"ok": ok, "parts": parts}, status=200 if ok else 503, dumps=json.dumps)


async def _run(probe: Probe) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()
    except Exception:  # whatever is wrong with a part, the answer is: it does not work
        return False
