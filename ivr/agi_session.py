"""One FastAGI connection after its headers: commands out, each tied to its own reply.

AGI numbers neither commands nor replies, so a session allows one command at a time and ends at the first line it cannot
account for. panoramisk's ``Request`` takes ``HANGUP`` for a reply, which shifts all later replies by one command.
"""

from __future__ import annotations

import asyncio
import contextlib

from panoramisk import fast_agi

from ivr import agi_wire
from ivr.leg import CallerHungUp, LegError

REPLY_SECONDS = 5.0
"""Time for Asterisk to answer, on top of what the command itself takes."""
MAX_EXTRA_LINES = 64
"""Lines of a usage message, or ``100 Trying`` before one reply."""


class CommandTimeout(LegError):
    """Asterisk did not answer in time; the session is closed."""


class Session(fast_agi.Request):  # type: ignore[misc]
    """panoramisk's request with sending and reading replaced. Owns nothing: the server closes the socket."""

    def __init__(
        self,
        app: fast_agi.Application,
        opening: agi_wire.Opening,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        super().__init__(app, opening.headers, reader, writer)
        self.opening = opening
        self.commands = 0
        self.first_command_at: float | None = None
        """By the event loop's clock."""
        self._waiter: asyncio.Future[agi_wire.Reply] | None = None
        self._extra = 0
        self._usage = False
        self._over: Exception | None = None
        self._ended = asyncio.Event()

    async def send_command(self, command: str, seconds: float = 0.0) -> agi_wire.Reply:
        """Send one command that takes ``seconds`` by itself and return its reply."""
        if self._over is not None:
            raise self._over
        if self._waiter is not None:
            raise LegError("a command is still running")
        try:
            line = agi_wire.encode_command(command)
        except agi_wire.WireError as error:
            raise LegError(str(error)) from error
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[agi_wire.Reply] = loop.create_future()
        self._waiter = waiter
        self._extra = 0
        self._usage = False
        if self.first_command_at is None:
            self.first_command_at = loop.time()
        self.commands += 1
        expiry = loop.call_later(seconds + REPLY_SECONDS, self._end, CommandTimeout(f"no reply to {command[:40]!r}"))
        # Never more than one unanswered command is buffered, so there is nothing to drain.
        self.writer.write(line)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._end(LegError("a command was cancelled"))
            raise
        finally:
            expiry.cancel()
            self._waiter = None

    async def over(self, seconds: float) -> bool:
        """Whether the session ends within ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        return self._over is not None

    async def pump(self) -> None:
        """Read replies until the other side is done. Runs as a task beside the dialogue."""
        try:
            while self._over is None:
                line = await self.reader.readline()
                if not line.endswith(b"\n"):
                    break
                self._receive(line.decode("utf-8", "replace").rstrip("\r\n"))
        except ValueError:
            self._end(LegError("a reply without end"))
        except OSError:
            pass
        self._end(CallerHungUp())

    def _receive(self, line: str) -> None:
        if line == "HANGUP":
            self._end(CallerHungUp())
            return
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._end(LegError(f"a reply to nothing: {line[:80]!r}"))
            return
        if line.startswith("100 ") or line.startswith("520-") or (self._usage and not line.startswith("520 ")):
            self._usage = self._usage or line.startswith("520-")
            self._extra += 1
            if self._extra > MAX_EXTRA_LINES:
                self._end(LegError("a reply without end"))
            return
        try:
            reply = agi_wire.parse_reply(line)
        except agi_wire.WireError:
            self._end(LegError(f"not a reply: {line[:80]!r}"))
            return
        if reply.code == 511:
            self._end(CallerHungUp())
        else:
            waiter.set_result(reply)

    def _end(self, why: Exception) -> None:
        """The first reason counts; a waiting command learns of it at once."""
        if self._over is not None:
            return
        self._over = why
        self._ended.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(why)
