"""Asterisk's part of a FastAGI session, played over raw sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from ivr.fastagi import Dialogue, FastAgiLeg, FastAgiServer
from ivr.fastagi_probe import HEALTH_ANSWER
from ivr.leg import CallerHungUp, LegError

HEADERS = (
    "agi_network: yes\nagi_network_script: menu?flow=main&x=%E4%B8%AD\nagi_channel: PJSIP/citizen-00000001\n"
    "agi_uniqueid: hotline-1.2\nagi_callerid: 13900001111\nagi_callingpres: 0\nagi_dnid: 12345\nagi_extension: s\n"
    "agi_accountcode: \n\n"
)


@asynccontextmanager
async def serving(
    dialogue: Dialogue,
    *,
    max_sessions: int = 100,
    max_pending: int = 16,
    header_seconds: float = 5.0,
    sound: float = 10.0,
) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer(
        {"menu": dialogue},
        seconds=lambda name: sound,
        port=0,
        max_sessions=max_sessions,
        max_pending=max_pending,
        header_seconds=header_seconds,
    )
    await server.start()
    try:
        async with asyncio.timeout(20):
            yield server
    finally:
        for peer in Peer.all:
            peer.close()
        Peer.all.clear()
        await server.stop(0.5)


class Peer:
    """Asterisk's end of one connection."""

    all: ClassVar[list[Peer]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.all.append(self)

    @classmethod
    async def connect(cls, server: FastAgiServer, headers: str | bytes = HEADERS) -> Peer:
        peer = cls(*await asyncio.open_connection("127.0.0.1", server.port))
        peer.send(headers)
        return peer

    def send(self, data: str | bytes) -> None:
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    async def command(self) -> str:
        return (await self.reader.readline()).decode().rstrip("\n")

    async def answer(self, reply: str) -> str:
        """Read one command, send one reply; watchdog commands are answered on the way."""
        command = await self.command()
        while command.startswith("SET VARIABLE TIMEOUT(absolute)"):
            self.send("200 result=1\n")
            command = await self.command()
        self.send(reply + "\n")
        return command

    async def until(self, start: str) -> None:
        """Read commands up to the first that begins so; watchdog commands are answered on the way."""
        while not (command := await self.command()).startswith(start):
            assert command, "closed"
            self.send("200 result=1\n")

    async def sent(self) -> None:
        """Until the server has had the chance to read everything sent so far: it answers a later connection."""
        await self.writer.drain()
        reader, writer = await asyncio.open_connection(*self.writer.get_extra_info("peername"))
        writer.write(b"agi_network_script: health\n\n")
        assert await reader.read() == HEALTH_ANSWER
        writer.close()

    async def closed(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.transport.abort()


class Dialogues:
    """Runs one step per call and keeps what came of it."""

    def __init__(self, step: Callable[[FastAgiLeg], Awaitable[object]]) -> None:
        self._step = step
        self.results: asyncio.Queue[object] = asyncio.Queue()

    async def run(self, leg: FastAgiLeg) -> None:
        try:
            self.results.put_nowait(await self._step(leg))
        except (CallerHungUp, LegError) as error:
            self.results.put_nowait(error)
            raise
