"""Live events (text/event-stream, WHATWG HTML section 9.2): what happens to the tickets one may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated

from aiohttp import web
from pydantic import Field

from tickets.history import FeedEvent
from tickets.told import event_name
from web.api.auth import still_admitted
from web.api.call import Call, Raw
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem
from web.api.tickets import READ
from web.live import CutOff, TooMany

routes = Routes("events")

HEARTBEAT_SECONDS = 15.0
_WRITE_SECONDS = 20.0
_RETRY_MS = 2_000


class EventHeaders(In):
    last: Annotated[
        int | None, Field(alias="Last-Event-ID", ge=0, le=2**63 - 1, description="从此之后接着收，不漏不重")
    ] = None


@routes.add("GET", "/events", "实时事件", needs=READ, media="text/event-stream", seconds=None)
async def stream(call: Call, headers: EventHeaders) -> Raw:
    """``event: ticket`` for each, ``event: reset`` when too much was missed; a heartbeat carries only the position.

    The stream ends when the client is too slow, the session is over, or the server goes: the client comes back with
    Last-Event-ID.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    live = call.services.live
    try:
        async with live.join(call.actor, headers.last) as joined:
            client = joined.client
            await response.prepare(call.request)
            await _write(response, f"retry: {_RETRY_MS}\n\n".encode() + _events(joined.missed))
            if joined.afresh:
                await _write(response, b"event: reset\ndata: {}\n\n")
            asked = monotonic()
            while joined.complete:
                await _write(response, _place(client.position))
                found = await client.next(HEARTBEAT_SECONDS)
                if not found or monotonic() - asked >= HEARTBEAT_SECONDS:
                    if not await still_admitted(call.services, call.token, call.principal, datetime.now(UTC)):
                        break
                    asked = monotonic()
                if found:
                    await _write(response, _events(found))
                live.note_position(client)
    except TooMany:
        raise Problem(503, "busy", "实时连接太多，请稍后再试。", headers={"Retry-After": "10"}) from None
    except (CutOff, TimeoutError, ConnectionError):
        pass
    return Raw(response)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """A client that takes nothing for so long is gone."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(data)


def _place(position: int) -> bytes:
    """An id without data is no event, but the client remembers it."""
    return f"id: {position}\n\n".encode()


def _events(events: Sequence[FeedEvent]) -> bytes:
    return b"".join(_event(one) for one in events)


def _event(one: FeedEvent) -> bytes:
    event = one.event
    data = {
        "position": one.position,
        "number": event.number,
        "kind": event.kind,
        "name": event_name(event.kind, event.data),
        "at": event.at.isoformat(),
        "actor": event.actor,
        "state": one.state,
        "unit": one.unit,
        "articles": list(event.articles),
    }
    return f"id: {one.position}\nevent: ticket\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
