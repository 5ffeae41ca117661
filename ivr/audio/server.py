"""AudioSocket server: Asterisk brings a caller's voice here, and takes what we play, 20 ms at a time.

Only a call that expects it is let in (by a random uuid that is good for one turn); whatever else connects is closed
within a second and costs no call anything. One ticker serves all calls: a task with its own sleep for each would cost
several times as much.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Protocol, cast
from uuid import UUID

from ivr.audio import wire
from speech.port import FRAME_BYTES, FRAME_MS

log = logging.getLogger(__name__)

IDENTITY_SECONDS = 1.0
"""Asterisk says at once whose voice it brings."""
MAX_PENDING = 64
"""Connections that have not said so yet; past this the oldest is thrown out."""
MAX_UNSENT = 8 * len(wire.SILENCE)
"""Bytes that a peer may be behind (160 ms); what comes then is left out."""
STUCK_TICKS = 50
"""A peer that has read nothing for so many packets is dropped."""
END_SECONDS = 1.0
"""Asterisk closes at once when told to hang up."""
MAX_BURST = 3
"""Packets sent together after this process was busy; what was missed beyond is left out."""
BACKLOG = 256
_FRAME = FRAME_MS / 1000


class Line(Protocol):
    """One call that expects its voice."""

    def opened(self, connection: Connection) -> None:
        """Also after one was told to hang up: the dialplan comes again until it is sent away at once."""

    def audio(self, frame: bytes) -> None:
        """The next 20 ms of the caller."""

    def key(self, key: str) -> None: ...

    def tick(self) -> bytes:
        """Every 20 ms: the packet to send."""
        ...

    def closed(self, connection: Connection) -> None:
        """The connection is gone. Comes once for each; also when the call had asked for it."""


@dataclass
class AudioStats:
    """Counters since start."""

    connections: int = 0
    """Those that brought a call's voice."""
    hostile: int = 0
    """Those that were something else, or broke the protocol."""
    stuck: int = 0
    late_ticks: int = 0
    """Packets left out because this process was busy."""


class AudioServer:
    def __init__(
        self, *, port: int = 9092, max_pending: int = MAX_PENDING, identity_seconds: float = IDENTITY_SECONDS
    ) -> None:
        self.port = port
        self.stats = AudioStats()
        self.identity_seconds = identity_seconds
        self._max_pending = max_pending
        self._server: asyncio.Server | None = None
        self._expected: dict[UUID, Line] = {}
        self._taken: set[UUID] = set()
        """Of these, whose voice is being brought at this moment."""
        self._pending: dict[Connection, None] = {}
        self._attached: dict[Connection, None] = {}
        self._ticker: asyncio.Handle | None = None
        self._due = 0.0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """Connections of every kind."""
        return len(self._pending) + len(self._attached)

    async def start(self) -> None:
        """At the port, or, when that is taken (by the server before us, whose callers still speak), at another one that
        is in ``port`` afterwards: each turn tells the dialplan where to bring the voice. Raises OSError."""
        try:
            await self._listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not self.port:
                raise
            log.info("audio port %d is taken: another one", self.port)
            self.port = 0
            await self._listen()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", self.port, backlog=BACKLOG, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in [*self._pending, *self._attached]:
            connection.abort()
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def expect(self, line: Line) -> UUID:
        """Whoever connects with the uuid that is returned brings the voice of ``line``; one at a time."""
        uuid = UUID(bytes=secrets.token_bytes(16))
        self._expected[uuid] = line
        return uuid

    def forget(self, uuid: UUID) -> None:
        """Nobody is let in with it any more."""
        self._expected.pop(uuid, None)
        self._taken.discard(uuid)

    # From here on: between this and its connections.

    def arrived(self, connection: Connection) -> None:
        if len(self._pending) >= self._max_pending:
            self.stats.hostile += 1
            next(iter(self._pending)).abort()
        self._pending[connection] = None

    def identified(self, connection: Connection, uuid: UUID) -> Line | None:
        line = self._expected.get(uuid)
        if line is None or uuid in self._taken:
            return None
        self._taken.add(uuid)
        self._pending.pop(connection, None)
        self._attached[connection] = None
        self.stats.connections += 1
        if self._ticker is None:
            self._due = time.monotonic()
            self._ticker = asyncio.get_running_loop().call_soon(self._tick)
        return line

    def released(self, uuid: UUID | None) -> None:
        """Its connection is at its end: the next one may come before that is seen here."""
        if uuid is not None:
            self._taken.discard(uuid)

    def left(self, connection: Connection) -> None:
        self._pending.pop(connection, None)
        self._attached.pop(connection, None)

    def _tick(self) -> None:
        now = time.monotonic()
        late = int((now - self._due) / _FRAME)
        if late >= MAX_BURST:
            self.stats.late_ticks += late + 1 - MAX_BURST
            self._due += (late + 1 - MAX_BURST) * _FRAME
        while self._due <= now:
            self._due += _FRAME
            for connection in tuple(self._attached):
                connection.tick()
        if self._attached:
            # The event loop counts in milliseconds of its own; what is due is counted here, so nothing drifts.
            self._ticker = asyncio.get_running_loop().call_later(self._due - time.monotonic(), self._tick)
        else:
            self._ticker = None


