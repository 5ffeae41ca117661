"""The HTTP side: the REST API below ``/api/v1``, and the health of every part for load balancers and monitoring."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from web.api.auth import SignedIn
from web.api.call import address_of
from web.api.openapi import document
from web.api.reading import MAX_BODY
from web.api.services import Services
from web.api.serving import mount
from web.api.table import ENDPOINTS
from web.files import Files
from web.limits import place_of
from web.live import Live
from web.metrics import Scrape
from web.pages import mount_pages
from web.sip_socket import SipSocket
from web.streams import Streams

Probe = Callable[[], Awaitable[bool]]
PROBE_SECONDS = 3.0
PROBES: web.AppKey[Mapping[str, Probe]] = web.AppKey("probes")
VERSION = "1"


@cache
def api_document() -> dict[str, Any]:
    return document(ENDPOINTS, VERSION)


def create_app(
    probes: Mapping[str, Probe], services: Services, metrics: Scrape | None = None, pages: Path | None = None
) -> web.Application:
    """``probes`` tells for each part whether it works now. ``pages``: the built front end's folder, None for an API
    alone. The live events run as long as the application."""
    app = web.Application(client_max_size=MAX_BODY)
    app[PROBES] = probes
    app.router.add_get("/health", health)
    app.router.add_get("/health/{part}", health_of_part)
    if metrics is not None:
        app.router.add_get("/metrics", metrics.answer)
    mount(app, ENDPOINTS, services)
    if services.sip_socket:
        _telephones(app, services)
    if pages is not None:
        mount_pages(app, pages, https=services.https)
    app.on_startup.append(_sweep(services.files))
    app.cleanup_ctx.append(_live(services.live))
    app.on_shutdown.append(_close(services.live))
    app.on_shutdown.append(_close(services.words))
    return app


def _telephones(app: web.Application, services: Services) -> None:
    sockets = SipSocket(
        services.sip_socket,
        SignedIn(services),
        lambda request: place_of(address_of(request, services.proxies)),
        https=services.https,
    )
    app.router.add_get("/ws", sockets.answer)
    app.cleanup_ctx.append(sockets.run)
    app.on_shutdown.append(sockets.close)


def _sweep(files: Files) -> Callable[[web.Application], Awaitable[None]]:
    async def sweep(app: web.Application) -> None:
        await asyncio.to_thread(files.sweep)

    return sweep


def _live(live: Live) -> Callable[[web.Application], AsyncIterator[None]]:
    async def run(app: web.Application) -> AsyncIterator[None]:
        listening = asyncio.create_task(live.run())
        yield
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening

    return run


def _close(streams: Live | Streams) -> Callable[[web.Application], Awaitable[None]]:
    """Streams end before the server waits for its requests to end."""

    async def close(app: web.Application) -> None:
        streams.close()

    return close


async def health(request: web.Request) -> web.Response:
    """``{"ok": true, "parts": {"database": true, ...}}``; 200 when every part works, else 503."""
    probes = request.app[PROBES]
    results = await asyncio.gather(*(_run(probe) for probe in probes.values()))
    parts = dict(zip(probes, results, strict=True))
    ok = all(results)
    return web.json_response({"ok": ok, "parts": parts}, status=200 if ok else 503, dumps=json.dumps)


async def health_of_part(request: web.Request) -> web.Response:
    """``{"ok": true, "part": "voice"}``, 200 or 503; 404 for a part that is none. ``web`` is the one that answers."""
    part, probes = request.match_info["part"], request.app[PROBES]
    if part not in {"web", *probes}:
        raise web.HTTPNotFound(text=f"parts: {', '.join(['web', *probes])}\n")
    ok = part == "web" or await _run(probes[part])
    return web.json_response({"ok": ok, "part": part}, status=200 if ok else 503, dumps=json.dumps)


async def _run(probe: Probe) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()
    except Exception:  # whatever is wrong with a part, the answer is: it does not work
        return False
