"""FastAGI server: Asterisk connects, one dialogue per call runs, nothing a peer sends can stop the others.

panoramisk supplies the application and its route table. Its connection handler and its way of sending commands are
replaced (:class:`Application`, :class:`ivr.agi_session.Session`): with them a peer that connects and closes freezes
the whole event loop, headers and replies have no limit or deadline, and cancellation is swallowed.

Health: a client that sends ``agi_network_script: health`` and an empty line gets the line ``VERBOSE "ok" 3`` (a valid
AGI command) and the end of the stream, from the same event loop that serves the calls. :func:`probe` is that client.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from panoramisk import fast_agi

from ivr import agi_wire
from ivr.agi_session import CommandTimeout, Session
from ivr.leg import ALL_KEYS, CallerHungUp, LegError, Played
from ivr.watchdog import Watchdog

log = logging.getLogger(__name__)

HEALTH_SCRIPT = "health"
HEALTH_ANSWER = b'VERBOSE "ok" 3\n'
HEADER_SECONDS = 2.0
MAX_PENDING = 64
"""Connections without headers yet. Asterisk sends its headers at once, so past this the oldest is thrown out."""
AFTER_HANGUP_SECONDS = 10.0
"""A dialogue that goes on this long after its call has ended is cancelled."""
END_OF_CALL_SECONDS = 0.3
"""After ``result=-1``, time for the hang-up to show; without one the command itself failed."""

Dialogue = Callable[["FastAgiLeg"], Awaitable[None]]


@dataclass
class FastAgiStats:
    """Counters since start, except ``open`` and ``pending`` which say what is so now."""

    open: int = 0
    pending: int = 0
    sessions: int = 0
    probes: int = 0
    refused: int = 0
    """Calls past ``max_sessions`` or for a script that does not exist."""
    hostile: int = 0
    """Connections that did not bring proper headers in time."""
    hung_up: int = 0
    timeouts: int = 0
    failed: int = 0
    """Dialogues that ended with an error of ours or a broken exchange."""
    commands: int = 0


class FastAgiLeg:
    """A :class:`ivr.leg.CallLeg` over one FastAGI session."""

    def __init__(self, session: Session, seconds: Callable[[str], float], watchdog: Watchdog) -> None:
        self._session = session
        self._seconds = seconds
        self._watchdog = watchdog
        self._now = asyncio.get_running_loop().time

    @property
    def headers(self) -> Mapping[str, str]:
        return self._session.opening.headers

    @property
    def query(self) -> Mapping[str, str]:
        """What followed ``?`` in the dialplan's ``AGI(agi://host/script?...)``."""
        return self._session.opening.query

    @property
    def call_id(self) -> str:
        return self.headers.get("agi_uniqueid", "")

    @property
    def caller(self) -> str | None:
        return _known(self.headers.get("agi_callerid", ""))

    @property
    def caller_presentation(self) -> str:
        # Bits 5 and 6 of Asterisk's AST_PRES_*: 0x00 allowed, 0x20 restricted, 0x40 unavailable.
        raw = self.headers.get("agi_callingpres", "0")
        bits = int(raw) & 0x60 if raw.isascii() and raw.isdigit() and len(raw) < 4 else 0x40
        return {0x00: "allowed", 0x20: "prohib"}.get(bits, "unavailable")

    @property
    def dialled(self) -> str:
        return _known(self.headers.get("agi_dnid", "")) or self.headers.get("agi_extension", "")

    async def play(self, sound: str, keys: str = ALL_KEYS) -> Played:
        reply = await self._command(f"STREAM FILE {_quote(sound)} {_quote(keys)}", self._seconds(sound))
        return Played(_digit(reply), (reply.endpos or 0) // 8)  # 8 samples a millisecond

    async def wait_digit(self, ms: int) -> str | None:
        return _digit(await self._command(f"WAIT FOR DIGIT {ms:d}", ms / 1000))

    async def set_variable(self, name: str, value: str) -> None:
        try:
            agi_wire.variable_name(name)
        except agi_wire.WireError as error:
            raise LegError(str(error)) from error
        await self._command(f"SET VARIABLE {name} {_quote(value)}")

    async def user_event(self, name: str, **fields: str | int) -> None:
        if not (name.isascii() and name.replace("_", "").isalpha() and name.isupper()):
            raise LegError(f"not an event name: {name!r}")
        # urlencode leaves no comma, quote or line break for the application's own parser.
        await self._command(f'EXEC CELGenUserEvent "{name},{urlencode(fields)}"')

    async def _command(self, command: str, seconds: float = 0.0) -> agi_wire.Reply:
        limit = self._watchdog.before(self._now(), seconds)
        if limit is not None:
            await self._exchange(f"SET VARIABLE TIMEOUT(absolute) {limit:.1f}", 0.0)
        return await self._exchange(command, seconds)

    async def _exchange(self, command: str, seconds: float) -> agi_wire.Reply:
        reply = await self._session.send_command(command, seconds)
        if reply.code != 200:
            raise LegError(f"{command[:40]!r}: {reply.code} {reply.text[:80]}")
        if reply.result == "-1" and await self._session.over(END_OF_CALL_SECONDS):
            raise CallerHungUp
        if reply.result.startswith("-"):
            raise LegError(f"{command[:60]!r} failed: {reply.text[:80]}")
        return reply


def _known(value: str) -> str | None:
    return value if value and value != "unknown" else None


def _quote(argument: str) -> str:
    try:
        return agi_wire.quote(argument)
    except agi_wire.WireError as error:
        raise LegError(str(error)) from error


def _digit(reply: agi_wire.Reply) -> str | None:
    """The key as a character; Asterisk replies with its ASCII code, 0 for none."""
    if reply.result == "0":
        return None
    code = int(reply.result) if reply.result.isascii() and reply.result.isdigit() and len(reply.result) < 4 else 0
    if chr(code) not in ALL_KEYS + "ABCD":
        raise LegError(f"not a key: {reply.text[:80]}")
    return chr(code)


class Application(fast_agi.Application):  # type: ignore[misc]
    """panoramisk's application: its route table, with a connection handler of our own."""

    def __init__(self, server: FastAgiServer) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.server = server

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = self.loop.time()
        try:
            opening = await self.server.read_opening(reader, writer)
            if opening is not None:
                await self._dispatch(opening, reader, writer, accepted)
        finally:
            _close(writer)

    async def _dispatch(
        self, opening: agi_wire.Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, accepted: float
    ) -> None:
        stats = self.server.stats
        if opening.script == HEALTH_SCRIPT:
            stats.probes += 1
            writer.write(HEALTH_ANSWER)
            return
        route: Dialogue | None = self._route.get(opening.script)
        if route is None or stats.open >= self.server.max_sessions:
            stats.refused += 1
            log.warning("refused a call for %.40r: %s", opening.script, "no such script" if route is None else "full")
            return
        session = Session(self, opening, reader, writer)
        await self.server.run(session, route, accepted)


class FastAgiServer:
    """``routes`` maps a script's name (the path of ``agi://host/NAME``) to its dialogue.

    ``seconds`` tells how long a sound is. ``first_reply_seconds`` is the ``TIMEOUT(absolute)`` that the dialplan sets
    before ``AGI()``. A call past ``max_sessions`` is closed at once, which sends it to the dialplan's fallback.
    """

    def __init__(
        self,
        routes: Mapping[str, Dialogue],
        *,
        seconds: Callable[[str], float],
        host: str = "127.0.0.1",
        port: int = 4573,
        first_reply_seconds: float = 3.0,
        max_sessions: int = 1000,
        max_pending: int = MAX_PENDING,
        header_seconds: float = HEADER_SECONDS,
        allow_remote: bool = False,
    ) -> None:
        if not allow_remote and not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise ValueError(f"AGI has no authentication: {host} is not a loopback address")
        if HEALTH_SCRIPT in routes:
            raise ValueError(f"the script name {HEALTH_SCRIPT!r} is taken")
        self._routes = dict(routes)
        self._seconds = seconds
        self._host = host
        self.port = port
        self._first_reply = first_reply_seconds
        self.max_sessions = max_sessions
        self._max_pending = max_pending
        self._header_seconds = header_seconds
        self.stats = FastAgiStats()
        self._pending: dict[asyncio.StreamWriter, None] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError if the port is taken. With port 0 the real one is in ``port`` afterwards."""
        application = Application(self)
        for name, dialogue in self._routes.items():
            application.add_route(name, dialogue)
        self._server = await asyncio.start_server(
            application.handler, self._host, self.port, limit=agi_wire.MAX_HEADER_BYTES, backlog=256
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, drain_seconds: float = 5.0) -> None:
        """Take no more calls, let those running finish for ``drain_seconds``, then cancel them."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._pending):
            writer.transport.abort()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=drain_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=drain_seconds)
        self._server = None

    async def read_opening(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> agi_wire.Opening | None:
        """The headers, or None for a peer that does not send proper ones in time."""
        if len(self._pending) >= self._max_pending:
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            oldest.transport.abort()
        self._pending[writer] = None
        self.stats.pending = len(self._pending)
        try:
            async with asyncio.timeout(self._header_seconds):
                return agi_wire.parse_opening(await reader.readuntil(b"\n\n"))
        except (TimeoutError, OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            self.stats.hostile += 1
            log.info("no proper headers from %s: %s", writer.get_extra_info("peername"), type(error).__name__)
            return None
        finally:
            self._pending.pop(writer, None)
            self.stats.pending = len(self._pending)

    async def run(self, session: Session, dialogue: Dialogue, accepted: float) -> None:
        """One call from its headers to its end. Cancellation passes through."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self.stats.open += 1
        self.stats.sessions += 1
        pump = loop.create_task(session.pump())
        overrun: list[asyncio.TimerHandle] = []

        def ended(_: asyncio.Task[None]) -> None:
            overrun.append(loop.call_later(AFTER_HANGUP_SECONDS, task.cancel))

        pump.add_done_callback(ended)
        leg = FastAgiLeg(session, self._seconds, Watchdog(accepted, self._first_reply))
        try:
            await dialogue(leg)
        except CallerHungUp:
            self.stats.hung_up += 1
        except CommandTimeout as error:
            self.stats.timeouts += 1
            log.warning("call %.40s: %s", leg.call_id, error)
        except LegError as error:
            self.stats.failed += 1
            log.warning("call %.40s: %s", leg.call_id, error)
        except Exception:
            self.stats.failed += 1
            log.exception("call %.40s: the dialogue failed", leg.call_id)
        finally:
            pump.remove_done_callback(ended)
            pump.cancel()
            for timer in overrun:
                timer.cancel()
            self.stats.open -= 1
            self.stats.commands += session.commands
            self._running.discard(task)


async def probe(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether a voice server answers there within ``timeout`` seconds. A frozen one accepts but never answers."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port, limit=1024)
            try:
                writer.write(f"agi_network: yes\nagi_network_script: {HEALTH_SCRIPT}\n\n".encode())
                return await reader.readline() == HEALTH_ANSWER
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, ValueError):
        return False


def _close(writer: asyncio.StreamWriter) -> None:
    """Close without waiting for a peer that does not read."""
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()
