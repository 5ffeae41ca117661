"""``/ws``: telephones in browsers speak SIP (RFC 7118) with Asterisk through this server, so that one port and one name
of TLS serve all. Asterisk's own socket is on loopback; who may do what there is Asterisk's to say. Here: from our own
pages only, so many, so large, so often. Sound does not come this way, and a call outlives its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSCloseCode, WSMsgType, web

log = logging.getLogger(__name__)

PROTOCOL = "sip"
LARGEST = 64 * 1024
"""Bytes of one message; a call's description has about 3 kB."""
MESSAGES, BURST = 20.0, 200
"""A second, of one browser, after so many at once."""
CITIZENS_MESSAGES, CITIZENS_BURST = 2.0, 60
"""The same of who is not signed in: a call takes a dozen, and each that begins one is work for Asterisk before it can
see that the token is none."""
OPENINGS = 0.5
"""Sockets a second that one address may open without being signed in, after :data:`OPENED` at once."""
OPENED = 20
STAFF, CITIZENS, OF_ADDRESS = 1800, 200, 10
"""Open at once: who is signed in; who is not; of these from one address. Together no more than Asterisk takes
(``sessionlimit`` in ``http.conf``)."""
UNPROVEN = 500
"""Of staff's, while nobody can say whether they are signed in: agents have telephones without the database."""
CONNECT_SECONDS = 5.0
SEND_SECONDS = 10.0
HEARTBEAT_SECONDS = 20.0
"""Whoever does not answer a ping has gone."""
_ADDRESSES = 10_000

Known = Callable[[web.Request], Awaitable[bool | None]]
"""Whether somebody is signed in there; None: it looks so, and cannot be found out now."""


@dataclass(slots=True)
class Bucket:
    """``level`` tokens at ``at`` (monotonic seconds), ``rate`` more a second, never over ``most``."""

    rate: float
    most: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        self.level, self.at = min(self.most, self.level + (now - self.at) * self.rate), now
        if self.level < 1:
            return False
        self.level -= 1
        return True


def same_origin(request: web.Request, *, https: bool) -> bool:
    """Whether a page of this very server asks. Browsers send ``Origin`` with every WebSocket (RFC 6455 4.1)."""
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        return False
    schemes = ("https",) if https else ("http", "https")
    return origin.scheme in schemes and origin.netloc.lower() == request.host.lower() != ""


class SipSocket:
    def __init__(self, url: str, known: Known, address: Callable[[web.Request], str], *, https: bool) -> None:
        """``url``: Asterisk's. ``address``: by what those who are not signed in are counted together."""
        self._url = url
        self._known = known
        self._address = address
        self._https = https
        self._client: ClientSession | None = None
        self._open: set[web.WebSocketResponse] = set()
        self._staff = self._unproven = 0
        self._citizens: Counter[str] = Counter()
        self._opened: OrderedDict[str, Bucket] = OrderedDict()

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """For ``cleanup_ctx``."""
        async with ClientSession(timeout=ClientTimeout(total=None, connect=CONNECT_SECONDS)) as self._client:
            yield

    async def close(self, app: web.Application) -> None:
        """For ``on_shutdown``: telephones connect anew at once, to whoever serves then."""
        bye = (socket.close(code=WSCloseCode.GOING_AWAY, message=b"restart") for socket in list(self._open))
        await asyncio.gather(*bye, return_exceptions=True)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not same_origin(request, https=self._https):
            raise web.HTTPForbidden(text="for this server's own pages\n")
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in (one.strip() for one in offered.split(",")):
            raise web.HTTPBadRequest(text="a WebSocket of the protocol sip, please\n")
        known = await self._known(request)
        with self._counted(self._address(request), known=known):
            async with contextlib.AsyncExitStack() as stack:
                try:
                    assert self._client is not None
                    connecting = self._client.ws_connect(self._url, protocols=(PROTOCOL,), max_msg_size=LARGEST)
                    async with asyncio.timeout(CONNECT_SECONDS):
                        exchange = await stack.enter_async_context(connecting)
                except (ClientError, OSError, TimeoutError) as error:
                    log.warning("no telephone system behind /ws: %s", error)
                    raise web.HTTPServiceUnavailable(
                        text="the telephone system does not answer\n", headers={"Retry-After": "2"}
                    ) from None
                browser = web.WebSocketResponse(
                    protocols=(PROTOCOL,), heartbeat=HEARTBEAT_SECONDS, max_msg_size=LARGEST, compress=False
                )
                await browser.prepare(request)
                self._open.add(browser)
                try:
                    await _between(browser, exchange, _allowed(citizen=known is False))
                finally:
                    self._open.discard(browser)
            return browser

    @contextmanager
    def _counted(self, address: str, *, known: bool | None) -> Iterator[None]:
        """Raises HTTPTooManyRequests."""
        if known is not False:
            if self._staff >= STAFF or (known is None and self._unproven >= UNPROVEN):
                raise _too_many("telephones")
            self._staff += 1
            self._unproven += known is None
            try:
                yield
            finally:
                self._staff -= 1
                self._unproven -= known is None
            return
        if not self._may_open(address):
            raise _too_many("attempts from this address")
        if self._citizens[address] >= OF_ADDRESS or self._citizens.total() >= CITIZENS:
            raise _too_many("telephones")
        self._citizens[address] += 1
        try:
            yield
        finally:
            self._citizens[address] -= 1
            if not self._citizens[address]:
                del self._citizens[address]

    def _may_open(self, address: str) -> bool:
        now = time.monotonic()
        bucket = self._opened.setdefault(address, Bucket(OPENINGS, OPENED, OPENED, now))
        self._opened.move_to_end(address)
        if len(self._opened) > _ADDRESSES:
            self._opened.popitem(last=False)
        return bucket.take(now)


def _too_many(what: str) -> web.HTTPTooManyRequests:
    return web.HTTPTooManyRequests(text=f"too many {what}\n", headers={"Retry-After": "30"})


def _allowed(*, citizen: bool) -> Bucket:
    rate, burst = (CITIZENS_MESSAGES, CITIZENS_BURST) if citizen else (MESSAGES, BURST)
    return Bucket(rate, burst, burst, time.monotonic())


async def _between(browser: web.WebSocketResponse, exchange: ClientWebSocketResponse, bucket: Bucket) -> None:
    """Until one of them ends. ``bucket``: messages that the browser may send."""
    ways = [
        asyncio.create_task(_from_browser(browser, exchange, bucket)),
        asyncio.create_task(_to_browser(exchange, browser)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    if not browser.closed:
        await browser.close(code=WSCloseCode.GOING_AWAY)


async def _from_browser(browser: web.WebSocketResponse, exchange: ClientWebSocketResponse, bucket: Bucket) -> None:
    async for message in browser:
        if message.type is not WSMsgType.TEXT:
            await browser.close(code=WSCloseCode.UNSUPPORTED_DATA)
            return
        if not bucket.take(time.monotonic()):
            log.warning("a browser's telephone sent too much: closed")
            await browser.close(code=WSCloseCode.POLICY_VIOLATION)
            return
        async with asyncio.timeout(SEND_SECONDS):
            await exchange.send_str(message.data)


async def _to_browser(exchange: ClientWebSocketResponse, browser: web.WebSocketResponse) -> None:
    async for message in exchange:
        if message.type is WSMsgType.TEXT:
            async with asyncio.timeout(SEND_SECONDS):
                await browser.send_str(message.data)
