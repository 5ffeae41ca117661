"""The HTTP side: the REST API below ``/api/v1``, and the health of every part for load balancers and monitoring."""

from __future__ import annotations

import asyncio
import contextlib
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
from web.health import Probe, mount_health
from web.limits import place_of
from web.live import Live
from web.metrics import Scrape
from web.pages import mount_pages
from web.sip_socket import SipSocket
from web.streams import Streams

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
    mount_health(app, probes)
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
