"""``GET /health``: whether every part works, for load balancers and monitoring. Anybody may ask, as often as they like:
however many do, a part is asked once at a time, and what it said holds for a moment."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

Probe = Callable[[], Awaitable[bool]]
PROBE_SECONDS = 3.0
HOLDS_SECONDS = 2.0
_PARTS: web.AppKey[Mapping[str, Probe]] = web.AppKey("parts")


def mount_health(app: web.Application, probes: Mapping[str, Probe]) -> None:
    """``probes`` tells for each part whether it works now."""
    parts: Mapping[str, Probe] = {part: Shared(probe) for part, probe in probes.items()}
    app[_PARTS] = parts
    app.router.add_get("/health", _health)
    app.router.add_get("/health/{part}", _health_of_part)


@dataclass(slots=True)
class Shared:
    """One run for all who ask meanwhile and for :data:`HOLDS_SECONDS` after it."""

    probe: Probe
    clock: Callable[[], float] = time.monotonic
    _run: asyncio.Task[bool] | None = None
    _until: float = float("-inf")

    async def __call__(self) -> bool:
        if self._run is None or (self._run.done() and self.clock() >= self._until):
            self._run = asyncio.create_task(self._ask())
        return await asyncio.shield(self._run)

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                works = await self.probe()
        except Exception:  # whatever is wrong with a part, the answer is: it does not work
            works = False
        self._until = self.clock() + HOLDS_SECONDS
        return works


async def _health(request: web.Request) -> web.Response:
    """``{"ok": true, "parts": {"database": true, ...}}``; 200 when every part works, else 503."""
    probes = request.app[_PARTS]
    results = await asyncio.gather(*(probe() for probe in probes.values()))
    parts = dict(zip(probes, results, strict=True))
    ok = all(results)
    return web.json_response({"ok": ok, "parts": parts}, status=200 if ok else 503, dumps=json.dumps)


async def _health_of_part(request: web.Request) -> web.Response:
    """``{"ok": true, "part": "voice"}``, 200 or 503; 404 for a part that is none. ``web`` is the one that answers."""
    part, probes = request.match_info["part"], request.app[_PARTS]
    if part not in {"web", *probes}:
        raise web.HTTPNotFound(text=f"parts: {', '.join(['web', *probes])}\n")
    ok = part == "web" or await probes[part]()
    return web.json_response({"ok": ok, "part": part}, status=200 if ok else 503, dumps=json.dumps)
