"""Kamailio with the project's configuration between sockets that play nodes, carrier and strangers: whom it relays for,
and where to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import pytest

from hotline.sip_ask import answers
from tests.asterisk import namespaces, proxy

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]
INSIDE, OUTSIDE, CARRIER, STRANGER = "10.99.0.1", "10.99.0.2", "10.99.0.20", "10.99.0.30"
FIRST, SECOND = "10.99.0.11", "10.99.0.12"
SIP = 5060
SECONDS = 5.0


@contextmanager
def tried() -> Iterator[None]:
    why = namespaces.trouble() or proxy.trouble()
    if why is not None:
        print(f"\n== NOT TRIED: Kamailio's configuration: {why}")
        pytest.skip(f"Kamailio's configuration is NOT TRIED: {why}")
    here = [f"{one}/24" for one in (INSIDE, OUTSIDE, CARRIER, STRANGER, FIRST, SECOND)]
    with namespaces.network(here, []):
        yield


class Peer(asyncio.DatagramProtocol):
    """Answers OPTIONS if it is up, and keeps all else. One that is not up is silent."""

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = data.decode()
        if message.startswith("OPTIONS "):
            if self.up:
                self.reply(message, "200 OK", addr)
            return
        self.heard.put_nowait(message)

    def reply(self, request: str, status: str, addr: tuple[str, int], *more: str) -> None:
        kept = ("Via:", "From:", "To:", "Call-ID:", "CSeq:", "Record-Route:")
        lines = [line for line in request.split("\r\n") if line.startswith(kept)]
        lines = [f"{line};tag=answer" if line.startswith("To:") and "tag=" not in line else line for line in lines]
        self.send("\r\n".join([f"SIP/2.0 {status}", *lines, *more, "Content-Length: 0", "", ""]), addr)

    def send(self, message: str, addr: tuple[str, int]) -> None:
        self.transport.sendto(message.encode(), addr)

    async def next(self, begins: str) -> str:
        """The next message of that kind, sent again or not."""
        async with asyncio.timeout(SECONDS):
            while not (message := await self.heard.get()).startswith(begins):
                pass
        return message


@asynccontextmanager
async def peer(address: str, port: int = 0, up: bool = True) -> AsyncIterator[Peer]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(lambda: Peer(up), local_addr=(address, port))
    try:
        yield made
    finally:
        transport.close()


def request(method: str, to: str, of: Peer, *more: str, tag: str = "", branch: str = "1") -> str:
    lines = (
        f"{method} {to} SIP/2.0",
        f"Via: SIP/2.0/UDP {of.address};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        "From: <sip:13900001111@example.invalid>;tag=caller",
        f"To: <{to}>{tag}",
        f"Call-ID: {branch}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:somebody@{of.address}>",
        *more,
        "Content-Length: 0",
    )
    return "".join(f"{line}\r\n" for line in (*lines, ""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "proxy"


@asynccontextmanager
async def kamailio(folder: Path) -> AsyncIterator[Path]:
    nodes = [f"{FIRST}:{SIP}", f"{SECOND}:{SIP}"]
    async with proxy.proxy(folder, f"{INSIDE}:{SIP}", f"{OUTSIDE}:{SIP}", f"{CARRIER}:{SIP}", nodes) as log:
        yield log


async def test_a_silent_node_is_passed_over_and_a_call_stays_with_its_own(folder: Path) -> None:
    outside = OUTSIDE, SIP
    with tried():
        async with (
            peer(FIRST, SIP, up=False) as first,
            peer(SECOND, SIP) as second,
            peer(CARRIER) as caller,
            kamailio(folder),
        ):
            began = time.monotonic()
            caller.send(request("INVITE", f"sip:12345@{OUTSIDE}", caller), outside)
            await first.next("INVITE sip:12345@")
            invited = await second.next("INVITE sip:12345@")
            assert time.monotonic() - began < 2
            second.reply(invited, "200 OK", (INSIDE, SIP), f"Contact: <sip:node@{second.address}>")
            answer = await caller.next("SIP/2.0 200")
            assert "SIP/2.0 100" not in answer
            # A route for either side: what belongs to the call goes to the second node, though the first is back.
            first.up = True
            routes = [line.partition(": ")[2] for line in answer.split("\r\n") if line.startswith("Record-Route:")]
            assert len(routes) == 2
            back = [f"Route: {one}" for one in reversed(routes)]
            to = f"sip:node@{second.address}"
            caller.send(request("BYE", to, caller, *back, tag=";tag=answer", branch="2"), outside)
            await second.next(f"BYE {to}")
            # The next one needs no second of waiting: silence in the pings, or in the call, took the first one out.
            began = time.monotonic()
            first.up = False
            caller.send(request("INVITE", f"sip:12345@{OUTSIDE}", caller, branch="3"), outside)
            await second.next("INVITE sip:12345@")
            assert time.monotonic() - began < 0.5


async def test_nothing_is_relayed_for_strangers_or_elsewhere(folder: Path) -> None:
    outside = OUTSIDE, SIP
    with tried():
        async with (
            peer(SECOND, SIP) as node,
            peer(CARRIER, SIP) as carrier,
            peer(STRANGER, SIP) as stranger,
            kamailio(folder),
        ):
            assert not await answers(f"{OUTSIDE}:{SIP}", STRANGER)
            stranger.send(request("INVITE", f"sip:12345@{OUTSIDE}", stranger), outside)
            # From the carrier: nothing but calls, and within a call to nobody but a node.
            carrier.send(request("REGISTER", f"sip:1001@{OUTSIDE}", carrier, branch="a"), outside)
            await carrier.next("SIP/2.0 405")
            route = f"Route: <sip:{OUTSIDE}:{SIP};lr>"
            elsewhere = f"sip:somebody@{STRANGER}:{SIP}"
            for number, more in enumerate(((route,), (route, f"Route: <sip:{STRANGER}:{SIP};lr>"))):
                within = request("BYE", elsewhere, carrier, *more, tag=";tag=x", branch=f"b{number}")
                carrier.send(within, outside)
                await carrier.next("SIP/2.0 403")
            alias = f"sip:node@{SECOND}:{SIP};alias={STRANGER}~{SIP}~1"
            carrier.send(request("BYE", alias, carrier, route, tag=";tag=x", branch="c"), outside)
            await carrier.next("SIP/2.0 403")
            carrier.send(request("BYE", elsewhere, carrier, tag=";tag=x", branch="d"), outside)
            await carrier.next("SIP/2.0 404")
            # What a node dials goes to the carrier, whatever host it writes.
            node.send(request("INVITE", f"sip:13900002222@{INSIDE}:{SIP}", node, branch="e"), (INSIDE, SIP))
            dialled = await carrier.next("INVITE sip:13900002222@")
            assert dialled.startswith(f"INVITE sip:13900002222@{CARRIER} SIP/2.0")
            carrier.reply(dialled, "486 Busy Here", outside)
            await node.next("SIP/2.0 486")
            assert stranger.heard.empty(), "neither an answer nor a request came to the stranger"
