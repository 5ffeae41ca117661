"""Recording stops before the disk is full: calls go on, and log and database keep their room (DESIGN decision 11)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import Alert, close_alerts, raise_alerts
from hotline.stopping import pause

log = logging.getLogger(__name__)
KIND = "recording_stopped"
DISK_LOW = "disk_low"
INTERVAL = 2.0
AGAIN = 1.1
"""Recording begins again above the mark times this, so that it does not flicker."""

StopRecordings = Callable[[], Awaitable[None]]


@dataclass
class SpaceGuard:
    """``flag`` exists while no new call may be recorded (the dialplan looks at it); ``stop_recordings`` ends those
    under way. What could not be done (database or Asterisk away) is done at a later look."""

    folder: Path
    flag: Path
    min_free: int
    """Bytes."""
    engine: AsyncEngine
    stop_recordings: StopRecordings
    _ended: bool = False
    _said: bool | None = None
    _complaint: str = ""

    async def run(self, stop: asyncio.Event) -> None:
        await _watch(self, stop)

    async def look(self) -> None:
        free = free_bytes(self.folder)
        stopped = self.flag.exists()
        if not stopped and free < self.min_free:
            self.flag.parent.mkdir(parents=True, exist_ok=True)
            self.flag.touch()
            stopped, self._ended = True, False
            log.error("recording stopped: %d MB free in %s, %d wanted", free >> 20, self.folder, self.min_free >> 20)
        elif stopped and free >= self.min_free * AGAIN:
            self.flag.unlink(missing_ok=True)
            stopped = False
            log.warning("recording again: %d MB free in %s", free >> 20, self.folder)
        if stopped and not self._ended:
            await self._end_recordings()
        if self._said is not stopped:
            await self._say(stopped, free)

    async def _end_recordings(self) -> None:
        try:
            async with asyncio.timeout(10):
                await self.stop_recordings()
            self._ended = True
            self._complaint = ""
        except Exception as error:
            complaint = f"{type(error).__name__} {error}"
            if complaint != self._complaint:  # not every two seconds, on a disk that is nearly full
                log.error("recordings under way go on: %s", complaint)
            self._complaint = complaint

    async def _say(self, stopped: bool, free: int) -> None:
        words = f"磁盘剩余 {free >> 20} MB，低于 {self.min_free >> 20} MB：已停止录音，通话不受影响"
        if await _raise_or_close(self.engine, KIND, words if stopped else "", free):
            self._said = stopped


@dataclass
class HomeGuard:
    """Says when the file system of log and database is nearly full; it can do nothing about it."""

    folder: Path
    min_free: int
    """Bytes."""
    engine: AsyncEngine
    _said: bool | None = None

    async def run(self, stop: asyncio.Event) -> None:
        await _watch(self, stop)

    async def look(self) -> None:
        free = free_bytes(self.folder)
        low = free < self.min_free * (AGAIN if self._said else 1)
        if low is not self._said:
            words = f"日志与数据库所在磁盘剩余 {free >> 20} MB，低于 {self.min_free >> 20} MB：请尽快清理"
            if await _raise_or_close(self.engine, DISK_LOW, words if low else "", free):
                self._said = low


async def _watch(guard: SpaceGuard | HomeGuard, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await guard.look()
        except OSError as error:
            log.error("free space of %s cannot be seen: %s", guard.folder, error)
        await pause(stop, INTERVAL)


async def _raise_or_close(engine: AsyncEngine, kind: str, words: str, free: int) -> bool:
    """No ``words``: the cause is gone. False: not written."""
    try:
        async with asyncio.timeout(10), engine.begin() as connection:
            if words:
                await raise_alerts(connection, [Alert(kind, "", words, data={"free_mb": str(free >> 20)})])
            else:
                await close_alerts(connection, kind)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("alert not written, again later: %s", type(error).__name__)
        return False
    return True


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
