"""The seven parts of a running hotline: how each is started, known to work, and asked to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from hotline import asterisk, postgres
from hotline.handover import serves
from hotline.heart import DIALLER_HEARTBEAT, HEARTBEAT, HEARTBEAT_SECONDS, SCRIBE_HEARTBEAT, SCRIBE_SECONDS
from hotline.process import Process, listener_pid
from hotline.secrets import Secrets
from hotline.settings import CHECKOUT, Settings
from ivr.fastagi_probe import probe as voice_probe

Probe = Callable[[], Awaitable[bool]]
StopStep = tuple[Callable[[Process], Awaitable[None]], float]
"""What to do, and for how many seconds to wait for the end before the next step."""

log = logging.getLogger(__name__)

FREEZE_SECONDS = 10.0
GRACE_SECONDS = 15.0
_MAX_REPLY = 4096


@dataclass(frozen=True)
class Part:
    name: str
    command: tuple[str, ...]
    works: Probe
    stop: tuple[StopStep, ...]
    """After the last step the part is killed."""
    start_seconds: float = 30.0
    freeze_seconds: float | None = None
    """Killed and started again when ``works`` says no for so long. None: a slow answer is no reason to kill it."""
    running: Callable[[], int | None] | None = None
    """Finds one that an earlier supervisor left, to be taken over. None: such a one is stopped and started anew."""
    serving: Callable[[int], bool] | None = None
    """Whether this process serves, where an old and a new one may do so side by side. None: they may not."""
    cwd: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def postgres_part(server: postgres.Postgres, secrets: Secrets) -> Part:
    async def works() -> bool:
        return await asyncio.to_thread(postgres.is_ready, server, secrets)

    return Part(
        name="postgres",
        command=tuple(server.command_line()),
        works=works,
        stop=((send(postgres.STOP_FAST), 20.0), (send(postgres.STOP_AT_ONCE), 5.0)),
        start_seconds=120.0,  # it may have to recover first
        running=server.running_pid,
    )


def asterisk_part(program: asterisk.Asterisk, settings: Settings) -> Part:
    control = asterisk.control_socket(settings)

    async def works() -> bool:
        return await asterisk.is_ready(control)

    async def stop_gracefully(process: Process) -> None:
        if calls := await asterisk.active_calls(control):
            log.warning("asterisk: calls under way: %d; waiting up to %.0f s", calls, GRACE_SECONDS)
        await asking("core stop gracefully")(process)

    def asking(command: str) -> Callable[[Process], Awaitable[None]]:
        async def ask(process: Process) -> None:
            try:
                await asterisk.ask(control, command, seconds=2.0)
            except asterisk.AsteriskError:
                process.signal(signal.SIGTERM)

        return ask

    return Part(
        name="asterisk",
        command=tuple(asterisk.command_line(program, asterisk.config_file(settings))),
        works=works,
        # Gracefully: no new calls, those under way may end.
        stop=((stop_gracefully, GRACE_SECONDS), (asking("core stop now"), 5.0)),
        running=lambda: listener_pid(control),
    )


def voice_part(settings: Settings) -> Part:
    async def works() -> bool:
        return await voice_probe("127.0.0.1", settings.agi.port)

    part = _python_part("voice", "hotline.voice", works)
    return replace(part, serving=partial(serves, settings.run_dir, "voice"))


def worker_part(settings: Settings) -> Part:
    return _python_part("worker", "hotline.worker", _beats(settings.run_dir / HEARTBEAT, HEARTBEAT_SECONDS))


def dialler_part(settings: Settings) -> Part:
    """Killing it loses nothing: calls under way are Asterisk's, and what came of them is in its log."""
    return _python_part("dialler", "hotline.dialler", _beats(settings.run_dir / DIALLER_HEARTBEAT, HEARTBEAT_SECONDS))


def scribe_part(settings: Settings) -> Part:
    """Last in line for the processor, so it may be slow at everything. Killing it loses nothing."""
    part = _python_part("scribe", "hotline.scribe", _beats(settings.run_dir / SCRIBE_HEARTBEAT, SCRIBE_SECONDS))
    return replace(
        part, start_seconds=SCRIBE_SECONDS, freeze_seconds=SCRIBE_SECONDS, stop=((send(signal.SIGTERM), 5.0),)
    )


def _beats(heartbeat: Path, seconds: float) -> Probe:
    async def works() -> bool:
        try:
            return time.time() - heartbeat.stat().st_mtime < seconds
        except FileNotFoundError:
            return False

    return works


def web_part(settings: Settings) -> Part:
    async def works() -> bool:
        # Any answer will do: /health says 503 when another part is down, which is no reason to kill this one.
        reader, writer = await asyncio.open_connection(settings.web.bind, settings.web.port, limit=_MAX_REPLY)
        try:
            writer.write(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return (await reader.readline()).startswith(b"HTTP/1.")
        finally:
            writer.close()

    part = _python_part("web", "hotline.web_server", works)
    return replace(part, serving=partial(serves, settings.run_dir, "web"))


def _python_part(name: str, module: str, works: Probe) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-m", module),
        works=works,
        stop=((send(signal.SIGTERM), 10.0),),
        freeze_seconds=FREEZE_SECONDS,
        cwd=CHECKOUT,
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def send(number: signal.Signals) -> Callable[[Process], Awaitable[None]]:
    async def signal_it(process: Process) -> None:
        process.signal(number)

    return signal_it
