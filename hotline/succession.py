"""The supervisor's side of ``hotline upgrade``: it is the new version already, the parts are still the old ones.

They are taken over as they run, watched, and one after another replaced while calls go on: Asterisk's configuration
first, since the new voice server may need it; then the voice server, whose failure ends the upgrade before the others
are touched; then those that no caller sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable

from datafile import DataFileError
from hotline import asterisk, postgres
from hotline.asterisk_reload import reload_asterisk
from hotline.instance import exchange_part, prepare, python_parts
from hotline.keeper import Keeper, PartFailed, end_process
from hotline.parts import postgres_part, send
from hotline.process import Process, remembered
from hotline.settings import Settings, SettingsError
from hotline.supervisor import Supervisor
from hotline.upgrade_progress import Teller

log = logging.getLogger(__name__)

FIRST = "voice"
END_SECONDS = 10.0


class Succession:
    """A :class:`hotline.supervisor.Instance` whose parts run already; :meth:`renew` replaces them."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._teller = Teller(settings.run_dir, say)
        self._supervisor: Supervisor | None = None
        self._exchange: Keeper | None = None
        self._servers: list[Keeper] = []

    async def start(self, supervisor: Supervisor) -> None:
        """Raises SettingsError, DataFileError; what runs then runs on, kept by nobody."""
        try:
            await self._take_over(supervisor)
        except (SettingsError, DataFileError, OSError) as error:
            self._teller.end(f"{error}; the parts run on without a supervisor: mend it and start `hotline run`")
            raise

    async def _take_over(self, supervisor: Supervisor) -> None:
        settings = self._settings
        self._supervisor = supervisor
        secrets = await asyncio.to_thread(prepare, settings)
        if not settings.database.url:
            server = await asyncio.to_thread(postgres.prepare, settings, secrets)
            supervisor.add(postgres_part(server, secrets)).adopt()
        self._exchange = supervisor.add(exchange_part(settings))
        self._exchange.adopt()
        # The voice server comes first in this list.
        for part in python_parts(settings):
            self._servers.append(supervisor.add(part))
            self._servers[-1].adopt()
        self._teller.tell("supervisor renewed 监管进程已更新")

    async def renew(self) -> None:
        """Never raises but for cancellation: what goes wrong is told."""
        try:
            error = await self._renew()
        except asyncio.CancelledError:
            self._teller.end("stopped before it was through")
            raise
        except (PartFailed, SettingsError, DataFileError, asterisk.AsteriskError, OSError) as fault:
            error = str(fault)
        except Exception as fault:
            log.exception("upgrade")
            error = f"{type(fault).__name__}: {fault}"
        self._teller.end(error)

    async def _renew(self) -> str:
        """What went wrong after the voice server was replaced; the parts concerned are started again and again."""
        assert self._supervisor is not None
        assert self._exchange is not None
        if self._exchange.process is not None:
            await reload_asterisk(self._settings, self._exchange.process.pid, self._teller.tell)
        faults: list[str] = []
        draining: list[asyncio.Task[None]] = []
        for keeper in self._servers:
            name, began = keeper.part.name, time.monotonic()
            try:
                old = await self._supervisor.renew(keeper)
            except (PartFailed, OSError) as error:
                if name == FIRST:
                    raise
                faults.append(str(error))
                self._teller.tell(f"{name:<9} failed 失败: {error}")
                continue
            pid = keeper.process.pid if keeper.process is not None else 0
            self._teller.tell(f"{name:<9} new 新 (pid {pid}) {time.monotonic() - began:.1f} s")
            if old is not None:
                self._tell_end(name, old)
                draining.append(old)
        await self._end_others()
        if draining:
            await asyncio.wait(draining)
        return "; ".join(faults)

    def _tell_end(self, name: str, old: asyncio.Task[None]) -> None:
        since = time.monotonic()

        def tell(_: asyncio.Task[None]) -> None:
            self._teller.tell(f"{name:<9} old one ended 旧进程已结束 {time.monotonic() - since:.1f} s")

        old.add_done_callback(tell)

    async def _end_others(self) -> None:
        """Parts that this version, or a changed setting, does without."""
        known = {keeper.part.name for keeper in self._servers} | {"asterisk", "postgres"}
        for file in sorted(self._settings.run_dir.glob("*.pid")):
            pid = remembered(file)
            if file.stem in known or pid is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process = Process(pid)
                await end_process(file.stem, process, ((send(signal.SIGTERM), END_SECONDS),), asyncio.Event())
                process.close()
            file.unlink(missing_ok=True)
            self._teller.tell(f"{file.stem:<9} ended 已停用")
