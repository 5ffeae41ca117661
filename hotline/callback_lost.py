"""Attempts of which nobody has said what came of them: the dialler died, the manager connection was cut, Asterisk went.

Nobody is rung again before it is known that he was not rung. Asterisk's channels are asked, and its log, read to its
end; an attempt that is in neither of them was never dialled. It is looked at twice, with time between: a dialler that
stood still does not dial what it claimed longer ago than that (``hotline.dialler.FRESH_SECONDS``), and an Asterisk that
stood still has by then done what it was asked.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.words import Outcome
from calls.events import CEL
from hotline.ami import DIALLER
from hotline.secrets import load_secrets
from hotline.settings import Settings
from routing.ami import Ami, AmiError, Event
from routing.live import channels

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=15)
"""So long an attempt is left alone: until then the dialler may still dial it."""
AGAIN_SECONDS = 15.0
"""Between the two looks, by a clock that does not jump."""
MOST = 1_000

_OPEN = text(
    "SELECT call_id, claimed_at FROM callback_attempts WHERE outcome IS NULL AND node = :node"
    " AND (claimed_at <= :before OR claimed_at > :now) ORDER BY id LIMIT :most"
)
_LOGGED = text("SELECT DISTINCT call_id FROM call_events WHERE call_id = ANY(CAST(:calls AS text[]))")
_CURSOR = text("SELECT inode, offset_bytes FROM log_cursors WHERE node = :node AND stream = :stream")


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that ended unseen, and what has to be believed of it."""

    call_id: str
    outcome: Outcome


class Search:
    """``look`` now and then; what it returns twice over is decided."""

    def __init__(self, settings: Settings, engine: AsyncEngine) -> None:
        self._settings, self._engine, self._node = settings, engine, settings.node.name
        self._line: _Line | None = None
        self._missing: dict[str, float] = {}
        """Call id → when it was first found in no channel (monotonic)."""
        self._log_was = Log()
        """At the last look."""

    async def look(self) -> list[Lost]:
        """Those decided now; empty while something is not known. Raises AmiError and what the database raises."""
        now = datetime.now(UTC)
        async with self._engine.connect() as connection:
            found = await _open(connection, now, self._node)
        if not found:
            self._missing.clear()
            await self.close()
            return []
        if self._line is None:
            self._line = _Line(self._settings)
        live = {name for row in await channels(self._line.ami) for name in (row.unique_id, row.call_id)}
        uptime = self._line.uptime()
        log_was, self._log_was = self._log_was, log_at(self._settings.cel_file)
        seen_at = time.monotonic()
        self._missing = {call: self._missing.get(call, seen_at) for call in found if call not in live}
        certain = [call for call, since in self._missing.items() if seen_at - since >= AGAIN_SECONDS]
        if not certain:
            return []
        async with self._engine.connect() as connection:
            # Its present end is never reached while calls go on; that of the last look was, if nothing is wrong.
            if not await is_read(connection, log_was, self._log_was, self._node):
                return []
            # What was read may have told: only what is still open counts.
            still = await _open(connection, now, self._node)
            logged = set((await connection.execute(_LOGGED, {"calls": certain})).scalars())
        decided = []
        for call in certain:
            if call in still:
                restarted = now - found[call] > uptime
                outcome = Outcome.UNKNOWN if call in logged or restarted else Outcome.NOT_DIALLED
                decided.append(Lost(call, outcome))
        for one in decided:
            log.warning("%s: nobody said what came of it: %s", one.call_id, one.outcome.value)
        return decided

    async def close(self) -> None:
        if self._line is not None:
            await self._line.ami.close()
            self._line = None


@dataclass(frozen=True, slots=True)
class Log:
    """Asterisk's event log at some moment. Inode 0: there was none."""

    inode: int = 0
    size: int = 0


def log_at(file: Path) -> Log:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return Log()
    return Log(stat.st_ino, stat.st_size)


async def _open(connection: AsyncConnection, now: datetime, node: str) -> dict[str, datetime]:
    """Attempts whose outcome is not known, the oldest first, and when they were claimed. One of a time to come is as
    old as any: the clock was set back."""
    rows = await connection.execute(_OPEN, {"before": now - GRACE, "now": now, "most": MOST, "node": node})
    return {row.call_id: row.claimed_at for row in rows}


async def is_read(connection: AsyncConnection, then: Log, now: Log, node: str) -> bool:
    """Whether what the log held ``then`` has been written down; it may have been set aside since."""
    row = (await connection.execute(_CURSOR, {"stream": CEL, "node": node})).one_or_none()
    if then.size == 0 or row is None:
        return then.size == 0
    if int(row.inode) == then.inode:
        return bool(row.offset_bytes >= then.size)
    return int(row.inode) == now.inode


class _Line:
    """A manager connection, kept while it is needed, and what Asterisk says at each login: for how long it runs."""

    def __init__(self, settings: Settings) -> None:
        self.ami = Ami("127.0.0.1", settings.ami.port, DIALLER, load_secrets(settings).ami)
        self._began = math.inf
        """Monotonic."""
        self.ami.on_event("FullyBooted", self._booted)
        self.ami.start()

    def uptime(self) -> timedelta:
        """Raises AmiError while that is not known."""
        if math.isinf(self._began):
            raise AmiError("AMI: Asterisk does not say how long it runs")
        return timedelta(seconds=time.monotonic() - self._began)

    def _booted(self, event: Event) -> None:
        text = event.get("Uptime", "")
        self._began = time.monotonic() - int(text) if text.isdecimal() else math.inf
