"""What connects to the audio port and is not Asterisk with an expected call: closed, and no call notices."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from ivr.audio import wire
from ivr.audio.server import MAX_UNSENT, AudioServer, Connection


class Line:
    """Counts what it is told; plays frames that are numbered."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.frames: list[bytes] = []
        self.keys = ""
        self.ticks = 0
        self.over = asyncio.Event()

    def opened(self, connection: Connection) -> None:
        self.connection = connection

    def audio(self, frame: bytes) -> None:
        self.frames.append(frame)

    def key(self, key: str) -> None:
        self.keys += key

    def tick(self) -> bytes:
        self.ticks += 1
        return wire.packet(wire.AUDIO, self.ticks.to_bytes(2, "big") * 160)

    def closed(self, connection: Connection) -> None:
        self.over.set()


@asynccontextmanager
async def serving(*, max_pending: int = 8, identity_seconds: float = 5.0) -> AsyncIterator[AudioServer]:
    server = AudioServer(port=0, max_pending=max_pending, identity_seconds=identity_seconds)
    await server.start()
    try:
        async with asyncio.timeout(20):
            yield server
    finally:
        await server.stop()
        assert server.open == 0


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def refused(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def client(server: AudioServer, *sent: bytes) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(b"".join(sent))
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


def named(server: AudioServer, line: Line) -> bytes:
    return wire.packet(wire.IDENTITY, server.expect(line).bytes)


@pytest.mark.parametrize(
    "sent",
    [
        wire.packet(wire.IDENTITY, uuid4().bytes),
        wire.SILENCE,
        wire.HANG_UP,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x10\xff\xff",
        os.urandom(100_000),
    ],
    ids=["unknown", "audio", "end", "http", "length", "noise"],
)
async def test_strangers_are_closed_at_once(sent: bytes) -> None:
    async with serving() as server:
        async with client(server, sent) as peer:
            assert await peer.refused()
        assert server.stats.hostile == 1


async def test_a_peer_that_says_nothing_or_a_byte_at_a_time_is_closed_in_time() -> None:
    async with serving(identity_seconds=0.05) as server, client(server) as silent, client(server, b"\x01\x00") as slow:
        assert await silent.refused()
        assert await slow.refused()
        assert server.stats.hostile == 2


async def test_past_the_bound_the_oldest_goes() -> None:
    async with serving(max_pending=2) as server, client(server) as first, client(server), client(server):
        assert await first.refused()
        assert server.open == 2


async def test_a_uuid_is_good_for_one_connection_at_a_time_and_only_while_it_is_expected() -> None:
    async with serving() as server:
        line = Line()
        name = named(server, line)
        async with client(server, name) as peer:
            assert await peer.reader.readexactly(3) == wire.SILENCE[:3]
            async with client(server, name) as second:
                assert await second.refused()
            assert not line.over.is_set()
            assert line.connection is not None
            line.connection.hang_up()
            async with client(server, name) as again:
                assert await again.reader.readexactly(3) == wire.SILENCE[:3]
                assert server.open == 2
        uuid = server.expect(line)
        server.forget(uuid)
        async with client(server, wire.packet(wire.IDENTITY, uuid.bytes)) as late:
            assert await late.refused()


async def test_frames_of_any_length_arrive_in_pieces_of_20_ms() -> None:
    async with serving() as server:
        line = Line()
        audio = bytes(range(256)) * 5
        async with client(server, named(server, line)) as peer:
            for begin, end in ((0, 160), (160, 800), (800, 1280)):
                peer.writer.write(wire.packet(wire.AUDIO, audio[begin:end]))
            peer.writer.write(wire.packet(wire.KEY, b"5") + wire.HANG_UP)
            await line.over.wait()
        assert b"".join(line.frames) == audio
        assert line.keys == "5"


async def test_packets_come_at_the_pace_of_a_telephone() -> None:
    async with serving() as server:
        line = Line()
        async with client(server, named(server, line)) as peer:
            clock = asyncio.get_running_loop().time
            await peer.reader.readexactly(len(wire.SILENCE))
            begin = clock()
            for _ in range(50):
                packet = await peer.reader.readexactly(len(wire.SILENCE))
            seconds = clock() - begin
        assert int.from_bytes(packet[3:5], "big") == 51
        assert seconds > 0.9, "never ahead; how far behind is the machine's affair"


async def test_after_a_stall_what_was_missed_is_left_out() -> None:
    async with serving() as server:
        line = Line()
        async with client(server, named(server, line)) as peer:
            await peer.reader.readexactly(len(wire.SILENCE))
            server._due -= 2.0  # as if this process had been busy for two seconds
            before = line.ticks
            while line.ticks == before:
                await asyncio.sleep(0.005)
            assert line.ticks - before <= 4
            assert server.stats.late_ticks > 90


async def test_a_peer_that_does_not_read_is_dropped() -> None:
    async with serving() as server:
        line = Line()
        async with client(server, named(server, line)) as peer:
            await peer.reader.readexactly(3)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            connection = line.connection
            assert connection is not None
            while not line.over.is_set():
                connection.send(wire.SILENCE * 50)
                await asyncio.sleep(0)
            assert server.stats.stuck == 1
            assert MAX_UNSENT < 4096


async def test_when_asked_to_hang_up_keys_on_the_way_are_told_and_a_peer_that_stays_is_dropped() -> None:
    async with serving() as server:
        line = Line()
        async with client(server, named(server, line)) as peer:
            await peer.reader.readexactly(3)
            assert line.connection is not None
            line.connection.hang_up()
            peer.writer.write(wire.packet(wire.KEY, b"9"))
            rest = await peer.reader.read()
            assert rest.endswith(wire.HANG_UP)
            assert line.keys == "9"
            await line.over.wait()


async def test_a_second_name_ends_the_connection() -> None:
    async with serving() as server:
        line = Line()
        async with client(server, named(server, line), named(server, Line())):
            await line.over.wait()
        assert server.stats.hostile == 1
