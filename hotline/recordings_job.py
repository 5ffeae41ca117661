"""The job that turns finished recordings into WAV files. One job sweeps all that wait: a job costs more than a file."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procrastinate import App, PsycopgConnector
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.alerts import Alert, raise_alerts
from calls.recording import BadName, NotYet, Sound, convert, unfinished
from calls.recording_files import CLIPS, Kept, take_in_clip
from calls.recording_seal import NO_KEYS, Keys, Unreadable
from hotline.settings import SettingsError
from tickets.number import today

log = logging.getLogger(__name__)

QUEUE = "recordings"
LOCK = "recordings"
TASK = "recordings:sweep"
DELAY_SECONDS = 3
"""Several calls' recordings are done in one go, and MixMonitor has closed them by then."""
BATCH = 200
THREADS = 2
MISSING_ATTEMPTS = 3
MAX_ATTEMPTS = 10
NO_SPACE_SECONDS = 60.0
"""A full disk is no fault of the file's: it is tried until there is room. Nor is a key file that is not there."""
ORPHAN_SECONDS = 60.0
ORPHAN_DAYS = 7

OnDone = Callable[[AsyncConnection, Sequence[str]], Awaitable[None]]

DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(CAST(:queue AS varchar), CAST(:task AS varchar), 0,"
    " NULL::varchar, CAST(:lock AS varchar), '{}'::jsonb, now() + make_interval(secs => :delay))"
    "::procrastinate_job_to_defer_v1])"
    " WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :lock AND status = 'todo')"
)
_WAITING = text(
    "SELECT r.call_id, r.file, r.attempts FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"
    " WHERE r.state = 'pending' AND r.node = :node AND r.next_try_at <= now()"
    " AND (c.id IS NULL OR c.ended_at IS NOT NULL)"
    " ORDER BY r.next_try_at LIMIT :limit"
)
_ANY_LEFT = text(
    "SELECT EXISTS (SELECT 1 FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"
    " WHERE r.state = 'pending' AND r.node = :node AND (c.id IS NULL OR c.ended_at IS NOT NULL))"
)
_DONE = text(
    "UPDATE recordings AS r SET state = d.state, reason = d.reason, path = d.path, sha256 = d.sha256, bytes = d.bytes,"
    " seconds = d.seconds, attempts = d.attempts, next_try_at = now() + make_interval(secs => d.wait),"
    " key_id = d.key_id, clips = d.clips"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d(call_id text, state text, reason text, path text, sha256 text,"
    " bytes bigint, seconds float8, attempts int, wait float8, key_id text, clips jsonb)"
    " WHERE r.call_id = d.call_id AND r.state = 'pending' RETURNING r.call_id"
)
# Erased while they were converted, or found again on the disk: what there is now goes, too.
_ERASED = text("UPDATE recordings SET unremoved = true WHERE state = 'erased' AND call_id = ANY(:calls)")
# Not those of a call under way, nor those that wait already.
_ADOPT = text(
    "INSERT INTO recordings AS r (call_id, file, node)"
    " SELECT o.call_id, o.file, CAST(:node AS text)"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS o(call_id text, file text)"
    " LEFT JOIN calls c ON c.id = o.call_id WHERE c.id IS NULL OR c.ended_at IS NOT NULL"
    " ON CONFLICT (call_id) DO UPDATE SET state = 'pending', file = excluded.file, attempts = 0, next_try_at = now()"
    " WHERE r.state NOT IN ('pending', 'erased') RETURNING call_id"
)


def of_node(name: str, node: str) -> str:
    """Recordings are where they were made: jobs about them are for the worker of that node."""
    return f"{name}@{node}" if node else name


async def nothing_more(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Nobody waits for the recordings of these calls."""


async def defer_sweep(connection: AsyncConnection, delay: float = DELAY_SECONDS, node: str = "") -> None:
    """Within the transaction of whatever ended the call; does nothing while a sweep is waiting to run."""
    queue, lock = of_node(QUEUE, node), of_node(LOCK, node)
    await connection.execute(DEFER, {"queue": queue, "task": TASK, "lock": lock, "delay": delay})


def create_app(url: str, sweeper: Sweeper, keep: Callable[[], Awaitable[object]]) -> App:
    """procrastinate's application for libpq's ``url``. ``keep``: removes what is over its time."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4, timeout=10))
    queue, node = of_node(QUEUE, sweeper.node), sweeper.node

    @app.task(name=TASK, queue=queue, queueing_lock=of_node(LOCK, node))
    async def sweep() -> None:
        await sweeper.sweep()

    @app.periodic(cron="*/5 * * * *", periodic_id=of_node("orphans", node))
    @app.task(name="recordings:orphans", queue=queue, queueing_lock=of_node("recordings-orphans", node))
    async def orphans(timestamp: int) -> None:
        await sweeper.adopt_orphans()

    @app.periodic(cron="17 * * * *", periodic_id=of_node("keeping", node))
    @app.task(name="recordings:keep", queue=queue, queueing_lock=of_node("recordings-keep", node))
    async def keep_under_rules(timestamp: int) -> None:
        await keep()

    return app


@dataclass(frozen=True, slots=True)
class Sweeper:
    """``stop``: the file being converted is the last one. ``caught_up`` is set once Asterisk's log has been read to its
    end: before that a call under way may be unknown, and its recording would look like one left by a crash. ``on_done``
    is called in the transaction that marks these calls' recordings as converted. ``keys`` is asked for each time, since
    keys are added; it raises SettingsError when recordings are to be sealed and cannot. ``node``: whose folder it
    is."""

    engine: AsyncEngine
    root: Path
    caught_up: asyncio.Event
    stop: asyncio.Event
    on_done: OnDone = nothing_more
    keys: Callable[[], Keys] = lambda: NO_KEYS
    node: str = ""

    async def sweep(self) -> int:
        """Convert all that wait; returns how many were looked at. What is not ready yet is left to a later sweep."""
        count = 0
        while True:
            async with self.engine.connect() as connection:
                waiting = (await connection.execute(_WAITING, {"limit": BATCH, "node": self.node})).all()
            if not waiting or self.stop.is_set():
                break
            # A thread takes its whole share: handing over file by file costs a third more.
            shares = [waiting[number::THREADS] for number in range(THREADS)]
            results = await asyncio.gather(
                *(asyncio.to_thread(self._share, share, number) for number, share in enumerate(shares) if share)
            )
            rows = [row for result in results for row in result]
            count += len(rows)
            async with self.engine.begin() as connection:
                written = set(await connection.scalars(_DONE, {"rows": json.dumps(rows)}))
                if len(written) < len(rows):
                    await connection.execute(_ERASED, {"calls": [row["call_id"] for row in rows]})
                rows = [row for row in rows if row["call_id"] in written]
                if ready := [row["call_id"] for row in rows if row["state"] == "done"]:
                    await self.on_done(connection, ready)
                if alerts := alerts_of(rows):
                    await raise_alerts(connection, alerts)
        async with self.engine.begin() as connection:
            if await connection.scalar(_ANY_LEFT, {"node": self.node}):
                await defer_sweep(connection, node=self.node)
        return count

    async def adopt_orphans(self) -> int:
        """Raw files whose call is over or unknown, left by a crash, join those that wait. Returns how many."""
        if not self.caught_up.is_set():
            return 0
        found = await asyncio.to_thread(unfinished, self.root, ORPHAN_DAYS, ORPHAN_SECONDS)
        if not found:
            return 0
        rows = json.dumps([{"call_id": call_id, "file": file} for call_id, file in found.items()])
        async with self.engine.begin() as connection:
            adopted = (await connection.scalars(_ADOPT, {"rows": rows, "node": self.node})).all()
            await connection.execute(_ERASED, {"calls": list(found)})
            if adopted:
                log.warning("%d recordings left by a crash found, e.g. of call %s", len(adopted), adopted[0])
                await defer_sweep(connection, 0, self.node)
        return len(adopted)

    def _share(self, waiting: Sequence[Row[Any]], number: int) -> list[dict[str, Any]]:
        spare = self.root / f".spare-{number}"
        try:
            keys = self.keys()
        except SettingsError as error:
            log.error("recordings are not converted: %s", error)
            return [again(row.call_id, row.attempts, "pending", "no key", NO_SPACE_SECONDS) for row in waiting]
        return [
            self._one(row.call_id, row.file, row.attempts, spare, keys) for row in waiting if not self.stop.is_set()
        ]

    def _one(self, call_id: str, file: str, attempts: int, spare: Path, keys: Keys) -> dict[str, Any]:
        clips: list[Kept] = []
        try:
            clips = [clip for kind in CLIPS if (clip := take_in_clip(self.root, file, kind, keys)) is not None]
            return done(call_id, attempts, convert(self.root, file, spare, keys), clips)
        except NotYet:
            return again(call_id, attempts, "pending", "still being written", 2.0)
        except BadName as error:
            return again(call_id, attempts + 1, "failed", str(error), 0.0)
        except FileNotFoundError:
            state = "missing" if attempts + 1 >= MISSING_ATTEMPTS else "pending"
            return again(call_id, attempts + 1, state, "no file", 5.0, clips)
        except Unreadable as error:
            return again(call_id, attempts + 1, "failed", str(error)[:200], 0.0)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return again(call_id, attempts, "pending", "no space", NO_SPACE_SECONDS)
            state = "failed" if attempts + 1 >= MAX_ATTEMPTS else "pending"
            if state == "failed":
                log.error("recording of call %s cannot be converted: %s", call_id, error)
            return again(call_id, attempts + 1, state, str(error)[:200], min(600.0, 5.0 * 2**attempts))


def done(call_id: str, attempts: int, sound: Sound, clips: Sequence[Kept] = ()) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "state": "done",
        "reason": "",
        "path": sound.path,
        "sha256": sound.sha256,
        "bytes": sound.bytes,
        "seconds": sound.seconds,
        "attempts": attempts + 1,
        "wait": 0.0,
        "key_id": sound.key_id,
        "clips": [clip.as_json() for clip in clips],
    }


def alerts_of(rows: Sequence[Mapping[str, Any]]) -> list[Alert]:
    """At most one a kind and day, however many recordings: the disk, not the call, is what must be looked at."""
    found = []
    for state, words in (("missing", "缺失"), ("failed", "转换失败")):
        if calls := [row["call_id"] for row in rows if row["state"] == state]:
            text = f"来电 {calls[0]} 等 {len(calls)} 个录音{words}"
            found.append(Alert(f"recording_{state}", today(), text, calls[0], {"count": str(len(calls))}))
    return found


def again(
    call_id: str, attempts: int, state: str, reason: str, wait: float, clips: Sequence[Kept] = ()
) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "state": state,
        "reason": reason,
        "path": "",
        "sha256": "",
        "bytes": None,
        "seconds": None,
        "attempts": attempts,
        "wait": wait,
        "key_id": clips[0].key_id if clips else "",
        "clips": [clip.as_json() for clip in clips],
    }
