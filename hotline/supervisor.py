"""Starts the parts in order, keeps them running, and ends them in order (``hotline run``).

PostgreSQL and Asterisk outlive a killed supervisor; the next one takes them over, so that no call is cut. The Python
parts hold nothing and are started anew.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from hotline.keeper import Keeper, Timing
from hotline.parts import Part
from hotline.preflight import supervisor_runs
from hotline.settings import Settings

log = logging.getLogger(__name__)

STATUS_FILE = "supervisor.json"
REWRITE_SECONDS = 2.0
KEEP_AGAIN_SECONDS = 1.0
Say = Callable[[str], None]


class Instance(Protocol):
    """What is to be run; hotline/instance.py for the real thing."""

    async def start(self, supervisor: Supervisor) -> None:
        """:meth:`Supervisor.add` every part and :meth:`Supervisor.bring_up` them, in the order they need."""


class Supervisor:
    """One running hotline. Call :meth:`run` once; :meth:`end` from a signal handler."""

    def __init__(self, run_dir: Path, log_dir: Path, say: Say, timing: Timing | None = None) -> None:
        self._run_dir = run_dir
        self._log_dir = log_dir
        self._say = say
        self._timing = timing
        self._keepers: list[Keeper] = []
        self._state: Literal["starting", "ready", "stopping", "stopped"] = "starting"
        self._began = time.time()
        self._written = True
        self._end = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self, instance: Instance, ready: Callable[[], None]) -> None:
        """Start, stay, stop. What ``instance.start`` raises is raised here, after all that it started is stopped."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self.write_status()
        try:
            await self._start(instance)
            if not self._end.is_set():
                self._state = "ready"
                self.write_status()
                ready()
                await self._keep()
        finally:
            self._state = "stopping"
            self.write_status()
            await self._stop()
            self._state = "stopped"
            self.write_status()

    def end(self) -> None:
        """The first call ends in order, the second without patience."""
        if self._end.is_set():
            self._hurry.set()
        self._end.set()

    def add(self, part: Part) -> Keeper:
        keeper = Keeper(part, self._run_dir, self._log_dir, self.write_status, self._timing)
        self._keepers.append(keeper)
        return keeper

    async def bring_up(self, keeper: Keeper) -> None:
        """Start or take over one part, and wait until it works. Raises PartFailed."""
        began = time.monotonic()
        await keeper.start()
        assert keeper.process is not None
        how = "taken over 接管" if keeper.process.adopted else f"ready 就绪 {time.monotonic() - began:.1f} s"
        self._say(f"{keeper.part.name:<9} {how} (pid {keeper.process.pid})")

    def write_status(self) -> None:
        status = {
            "state": self._state,
            "ready": self._state == "ready",
            "pid": os.getpid(),
            "since": self._began,
            "parts": {keeper.part.name: keeper.report() for keeper in self._keepers},
        }
        new = self._run_dir / f"{STATUS_FILE}.new"
        try:
            new.write_text(json.dumps(status, ensure_ascii=False), encoding="utf-8")
            new.replace(self._run_dir / STATUS_FILE)
            self._written = True
        except OSError as error:  # a full disk must not end the hotline
            if self._written:
                log.warning("cannot write %s: %s", self._run_dir / STATUS_FILE, error.strerror)
            self._written = False

    async def _write_when_possible(self) -> None:
        """Once the disk has room again the status file says what is."""
        while True:
            await asyncio.sleep(REWRITE_SECONDS)
            if not self._written:
                self.write_status()

    async def _start(self, instance: Instance) -> None:
        """Until started or told to end."""
        starting = asyncio.ensure_future(instance.start(self))
        ending = asyncio.ensure_future(self._end.wait())
        try:
            await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
        if not starting.cancelled():
            await starting

    async def _keep(self) -> None:
        keeping = [asyncio.ensure_future(self._keep_one(keeper)) for keeper in self._keepers]
        keeping.append(asyncio.ensure_future(self._write_when_possible()))
        try:
            await self._end.wait()
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep_one(self, keeper: Keeper) -> None:
        """What goes wrong in the keeping of one part must not end the others, with calls on them."""
        while True:
            try:
                await keeper.keep()
            except Exception as error:
                log.exception("%s: watching it failed: %r: going on", keeper.part.name, error)
            await asyncio.sleep(KEEP_AGAIN_SECONDS)

    async def _stop(self) -> None:
        """Those who serve callers first, all at once; then Asterisk; the database last."""
        by_name = {keeper.part.name: keeper for keeper in self._keepers}
        started_well = self._end.is_set()
        for names in stop_order(list(by_name)):
            stopping = []
            for name in names:
                keeper = by_name[name]
                if keeper.process is None:
                    continue
                if keeper.process.adopted and not started_well:
                    # A start that failed must not cut the calls of an Asterisk that was running before it.
                    self._say(f"{name:<9} left running as it was 保持运行 (pid {keeper.process.pid})")
                    continue
                self._say(f"{name:<9} stopping 停止中")
                stopping.append(keeper.stop(self._hurry))
            for failed in await asyncio.gather(*stopping, return_exceptions=True):
                if failed is not None:
                    log.error("stopping: %r", failed)


def stop_order(names: Sequence[str]) -> list[list[str]]:
    last = [[name] for name in ("asterisk", "postgres") if name in names]
    return [[name for name in names if [name] not in last], *last]


async def all_of(*work: Awaitable[object]) -> None:
    """Do several things at once; the first failure cancels the rest and is raised as it is."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def read_status(settings: Settings) -> dict[str, Any] | None:
    """What the supervisor of this instance last wrote, or None when none is running."""
    if not supervisor_runs(settings.run_dir):
        return None
    try:
        found = json.loads((settings.run_dir / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
