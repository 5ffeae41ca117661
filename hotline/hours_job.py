"""Which queues are closed now: a file each in ``<home>/run/closed``, for the dialplan to look at. The file's time is
when the queue opens again, so that nothing stays closed when nobody looks any more. Needs no database.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from datafile import DataFileError
from hotline.rulebook import Days
from hotline.rules import ROUTING
from hotline.settings import Settings
from hotline.stopping import pause
from routing.hours import SHANGHAI, Timetable
from routing.queues import Queue, load_queues

log = logging.getLogger(__name__)

INTERVAL = 2.0
FAULT_SECONDS = 10.0
NEVER = timedelta(days=1)
"""What does not open within a year is looked at every day."""
_SAME_SECONDS = 1.5


def now() -> datetime:
    return datetime.now(SHANGHAI)


class HoursJob:
    """``queues`` as of the worker's start; the calendar is that of now."""

    def __init__(self, folder: Path, queues: Mapping[str, Queue], days: Days) -> None:
        self._folder, self._days = folder, days
        self._queues = {name: queue for name, queue in queues.items() if queue.hours is not None}
        self._closed: set[str] = set()

    def look(self, at: datetime) -> None:
        """Write down what is closed at ``at``. Raises OSError."""
        closed = closed_for(self._queues, self._days().is_working_day, at)
        write(self._folder, closed)
        for name in closed.keys() - self._closed:
            log.info("queue %s is closed until %s", name, (at + closed[name]).isoformat(timespec="minutes"))
        for name in self._closed - closed.keys():
            log.info("queue %s is open", name)
        self._closed = set(closed)


async def keep_hours(settings: Settings, stop: asyncio.Event) -> None:
    """Until ``stop``. With a faulty file nothing new is closed until it is mended."""
    job = None
    while not stop.is_set():
        try:
            if job is None:
                job = await asyncio.to_thread(_open, settings)
            await asyncio.to_thread(job.look, now())
        except (DataFileError, OSError) as error:
            log.error("hours of the queues: %s", error)
            await pause(stop, FAULT_SECONDS)
        await pause(stop, INTERVAL)


def _open(settings: Settings) -> HoursJob:
    return HoursJob(settings.closed_dir, load_queues(ROUTING / "queues.yaml"), Days())


def closed_for(
    queues: Mapping[str, Queue], is_working_day: Callable[[date], bool], at: datetime
) -> dict[str, timedelta]:
    """The queues that are closed at ``at``, and how long they will be."""
    closed = {}
    for name, queue in queues.items():
        if queue.hours is None:
            continue
        table = Timetable(queue.hours, is_working_day)
        if not table.is_open(at):
            opens = table.next_change(at)
            closed[name] = NEVER if opens is None else opens - at
    return closed


def write(folder: Path, closed: Mapping[str, timedelta]) -> None:
    """These, and no others. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name not in closed:
            file.unlink(missing_ok=True)
    for name, left in closed.items():
        file, opens = folder / name, time.time() + left.total_seconds()
        if not file.exists() or abs(file.stat().st_mtime - opens) > _SAME_SECONDS:
            file.touch()
            os.utime(file, (opens, opens))


def closed_now(settings: Settings) -> dict[str, datetime]:
    """What the dialplan takes for closed, and until when."""
    closed = {}
    for file in sorted(settings.closed_dir.glob("*")):
        try:
            opens = file.stat().st_mtime
        except FileNotFoundError:
            continue
        if opens > time.time():
            closed[file.name] = datetime.fromtimestamp(opens, SHANGHAI)
    return closed
