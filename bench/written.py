"""Whether everything that the calls left has been written down, and how far behind the writing is."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hotline.db import database_url, driver_url
from hotline.settings import Settings

_FILES = ("cel", "queue_log")
_DONE = (
    "SELECT count(*) AS calls, count(*) FILTER (WHERE c.ended_at IS NOT NULL AND c.decided_by = 'key'"
    " AND c.queue = 'complaint' AND c.fallback = 0 AND t.number IS NOT NULL) AS complete,"
    " count(*) FILTER (WHERE r.state = 'done') AS converted"
    " FROM calls c LEFT JOIN tickets t ON t.call_id = c.id LEFT JOIN recordings r ON r.call_id = c.id"
    " WHERE c.arrived_at >= to_timestamp(%s)"
)
_BEHIND = (
    "SELECT coalesce(max(extract(epoch FROM now() - c.ended_at)), 0)::float8"
    " FROM recordings r JOIN calls c ON c.id = r.call_id WHERE r.state = 'pending' AND c.ended_at IS NOT NULL"
)
TABLES = ("calls", "call_events", "tickets", "ticket_events", "recordings", "alerts")


@dataclass(frozen=True)
class Done:
    """Of the calls since a moment: in the database; ended, decided by key and with a ticket; recording converted."""

    calls: int
    complete: int
    converted: int


class Writing:
    """Looks at the log files and the database of one running hotline."""

    def __init__(self, settings: Settings) -> None:
        self._files: dict[str, Path] = {"cel": settings.cel_file, "queue_log": settings.queue_log_file}
        self._connection = psycopg.connect(driver_url(database_url(settings)), autocommit=True)
        self._sizes: dict[str, list[tuple[int, float]]] = {name: [] for name in _FILES}

    def close(self) -> None:
        self._connection.close()

    def lag(self, now: float) -> float:
        """Seconds by which the database is behind the log files: the age of the oldest byte not yet taken in."""
        lags = [0.0]
        offsets = self._offsets()
        for name in _FILES:
            size = self._files[name].stat().st_size
            self._sizes[name].append((size, now))
            if offsets[name] < size:
                lags.append(now - self._sizes[name][bisect_left(self._sizes[name], (offsets[name] + 1, 0.0))][1])
        return max(lags)

    def at_end(self) -> bool:
        offsets = self._offsets()
        return all(offsets[name] >= self._files[name].stat().st_size for name in _FILES)

    def recordings_behind(self) -> float:
        """Seconds since the end of the earliest call whose recording is not converted yet."""
        row = self._connection.execute(_BEHIND).fetchone()
        return float(row[0]) if row else 0.0

    def done(self, since: float) -> Done:
        row = self._connection.execute(_DONE, (since,)).fetchone()
        return Done(*row) if row else Done(0, 0, 0)

    def rows(self) -> dict[str, int]:
        found = {}
        for table in TABLES:
            row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            found[table] = int(row[0]) if row else 0
        return found

    def _offsets(self) -> dict[str, int]:
        rows = self._connection.execute("SELECT stream, offset_bytes FROM log_cursors").fetchall()
        return dict.fromkeys(_FILES, 0) | {str(stream): int(offset) for stream, offset in rows}
