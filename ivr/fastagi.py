"""FastAGI server: Asterisk connects, one dialogue per call runs, nothing a peer sends can stop the others.

panoramisk supplies the application and its route table. Its connection handler and its way of sending commands are
replaced (:class:`Application`, :class:`ivr.agi_session.Session`): with them a peer that connects and closes freezes
the whole event loop, headers and replies have no limit or deadline, and cancellation is swallowed.

Health: a client that sends ``agi_network_script: health`` and an empty line gets the line ``VERBOSE "ok" 3`` (a valid
AGI command) and the end of the stream, from the same event loop that serves the calls. :func:`ivr.fastagi_probe.probe`
is that client.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from panoramisk import fast_agi

from ivr import agi_wire
from ivr.agi_leg import FastAgiLeg
from ivr.agi_session import CommandTimeout, Session
from ivr.audio.speech import Speech
from ivr.fastagi_probe import HEALTH_ANSWER, HEALTH_SCRIPT
from ivr.leg import CallerHungUp, LegError
from ivr.watchdog import Watchdog

__all__ = ["Dialogue", "FastAgiLeg", "FastAgiServer", "FastAgiStats"]

log = logging.getLogger(__name__)

HEADER_SECONDS = 2.0
BACKLOG = 256
"""Connections that the kernel keeps for us while we are busy."""
ACCEPTS = 8
"""Connections taken in one turn of the event loop, so that a burst of them does not hold up the calls' replies."""
MAX_PENDING = 64
"""Connections without headers yet; past this the oldest is thrown out. Asterisk sends its headers at once, so a call's
connection is in this state for two turns of the event loop."""
END_SECONDS = 5.0
"""For a dialogue that was cancelled."""
AFTER_HANGUP_SECONDS = 10.0
"""A dialogue that goes on this long after its call has ended is cancelled."""

Dialogue = Callable[[FastAgiLeg], Awaitable[None]]
"""Runs one call; it may raise what the leg raises."""


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


class Application(fast_agi.Application):  # type: ignore[misc]
    """panoramisk's application: its route table, with a connection handler of our own."""

    def __init__(self, server: FastAgiServer) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.server = server

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A task of our own per connection: asyncio's would log a cancelled one as an error on Python 3.11."""
        task = self.loop.create_task(self.handler(reader, writer))
        self.server.running.add(task)
        task.add_done_callback(self.server.running.discard)

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
    before ``AGI()``. A call past ``max_sessions`` is closed at once, which sends it to the dialplan's fallback. With
    ``speech`` callers may talk. ``on_first_command`` is told, when a call has left us, how many seconds after its
    connection its first command went out.
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
        speech: Speech | None = None,
        on_first_command: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        if not allow_remote and not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise ValueError(f"AGI has no authentication: {host} is not a loopback address")
        if HEALTH_SCRIPT in routes:
            raise ValueError(f"the script name {HEALTH_SCRIPT!r} is taken")
        self._routes = dict(routes)
        self._seconds = seconds
        self._host = host
        self._speech = speech
        self._on_first_command = on_first_command
        self.port = port
        self.listener: socket.socket | None = None
        """Where we listen, once started."""
        self._first_reply = first_reply_seconds
        self.max_sessions = max_sessions
        self._max_pending = max_pending
        self._header_seconds = header_seconds
        self.stats = FastAgiStats()
        self._pending: dict[asyncio.StreamWriter, None] = {}
        self.running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket | None = None) -> None:
        """Listen, at ``listener`` if there is one; raises OSError if the port is taken. With port 0 the real one is in
        ``port`` afterwards."""
        application = Application(self)
        for name, dialogue in self._routes.items():
            application.add_route(name, dialogue)
        listener = listener or socket.create_server((self._host, self.port))
        try:
            self._server = await asyncio.start_server(
                application.accept, sock=listener, limit=agi_wire.MAX_HEADER_BYTES, backlog=ACCEPTS
            )
            listener.listen(BACKLOG)  # asyncio has one number for both, and has just set the smaller
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self.listener = listener

    async def stop(self, drain_seconds: float = 5.0, hurry: asyncio.Event | None = None) -> None:
        """Take no more calls, let those running finish for ``drain_seconds`` or until ``hurry``, then cancel them.

        Who has connected but not said so yet is a caller too. Who waits in the listening socket is lost, unless another
        process listens at it too (hotline/handover.py)."""
        if self._server is None:
            return
        self._server.close()
        deadline = asyncio.get_running_loop().time() + drain_seconds
        hurried = asyncio.ensure_future((hurry or asyncio.Event()).wait())
        try:
            while self.running and not hurried.done():
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await asyncio.wait({*self.running, hurried}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
        late = set(self.running)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=END_SECONDS)
        self._server = None

    async def read_opening(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> agi_wire.Opening | None:
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
        self.stats.open += 1
        self.stats.sessions += 1
        pump = loop.create_task(session.pump())
        overrun: list[asyncio.TimerHandle] = []

        def ended(_: asyncio.Task[None]) -> None:
            overrun.append(loop.call_later(AFTER_HANGUP_SECONDS, task.cancel))

        pump.add_done_callback(ended)
        leg = FastAgiLeg(session, self._seconds, Watchdog(accepted, self._first_reply), self._speech)
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
            if session.first_command_at is not None:
                self._on_first_command(session.first_command_at - accepted)


def _close(writer: asyncio.StreamWriter) -> None:
    """Close without waiting for a peer that does not read."""
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()
