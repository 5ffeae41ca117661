"""Asterisk's own files do not grow for ever: large ones are renamed, Asterisk opens new ones, old ones are deleted.

A part of the stream is renamed only when it has nearly been read, and deleted only when it was read long ago
(:mod:`calls.tail` follows renamed files). ``logger reload`` opens queue_log and messages.log anew; cel_custom opens its
file for every line.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.events import CEL, QUEUE_LOG
from calls.store import load_cursor
from calls.tail import Cursor
from hotline.asterisk import AsteriskError
from hotline.stopping import pause

log = logging.getLogger(__name__)
INTERVAL = 60.0
MAX_BYTES = 64 << 20
NEARLY_READ = 1 << 20
"""Bytes that may still be unread: Asterisk writes all the time, and the reader goes on in the renamed file."""
KEEP_SECONDS = 7 * 86_400.0
KEEP_MESSAGES = 3
STAMP = "%Y%m%dT%H%M%SZ"
_OURS = re.compile(r"\.[0-9]{8}T[0-9]{6}Z")

Reopen = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class LogFile:
    path: Path
    size: int
    modified_ns: int
    device: int
    inode: int


def is_due(live: LogFile, cursor: Cursor | None) -> bool:
    """Large, and read nearly to its end. ``cursor`` None: nobody reads it."""
    if live.size <= MAX_BYTES:
        return False
    if cursor is None:
        return True
    here = (cursor.device, cursor.inode) == (live.device, live.inode)
    return here and live.size - cursor.offset <= NEARLY_READ


def to_delete(rotated: Sequence[LogFile], cursor: Cursor | None, now: float) -> list[LogFile]:
    """``rotated``: oldest first; ``now``: epoch seconds. Of the stream's files those that end before the cursor's
    began and are old, never the newest; of what nobody reads all but the newest few."""
    if cursor is None:
        return list(rotated[:-KEEP_MESSAGES])
    return [
        one
        for one in rotated[:-1]
        if one.modified_ns < cursor.modified_ns
        and (one.device, one.inode) != (cursor.device, cursor.inode)
        and now - one.modified_ns / 1e9 > KEEP_SECONDS
    ]


@dataclass
class Rotation:
    """``messages``: Asterisk's messages.log. ``reopen`` tells Asterisk; AsteriskError: it is told again later."""

    engine: AsyncEngine
    cel: Path
    queue_log: Path
    messages: Path
    reopen: Reopen
    node: str = ""
    _told: bool = True

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.look()
            except (OSError, SQLAlchemyError, TimeoutError, AsteriskError) as error:
                log.warning("log files not rotated, again later: %s", " ".join(str(error).split())[:200])
            await pause(stop, INTERVAL)

    async def look(self) -> None:
        async with asyncio.timeout(10), self.engine.begin() as connection:
            cel = await load_cursor(connection, CEL, self.node)
            queue_log = await load_cursor(connection, QUEUE_LOG, self.node)
        for path, cursor in ((self.cel, cel), (self.queue_log, queue_log), (self.messages, None)):
            self._rotate(path, cursor)
        if not self._told:
            await self.reopen()
            self._told = True

    def _rotate(self, path: Path, cursor: Cursor | None) -> None:
        live = _seen(path)
        target = path.with_name(f"{path.name}.{time.strftime(STAMP, time.gmtime())}")
        if live is not None and is_due(live, cursor) and not target.exists():
            path.rename(target)
            self._told = False
            log.info("%s is now %s", path.name, target.name)
        names = (one for one in path.parent.glob(f"{path.name}.*") if _OURS.fullmatch(one.name[len(path.name) :]))
        rotated = [found for name in sorted(names) if (found := _seen(name)) is not None]
        for old in to_delete(rotated, cursor, time.time()):
            old.path.unlink(missing_ok=True)
            log.info("%s deleted", old.path.name)


def _seen(path: Path) -> LogFile | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return LogFile(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)
