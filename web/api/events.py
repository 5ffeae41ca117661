"""Live events (text/event-stream, WHATWG HTML section 9.2): what happens to the tickets one may see, and with
``floor=true`` what happens on the telephones (:mod:`web.floor`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from routing.floor_rows import Floor
from tickets.history import FeedEvent
from tickets.told import event_name
from tickets.words import State
from web.api.auth import still_admitted
from web.api.call import Call, Raw
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem
from web.api.tickets import READ
from web.floor import FloorPatch, Floors, FloorSnapshot, Viewer, viewer
from web.live import CutOff, TooMany

routes = Routes("events")

HEARTBEAT_SECONDS = 15.0
_WRITE_SECONDS = 20.0
_RETRY_MS = 2_000


class EventHeaders(In):
    last: Annotated[
        int | None, Field(alias="Last-Event-ID", ge=0, le=2**63 - 1, description="从此之后接着收，不漏不重")
    ] = None


class EventQuery(In):
    floor: Annotated[bool, Field(description="也收话务现场（有权限的）：先是全部，之后是变化，每秒不超过四次")] = False


class TicketEvent(BaseModel):
    """``event: ticket``"""

    position: int
    number: str
    kind: str
    name: str
    at: datetime
    actor: str
    state: State
    unit: str
    articles: list[str]


@routes.add(
    "GET",
    "/events",
    "实时事件",
    needs=READ,
    media="text/event-stream",
    seconds=None,
    events=TicketEvent | FloorSnapshot | FloorPatch,
)
async def stream(call: Call, query: EventQuery, headers: EventHeaders) -> Raw:
    """``event: ticket`` for each, ``event: reset`` when too much was missed; a heartbeat carries only the position.
    ``event: floor`` has no position: whoever comes back is sent the whole anew.

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
            with _floor(call, query, client.wake) as floor:
                told, asked = -1, monotonic()
                while joined.complete:
                    idle = monotonic() - asked >= HEARTBEAT_SECONDS
                    if idle:
                        if not await still_admitted(call.services, call.token, call.principal, datetime.now(UTC)):
                            break
                        asked = monotonic()
                    if idle or client.position != told:
                        told = client.position
                        await _write(response, _place(told))
                    if news := floor.news():
                        await _write(response, b"event: floor\ndata: " + news + b"\n\n")
                    if found := await client.next(max(0.0, asked + HEARTBEAT_SECONDS - monotonic())):
                        await _write(response, _events(found))
                    live.note_position(client)
    except TooMany:
        raise Problem(503, "busy", "实时连接太多，请稍后再试。", headers={"Retry-After": "10"}) from None
    except (CutOff, TimeoutError, ConnectionError):
        pass
    return Raw(response)


class _Floor:
    """What one listener has been told of the floor, if it wants to be and may."""

    def __init__(self, floors: Floors | None, who: Viewer | None) -> None:
        self._floors, self._who = floors, who
        self._sent: Floor | None = None

    def news(self) -> bytes:
        if self._floors is None or self._who is None:
            return b""
        self._sent, text = self._floors.news(self._who, self._sent)
        return text


@contextmanager
def _floor(call: Call, query: EventQuery, wake: asyncio.Event) -> Iterator[_Floor]:
    floors, who = call.services.floors, viewer(call.principal)
    if not query.floor or floors is None or who is None:
        yield _Floor(None, None)
        return
    with floors.watch(wake):
        yield _Floor(floors, who)


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
    data = TicketEvent(
        position=one.position,
        number=event.number,
        kind=event.kind,
        name=event_name(event.kind, event.data),
        at=event.at,
        actor=event.actor,
        state=State(one.state),
        unit=one.unit,
        articles=list(event.articles),
    )
    return f"id: {one.position}\nevent: ticket\ndata: {data.model_dump_json()}\n\n".encode()
