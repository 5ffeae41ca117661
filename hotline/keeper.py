"""Keeps one part running: starts or takes it over, watches it, starts it again with growing pauses, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hotline.part_log import PartLog
from hotline.parts import Part, StopStep
from hotline.process import Process, remembered

log = logging.getLogger(__name__)

State = Literal["stopped", "starting", "ready", "not answering", "waiting"]

PATIENCE = 3


class PartFailed(Exception):
    """A part did not come up; the text is one line for the operator."""


@dataclass(frozen=True)
class Timing:
    """Seconds, except ``log_bytes``: past that size a part's log is set aside (``.1`` … ``.<log_copies>``)."""

    look: float = 1.0
    answer: float = 3.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    calm: float = 60.0
    """A part that worked for so long starts with the first pause again."""
    log_bytes: int = 10_000_000
    log_copies: int = 3


def pause(failures: int, timing: Timing, chance: Callable[[], float] = random.random) -> float:
    """Seconds before start number ``failures`` + 1: doubling, bounded, spread by half so that parts do not march."""
    longest = min(timing.longest_pause, timing.first_pause * 2.0 ** min(failures - 1, 30))
    return longest * (0.5 + chance() / 2)


class Keeper:
    """The life of one part. ``changed`` is called whenever what :meth:`report` says has changed."""

    def __init__(
        self, part: Part, run_dir: Path, log_dir: Path, changed: Callable[[], None], timing: Timing | None = None
    ) -> None:
        self.part = part
        self.log_file = log_dir / f"{part.name}.log"
        self.process: Process | None = None
        self.state: State = "stopped"
        self._since = time.time()
        self._restarts = 0
        self._pid_file = run_dir / f"{part.name}.pid"
        self._changed = changed
        self._timing = timing or Timing()
        self._log = PartLog(self.log_file, self._timing.log_bytes, self._timing.log_copies)

    def report(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "pid": self.process.pid if self.process else None,
            "since": self._since,
            "restarts": self._restarts,
            "taken_over": bool(self.process and self.process.adopted),
            "log": str(self.log_file),
        }

    async def clear_leftover(self) -> None:
        """Stop one that an earlier supervisor left running, unless it is to be taken over."""
        if self.part.running is None and (pid := remembered(self._pid_file)) is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process = Process(pid)
                await self.stop(asyncio.Event())

    async def start(self) -> None:
        """Take over or start the part and wait until it works. Raises PartFailed; the process may then still run."""
        if self.process is None and self.part.running is not None and (found := self.part.running()) is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process = Process(found)
        if self.process is None:
            self._launch()
        self._set("starting")
        await self._until_it_works()
        self._set("ready")

    def adopt(self) -> bool:
        """Take over the process as it runs, without a look whether it works: :meth:`keep` sees to that."""
        found = self.part.running() if self.part.running is not None else remembered(self._pid_file)
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process = Process(found)
                self._set("ready")
        return self.process is not None

    async def renew(self) -> Process | None:
        """Put a new process in the place of the old one. Not to be called while :meth:`keep` runs.

        Where two may serve side by side, the old one is told to end once the new one serves, and returned: it goes on
        with what it has begun. Raises PartFailed: then the old one goes on serving. Where they may not, the old one
        ends first, and after PartFailed there is none until :meth:`keep` has started one.
        """
        old = self.process
        if self.part.serving is None or old is None or not old.alive:
            if old is not None:
                await self.stop(asyncio.Event())
            await self.start()
            return None
        self.process = None
        try:
            self._launch()
            await self._until_it_works(alone=False)
        except BaseException:
            await self._discard()
            self.process = old
            self._remember()
            raise
        self._since = time.time()
        self._changed()
        old.signal(signal.SIGTERM)
        return old

    async def keep(self) -> None:
        """Watch the part and start it again whenever it ends or freezes. Runs until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            if self.process is not None:
                log.warning("%s %s", self.part.name, await self._trouble())
                await self._kill()
            failures = 1 if time.monotonic() - began > self._timing.calm else failures + 1
            self._restarts += 1
            seconds = pause(failures, self._timing)
            self._set("waiting")
            log.warning("%s starts again in %.1f s", self.part.name, seconds)
            await asyncio.sleep(seconds)
            try:
                await self.start()
            except (PartFailed, OSError) as error:
                log.error("%s", error)
                await self._kill()
            else:
                log.warning("%s works again", self.part.name)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask it to end, step by step, then kill it. ``hurry`` leaves each step one second."""
        if self.process is not None:
            await end_process(self.part.name, self.process, self.part.stop, hurry)
            self._forget()

    def _launch(self) -> None:
        """Its own session, so that neither our death nor a Ctrl-C on our terminal reaches it."""
        try:
            with self._log.open() as out:
                child = subprocess.Popen(
                    self.part.command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=self.part.cwd,
                    env=self.part.environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise PartFailed(f"{self.part.name}: cannot start {self.part.command[0]}: {error.strerror}") from error
        self.process = Process(child.pid, child)
        self._remember()

    def _remember(self) -> None:
        assert self.process is not None
        try:
            self.process.remember(self._pid_file)
        except OSError as error:  # a full disk must not keep a part from running
            log.warning("cannot write %s: %s", self._pid_file, error.strerror)

    async def _until_it_works(self, alone: bool = True) -> None:
        """Not ``alone``: an older process answers too, so that it is we who serve counts as well."""
        assert self.process is not None

        async def works(pid: int) -> bool:
            if not alone and self.part.serving is not None and not self.part.serving(pid):
                return False
            return await self._works()

        # While the old one serves nobody waits for us, and a busy machine is no reason to give up.
        limit = self.part.start_seconds * (1 if alone else PATIENCE)
        deadline = time.monotonic() + limit
        ended = asyncio.ensure_future(self.process.wait())
        try:
            while not await works(self.process.pid):
                if ended.done():
                    raise PartFailed(f"{self.part.name} ended with {_ending(ended.result())}: {self._log.last_words()}")
                if time.monotonic() > deadline:
                    raise PartFailed(
                        f"{self.part.name} does not answer after {limit:.0f} s: "
                        f"{self._log.last_words()} (log: {self.log_file})"
                    )
                await asyncio.wait({ended}, timeout=0.05)
        finally:
            ended.cancel()

    async def _trouble(self) -> str:
        """Wait until the part has ended or is frozen; says which."""
        assert self.process is not None
        ended = asyncio.ensure_future(self.process.wait())
        silent_since: float | None = None
        misses = 0
        try:
            while True:
                await asyncio.wait({ended}, timeout=self._timing.look)
                if ended.done():
                    return f"ended with {_ending(ended.result())}: {self._log.last_words()}"
                self._log.rotate()
                asked = time.monotonic()
                if await self._works():
                    silent_since, misses = None, 0
                    self._set("ready")
                    continue
                silent_since, misses = silent_since or asked, misses + 1
                self._set("not answering")
                limit = self.part.freeze_seconds
                # Three misses at least: time alone also passes while this machine is suspended.
                if limit is not None and misses >= 3 and time.monotonic() - silent_since >= limit:
                    return f"has not answered for {limit:.0f} s: killed"
        finally:
            ended.cancel()

    async def _works(self) -> bool:
        try:
            async with asyncio.timeout(self._timing.answer):
                return await self.part.works()
        except (OSError, EOFError, ValueError, TimeoutError):
            return False

    async def _discard(self) -> None:
        """It never served."""
        if self.process is not None:
            self.process.signal(signal.SIGKILL, group=True)
            await self.process.wait()
            self.process.close()

    async def _kill(self) -> None:
        if self.process is not None:
            if self.part.freeze_seconds is None and self.process.alive:
                return  # slow to start, but never killed for that
            self.process.signal(signal.SIGKILL, group=True)
            await self.process.wait()
            self._forget()

    def _forget(self) -> None:
        if self.process is not None:
            self.process.close()
        self.process = None
        self._pid_file.unlink(missing_ok=True)
        self._set("stopped")

    def _set(self, state: State) -> None:
        if state != self.state:
            self.state, self._since = state, time.time()
            self._changed()


async def end_process(name: str, process: Process, steps: Sequence[StopStep], hurry: asyncio.Event) -> None:
    """Ask it to end, step by step, then kill it. ``hurry`` leaves each step one second."""
    ended = asyncio.ensure_future(process.wait())
    hurried = asyncio.ensure_future(hurry.wait())
    try:
        for action, seconds in steps:
            if not process.alive:
                break
            await action(process)
            await asyncio.wait({ended, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await asyncio.wait({ended}, timeout=1.0 if hurry.is_set() else 0.0)
        if process.alive:
            log.warning("%s does not end: killed", name)
            process.signal(signal.SIGKILL, group=True)
        await ended
    finally:
        ended.cancel()
        hurried.cancel()


def _ending(code: int | None) -> str:
    if code is None:
        return "unknown result"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
