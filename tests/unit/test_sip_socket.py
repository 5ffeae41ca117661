"""``/ws``: who may open it, what passes, and that nothing is unbounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from web import sip_socket
from web.sip_socket import Bucket, SipSocket

SIP = ("sip",)


class Exchange:
    """Plays Asterisk's socket: says back what it hears."""

    def __init__(self) -> None:
        self.protocols: list[str | None] = []
        self.open: list[web.WebSocketResponse] = []

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=SIP)
        await socket.prepare(request)
        self.protocols.append(socket.ws_protocol)
        self.open.append(socket)
        async for message in socket:
            if message.data == "go":
                break
            await socket.send_str(f"heard {len(message.data)}")
        return socket


class Place:
    """A web server with ``/ws`` before an exchange. ``known``: whether everybody is signed in."""

    def __init__(self, server: TestServer, exchange: Exchange, back: TestServer) -> None:
        self.server, self.exchange, self.back = server, exchange, back
        self.known: bool | None = False
        self.client = ClientSession()

    @property
    def origin(self) -> str:
        return f"http://{self.server.host}:{self.server.port}"

    async def open(self, origin: str | None = "", protocols: tuple[str, ...] = SIP):  # type: ignore[no-untyped-def]
        headers = {} if origin is None else {"Origin": origin or self.origin}
        return await self.client.ws_connect(f"{self.origin}/ws", protocols=protocols, headers=headers)

    async def refused(self, origin: str | None = "", protocols: tuple[str, ...] = SIP) -> int:
        with pytest.raises(WSServerHandshakeError) as found:
            await self.open(origin, protocols)
        return found.value.status


async def serve(https: bool = False) -> Place:
    exchange = Exchange()
    behind = web.Application()
    behind.router.add_get("/ws", exchange.answer)
    back = TestServer(behind, host="127.0.0.1")
    await back.start_server()

    async def known(request: web.Request) -> bool | None:
        return made.known

    sockets = SipSocket(f"ws://127.0.0.1:{back.port}/ws", known, lambda request: request.remote or "", https=https)
    app = web.Application()
    app.router.add_get("/ws", sockets.answer)
    app.cleanup_ctx.append(sockets.run)
    app.on_shutdown.append(sockets.close)
    front = TestServer(app, host="127.0.0.1")
    await front.start_server()
    made = Place(front, exchange, back)
    return made


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = await serve()
    yield made
    await made.client.close()
    await made.server.close()
    await made.back.close()


async def test_sip_passes_both_ways(place: Place) -> None:
    socket = await place.open()
    assert socket.protocol == "sip"
    await socket.send_str("REGISTER")
    assert await socket.receive_str(timeout=5) == "heard 8"
    assert place.exchange.protocols == ["sip"]
    await socket.close()


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://[", "http://127.0.0.1", "ftp://same"])
async def test_only_our_own_pages_may(place: Place, origin: str | None) -> None:
    assert await place.refused(origin) == 403
    assert place.exchange.protocols == []


async def test_behind_tls_the_page_came_by_tls() -> None:
    place = await serve(https=True)
    try:
        assert await place.refused() == 403
        socket = await place.open(place.origin.replace("http:", "https:"))
        await socket.close()
    finally:
        await place.client.close()
        await place.server.close()
        await place.back.close()


async def test_another_protocol_is_none(place: Place) -> None:
    assert await place.refused(protocols=("chat",)) == 400
    assert await place.refused(protocols=()) == 400


async def test_without_asterisk_it_says_so(place: Place) -> None:
    await place.back.close()
    assert await place.refused() == 503


async def test_when_asterisk_goes_the_browser_is_told(place: Place) -> None:
    socket = await place.open()
    await socket.send_str("go")
    message = await socket.receive(timeout=5)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)


async def test_when_the_server_goes_the_browser_is_told(place: Place) -> None:
    socket = await place.open()
    closing = asyncio.create_task(place.server.close())
    message = await socket.receive(timeout=5)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
    await socket.close()
    await closing


@pytest.mark.parametrize(("sent", "code"), [("x" * (sip_socket.LARGEST + 1), 1009), (b"\0", 1003)])
async def test_what_is_no_message_ends_it(place: Place, sent: str | bytes, code: int) -> None:
    socket = await place.open()
    await (socket.send_bytes(sent) if isinstance(sent, bytes) else socket.send_str(sent))
    message = await socket.receive(timeout=5)
    assert (message.type, message.data) == (WSMsgType.CLOSE, code)


@pytest.mark.parametrize(("known", "burst"), [(False, "CITIZENS_BURST"), (True, "BURST"), (None, "BURST")])
async def test_a_flood_ends_it(place: Place, monkeypatch: pytest.MonkeyPatch, known: bool | None, burst: str) -> None:
    monkeypatch.setattr(sip_socket, burst, 3)
    place.known = known
    socket = await place.open()
    for _ in range(4):
        await socket.send_str("OPTIONS")
    seen = [await socket.receive(timeout=5) for _ in range(4)]
    last = next(message for message in seen if message.type is WSMsgType.CLOSE)
    assert last.data == 1008


async def test_one_address_has_so_many_and_gets_them_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_socket, "OF_ADDRESS", 2)
    first, second = await place.open(), await place.open()
    assert await place.refused() == 429
    place.known = True
    third = await place.open()  # who is signed in does not stand behind them
    place.known = False
    await first.close()
    async with asyncio.timeout(5):
        while True:
            try:
                again = await place.open()
            except WSServerHandshakeError:  # not counted out yet
                await asyncio.sleep(0)
            else:
                break
    for socket in (second, third, again):
        await socket.close()


async def test_all_of_them_have_so_many(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_socket, "CITIZENS", 1)
    monkeypatch.setattr(sip_socket, "STAFF", 1)
    citizen = await place.open()
    assert await place.refused() == 429
    place.known = True
    agent = await place.open()
    assert await place.refused() == 429
    await citizen.close()
    await agent.close()


async def test_who_cannot_be_proven_to_be_staff_takes_no_place_of_who_can(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_socket, "UNPROVEN", 1)
    monkeypatch.setattr(sip_socket, "OF_ADDRESS", 0)
    place.known = None
    first = await place.open()
    assert await place.refused() == 429
    place.known = True
    second = await place.open()
    place.known = False
    assert await place.refused() == 429
    await first.close()
    await second.close()


async def test_who_comes_too_often_is_sent_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = partial(Bucket, 0.0)
    monkeypatch.setattr(sip_socket, "OPENED", 2)
    monkeypatch.setattr(sip_socket, "Bucket", lambda rate, most, level, at: slow(most, level, at))
    for _ in range(2):
        await (await place.open()).close()
    assert await place.refused() == 429


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(2.0, 3, 3, at=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]
