"""Asterisk's manager interface, for live state and commands. History never comes from here.

The connection is kept up for as long as the object lives: checked by a ping, dropped when one is not answered, made
again with growing pauses. After each login the callbacks of :meth:`Ami.on_resync` rebuild what they know
(:mod:`routing.live`); the events that came meanwhile follow in order. No action is ever sent twice.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from panoramisk import Manager

from routing.ami_wire import (
    AmiError,
    AmiInvalid,
    AmiLost,
    AmiRefused,
    AmiReply,
    AmiTimeout,
    Connection,
    Event,
)

__all__ = [
    "Ami",
    "AmiAuthError",
    "AmiError",
    "AmiInvalid",
    "AmiLost",
    "AmiRefused",
    "AmiReply",
    "AmiTimeout",
    "Event",
    "Handler",
]

log = logging.getLogger(__name__)

Handler = Callable[[Event], Awaitable[None] | None]
Resync = Callable[[], Awaitable[None]]

CONNECT_SECONDS = 5.0
BOOT_SECONDS = 30.0
"""After a login Asterisk may still be loading modules; it says ``FullyBooted`` when it is done."""
RESYNC_SECONDS = 30.0
PING_SECONDS = 10.0
PONG_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
MAX_EVENTS = 20_000
"""Events that wait for their handlers. Past this they are thrown away with the connection, and a resync follows."""

_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]*")


class AmiAuthError(AmiError):
    """Asterisk does not accept user and secret, or this address."""


class Ami:
    """One manager connection. Use within one event loop; ``close()`` it.

    ``connected`` is set while logged in and resynchronised.
    """

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self._address = host, port
        self._login = {"Username": user, "Secret": secret, "Events": "on"}
        self.connected = asyncio.Event()
        # panoramisk's manager keeps the event patterns. Its connection handling is not used, nor is the handler it
        # registers for itself, which sends old actions again.
        self._patterns = Manager()
        self._patterns.patterns.clear()
        self._patterns.callbacks.clear()
        self._resync: list[Resync] = []
        self._events: asyncio.Queue[Event] = asyncio.Queue(MAX_EVENTS)
        self._booted = asyncio.Event()
        self._connection: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, log in, resynchronise and stay connected. Raises :class:`AmiError` if the first attempt fails."""
        connection = await self._open()
        self._keeper = asyncio.create_task(self._keep(connection))

    def start(self) -> None:
        """Connect as soon as Asterisk is there, and stay connected; returns at once."""
        self._keeper = asyncio.create_task(self._keep(None))

    async def close(self) -> None:
        """Log out by closing the connection; actions under way fail with :class:`AmiLost`."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        self._drop("closed")

    def on_event(self, pattern: str, handler: Handler) -> None:
        """Call ``handler`` for events whose name matches, with ``*`` as in file names, one after the other."""
        self._patterns.register_event(pattern, handler)

    def on_resync(self, callback: Resync) -> None:
        """Await ``callback`` after each login, before the events that follow it."""
        self._resync.append(callback)

    async def action(
        self,
        name: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        timeout: float = 5.0,
        until: str | None = None,
    ) -> AmiReply:
        """Send one action, once. ``until`` names the event that ends it, for the few that go on after the response.

        Raises :class:`AmiRefused` (Asterisk said no), :class:`AmiLost` or :class:`AmiTimeout` (outcome unknown),
        :class:`AmiInvalid` (a line break or the like in a value).
        """
        if self._connection is None:
            raise AmiLost("AMI: not connected")
        return await self._connection.action(name, fields or {}, timeout, until)

    async def originate(
        self,
        channel: str,
        *,
        channel_id: str,
        context: str,
        exten: str,
        caller_id: str = "",
        ring_seconds: float = 30.0,
        variables: Mapping[str, str] | None = None,
    ) -> Event:
        """Ring ``channel`` and, when it answers, run ``context``/``exten`` on it. Returns ``OriginateResponse``.

        Never repeated here, and not to be repeated by the caller when it raises :class:`AmiLost` or
        :class:`AmiTimeout`: the phone may be ringing. ``channel_id`` is what the log will name it; empty: any.
        """
        for name, value in (variables or {}).items():
            # Asterisk splits this header at commas, so one in a value would set another variable.
            if not _VARIABLE.fullmatch(name) or re.search(r'[,"\\]', value):
                raise AmiInvalid(f"not a variable that can be passed: {name!r}")
        fields: dict[str, str | Sequence[str]] = {
            "Channel": channel,
            "Context": context,
            "Exten": exten,
            "Priority": "1",
            "Timeout": str(round(ring_seconds * 1000)),
            "Async": "true",
            "Variable": [f"{name}={value}" for name, value in (variables or {}).items()],
        }
        if channel_id:
            fields["ChannelId"] = channel_id
        if caller_id:
            fields["CallerID"] = caller_id
        reply = await self.action("Originate", fields, ring_seconds + 5.0, until="OriginateResponse")
        return reply.events[-1]

    async def _open(self) -> Connection:
        """One attempt: connect, log in, wait until Asterisk has booted, resynchronise."""
        self._booted.clear()
        while not self._events.empty():
            self._events.get_nowait()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._received, self.connected.clear), *self._address
                )
        except (OSError, TimeoutError) as error:
            host, port = self._address
            raise AmiError(f"AMI: no connection to {host}:{port}: {str(error) or 'timeout'}") from error
        self._connection = connection
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.greeted
            await self._log_in(connection)
            async with asyncio.timeout(BOOT_SECONDS):
                await self._booted.wait()
            async with asyncio.timeout(RESYNC_SECONDS):
                for callback in self._resync:
                    await callback()
        except TimeoutError as error:
            self._drop("Asterisk is not ready")
            raise AmiTimeout("AMI: Asterisk is not ready") from error
        except BaseException:
            self._drop("login failed")
            raise
        self.connected.set()
        return connection

    async def _log_in(self, connection: Connection) -> None:
        try:
            await connection.action("Login", self._login, CONNECT_SECONDS)
        except AmiRefused as error:
            raise AmiAuthError(f"AMI: login refused for {self._login['Username']!r}: {error}") from error

    async def _keep(self, connection: Connection | None) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                connection = connection or await self._open()
                pause = FIRST_PAUSE
                log.info("AMI connected")
                await self._live(connection)
            except AmiError as error:
                log.warning("%s", error)
            except Exception:
                log.exception("AMI: resynchronising failed")
            finally:
                self._drop("lost")
            connection = None
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live(self, connection: Connection) -> None:
        """Until the connection is lost: hand out events, ping."""
        dispatcher = asyncio.create_task(self._dispatch())
        try:
            while True:
                done, _ = await asyncio.wait([connection.lost], timeout=PING_SECONDS)
                if done:
                    raise AmiLost(f"AMI: {connection.lost.result()}")
                await connection.action("Ping", {}, PONG_SECONDS)
        finally:
            dispatcher.cancel()

    def _received(self, event: Event) -> None:
        if event["Event"] == "FullyBooted":
            self._booted.set()
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self._drop("the handlers do not keep up with the events")

    async def _dispatch(self) -> None:
        while True:
            event = await self._events.get()
            for pattern, regexp in self._patterns.patterns:
                if regexp.match(event["Event"]):
                    for handler in self._patterns.callbacks[pattern]:
                        await _call(handler, event)

    def _drop(self, why: str) -> None:
        self.connected.clear()
        if self._connection is not None:
            self._connection.drop(why)
            self._connection = None


async def _call(handler: Handler, event: Event) -> None:
    """A handler that fails is its own problem, not the connection's."""
    try:
        result = handler(event)
        if inspect.isawaitable(result):
            await result
    except Exception:
        log.exception("AMI: a handler of %s failed", event["Event"])