class Connection(asyncio.Protocol):
    def __init__(self, server: AudioServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = wire.Parser()
        self._line: Line | None = None
        self._uuid: UUID | None = None
        self._rest = b""
        self._stuck = 0
        self._ending = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are not of asyncio's class.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=4 * MAX_UNSENT)
        self._timer = asyncio.get_running_loop().call_later(self._server.identity_seconds, self._refuse, "said nothing")
        self._server.arrived(self)

    def data_received(self, data: bytes) -> None:
        try:
            for kind, payload in self._parser.feed(data):
                if not self._take(kind, payload):
                    return
        except wire.WireError as error:
            self._refuse(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self._over()

    def send(self, packet: bytes) -> None:
        transport = self._transport
        if transport is None or self._ending:
            return
        if transport.get_write_buffer_size() <= MAX_UNSENT:
            self._stuck = 0
            transport.write(packet)
            return
        self._stuck += 1
        if self._stuck > STUCK_TICKS:
            self._server.stats.stuck += 1
            self.abort()

    def hang_up(self) -> None:
        """Give the call back to the dialplan; keys that are on their way are still told."""
        if self._transport is None or self._ending:
            return
        self._ending = True
        self._release()
        self._transport.write(wire.HANG_UP)
        self._timer = asyncio.get_running_loop().call_later(END_SECONDS, self.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._over()

    def tick(self) -> None:
        if self._line is not None and not self._ending:
            packet = self._line.tick()
            self.send(packet)

    def _take(self, kind: int, payload: bytes) -> bool:
        """Whether to go on."""
        line = self._line
        if line is None:
            return self._identify(payload) if kind == wire.IDENTITY else self._refuse(f"begins with {kind:#04x}")
        if kind == wire.AUDIO:
            if self._rest or len(payload) != FRAME_BYTES:
                payload = self._rest + payload
                whole = len(payload) - len(payload) % FRAME_BYTES
                for at in range(0, whole, FRAME_BYTES):
                    line.audio(payload[at : at + FRAME_BYTES])
                self._rest = payload[whole:]
            else:
                line.audio(payload)
        elif kind == wire.KEY:
            line.key(payload.decode("ascii", "replace"))
        elif kind == wire.END:
            self.abort()
        else:
            return self._refuse("a second uuid")
        return True

    def _identify(self, payload: bytes) -> bool:
        uuid = wire.identity(payload)
        line = self._server.identified(self, uuid)
        if line is None:
            return self._refuse("a uuid that nobody expects")
        self._uuid = uuid
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._line = line
        line.opened(self)
        return True

    def _refuse(self, why: str) -> bool:
        if self._transport is not None:
            self._server.stats.hostile += 1
            log.info("audio connection closed: %s", why)
            self.abort()
        return False

    def _over(self) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._server.left(self)
        self._release()
        line, self._line = self._line, None
        if line is not None:
            line.closed(self)

    def _release(self) -> None:
        uuid, self._uuid = self._uuid, None
        self._server.released(uuid)
