"""Starts the parts in order, keeps them running, and ends them in order (``hotline run``).

PostgreSQL and Asterisk outlive a killed supervisor; the next one takes them over, so that no call is cut. The Python
parts hold nothing and are started anew. A supervisor that is upgraded leaves all of them running to what it becomes
(hotline/succession.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from hotline.handover import DRAIN_SECONDS
from hotline.keeper import Keeper, Timing, end_process
from hotline.parts import Part, send
from hotline.preflight import supervisor_runs
from hotline.process import Process
from hotline.settings import Settings

log = logging.getLogger(__name__)

STATUS_FILE = "supervisor.json"
REWRITE_SECONDS = 2.0
KEEP_AGAIN_SECONDS = 1.0
DRAIN_GRACE_SECONDS = 15.0
"""After which a process that should have ended by itself is ended."""
Say = Callable[[str], None]


class Instance(Protocol):
    """What is to be run; hotline/instance.py for the real thing."""

    async def start(self, supervisor: Supervisor) -> None:
        """:meth:`Supervisor.add` every part and :meth:`Supervisor.bring_up` them, in the order they need."""


class Supervisor:
    """One running hotline. Call :meth:`run` once; :meth:`end` or :meth:`leave` from a signal handler."""

    def __init__(self, run_dir: Path, log_dir: Path, say: Say, timing: Timing | None = None) -> None:
        self._run_dir = run_dir
        self._log_dir = log_dir
        self._say = say
        self._timing = timing
        self._keepers: dict[str, Keeper] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._draining: dict[asyncio.Task[None], int] = {}
        self._state: Literal["starting", "ready", "stopping", "stopped", "leaving"] = "starting"
        self._began = time.time()
        self._written = True
        self._upgrading = False
        self._end = asyncio.Event()
        self._hurry = asyncio.Event()
        self._leave = False

    async def run(
        self, instance: Instance, ready: Callable[[], None], meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Start, stay, stop; ``meanwhile`` while it stays. What ``instance.start`` raises is raised here, after all
        that it started is stopped. True: told to leave; every part runs on, kept by nobody."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._upgrading = meanwhile is not None
        self.write_status()
        try:
            await self._start(instance)
            if not self._end.is_set():
                self._state = "ready"
                self.write_status()
                ready()
                await self._keep(meanwhile)
        finally:
            leaving = self._leave
            self._state = "leaving" if leaving else "stopping"
            self.write_status()
            if not leaving:
                await self._stop()
                self._state = "stopped"
                self.write_status()
        return leaving

    def end(self) -> None:
        """The first call ends in order, the second without patience."""
        if self._leave:
            self._leave = False  # ending comes first
        elif self._end.is_set():
            self._hurry.set()
        self._end.set()

    def leave(self) -> None:
        """Stop keeping the parts, and leave them as they are. While one of them is being upgraded this does nothing."""
        if self._state == "ready" and not self._upgrading and not self._end.is_set():
            self._leave = True
            self._end.set()

    def add(self, part: Part) -> Keeper:
        keeper = Keeper(part, self._run_dir, self._log_dir, self.write_status, self._timing)
        self._keepers[part.name] = keeper
        return keeper

    async def bring_up(self, keeper: Keeper) -> None:
        """Start or take over one part, and wait until it works. Raises PartFailed."""
        began = time.monotonic()
        await keeper.start()
        assert keeper.process is not None
        how = "taken over 接管" if keeper.process.adopted else f"ready 就绪 {time.monotonic() - began:.1f} s"
        self._say(f"{keeper.part.name:<9} {how} (pid {keeper.process.pid})")

    async def renew(self, keeper: Keeper) -> asyncio.Task[None] | None:
        """:meth:`hotline.keeper.Keeper.renew` of a part that is kept. What is returned ends when the old process has,
        where it goes on for a while. Raises PartFailed."""
        await self._leave_alone(keeper)
        try:
            old = await keeper.renew()
        finally:
            if not self._end.is_set():
                self._watch(keeper)
        if old is None:
            return None
        draining = asyncio.ensure_future(self._drain(keeper.part, old))
        self._draining[draining] = old.pid
        draining.add_done_callback(self._drained)
        self.write_status()
        return draining

    def write_status(self) -> None:
        status = {
            "state": self._state,
            "ready": self._state == "ready",
            "pid": os.getpid(),
            "since": self._began,
            "upgrades": True,
            "upgrading": self._upgrading,
            "draining": sorted(self._draining.values()),
            "parts": {name: keeper.report() for name, keeper in self._keepers.items()},
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

    async def _keep(self, meanwhile: Callable[[], Awaitable[None]] | None) -> None:
        for keeper in self._keepers.values():
            self._watch(keeper)
        others = [asyncio.ensure_future(self._write_when_possible())]
        if meanwhile is not None:
            others.append(asyncio.ensure_future(self._upgrade(meanwhile)))
        try:
            await self._end.wait()
        finally:
            # First what would otherwise watch a part again.
            for tasks in (others, list(self._watching.values())):
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _upgrade(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        try:
            await meanwhile()
        except Exception as error:
            log.exception("upgrading failed: %r: going on", error)
        self._upgrading = False
        self.write_status()

    def _watch(self, keeper: Keeper) -> None:
        self._watching[keeper.part.name] = asyncio.ensure_future(self._keep_one(keeper))

    async def _leave_alone(self, keeper: Keeper) -> None:
        watching = self._watching.pop(keeper.part.name, None)
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _keep_one(self, keeper: Keeper) -> None:
        """What goes wrong in the keeping of one part must not end the others, with calls on them."""
        while True:
            try:
                await keeper.keep()
            except Exception as error:
                log.exception("%s: watching it failed: %r: going on", keeper.part.name, error)
            await asyncio.sleep(KEEP_AGAIN_SECONDS)

    async def _drain(self, part: Part, old: Process) -> None:
        """The old process ends by itself; told again when it does not, or when the whole hotline ends."""
        ended = asyncio.ensure_future(old.wait())
        ending = asyncio.ensure_future(self._end.wait())
        try:
            limit = DRAIN_SECONDS + DRAIN_GRACE_SECONDS
            await asyncio.wait({ended, ending}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            steps = ((send(signal.SIGTERM), DRAIN_GRACE_SECONDS),)
            await end_process(f"{part.name} (old)", old, steps, self._hurry)
        finally:
            ended.cancel()
            ending.cancel()
            old.close()

    def _drained(self, task: asyncio.Task[None]) -> None:
        del self._draining[task]
        self.write_status()

    async def _stop(self) -> None:
        """Those who serve callers first, all at once; then Asterisk; the database last."""
        started_well = self._end.is_set()
        for names in stop_order(list(self._keepers)):
            stopping: list[Awaitable[None]] = []
            for name in names:
                keeper = self._keepers[name]
                if keeper.process is None:
                    continue
                if keeper.process.adopted and not started_well:
                    # A start that failed must not cut the calls of an Asterisk that was running before it.
                    self._say(f"{name:<9} left running as it was 保持运行 (pid {keeper.process.pid})")
                    continue
                self._say(f"{name:<9} stopping 停止中")
                stopping.append(keeper.stop(self._hurry))
            for failed in await asyncio.gather(*stopping, *self._draining, return_exceptions=True):
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
