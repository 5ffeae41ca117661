from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import list_alerts
from calls.recording import Sound, convert
from calls.recording_seal import Keys
from hotline import guard as guard_module
from hotline.guard import HomeGuard, SpaceGuard
from hotline.recordings_job import Sweeper

OLD = 1_795_296_000
DAY = "2026/11/22"


def call_id(number: int) -> str:
    return f"hotline-1795296063.{number}"


@pytest.fixture
def sweeper(engine: AsyncEngine, tmp_path: Path) -> Sweeper:
    caught_up = asyncio.Event()
    caught_up.set()
    return Sweeper(engine, tmp_path, caught_up, asyncio.Event())


def put(root: Path, number: int, *, quiet: bool = True) -> Path:
    path = root / DAY / f"{call_id(number)}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\1\0\2\0" * 8000)
    if quiet:
        os.utime(path, (OLD, OLD))
    return path


async def expect(engine: AsyncEngine, number: int, *, ended: bool = True, file: str | None = None) -> None:
    ends = "now()" if ended else "NULL"
    async with engine.begin() as connection:
        await connection.execute(
            text(f"INSERT INTO calls (id, arrived_at, ended_at) VALUES (:id, now(), {ends})"), {"id": call_id(number)}
        )
        await connection.execute(
            text("INSERT INTO recordings (call_id, file, offset_ms) VALUES (:id, :file, 3)"),
            {"id": call_id(number), "file": file or f"{DAY}/{call_id(number)}.raw"},
        )


async def recordings(engine: AsyncEngine) -> dict[str, Any]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM recordings"))
        return {row.call_id: row for row in found}


async def jobs(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM procrastinate_jobs")) or 0)


async def due(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE recordings SET next_try_at = now()"))


async def test_all_that_wait_are_converted(engine: AsyncEngine, sweeper: Sweeper, tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, number)
        await expect(engine, number)
    put(tmp_path, 3)
    await expect(engine, 3, ended=False)
    assert await sweeper.sweep() == 3
    found = await recordings(engine)
    done = found[call_id(0)]
    assert (done.state, done.seconds, done.bytes, done.offset_ms) == ("done", 1.0, 32_044, 3)
    assert (tmp_path / done.path).is_file()
    assert found[call_id(3)].state == "pending"
    assert await jobs(engine) == 0


async def test_not_there_is_missing_after_some_tries(engine: AsyncEngine, sweeper: Sweeper) -> None:
    await expect(engine, 0)
    for expected in ("pending", "pending", "missing"):
        assert await sweeper.sweep() == 1
        found = (await recordings(engine))[call_id(0)]
        assert (found.state, found.reason) == (expected, "no file")
        await due(engine)
    assert await sweeper.sweep() == 0
    assert await jobs(engine) == 1
    assert await alerts(engine) == ["recording_missing"]


async def alerts(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [row["kind"] for row in await list_alerts(connection, include_closed=False, limit=10)]


async def test_a_stop_is_looked_at_between_two_files(
    engine: AsyncEngine, sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        put(tmp_path, number)
        await expect(engine, number)

    def stopped(root: Path, file: str, spare: Path, keys: Keys) -> Sound:
        sweeper.stop.set()
        return convert(root, file, spare, keys)

    monkeypatch.setattr("hotline.recordings_job.convert", stopped)
    assert 1 <= await sweeper.sweep() <= 2  # one a thread
    states = [row.state for row in (await recordings(engine)).values()]
    assert states.count("pending") >= 6
    assert await jobs(engine) == 1


async def test_a_full_disk_is_waited_for(
    engine: AsyncEngine, sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 0)
    await expect(engine, 0)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("calls.recording.os.fsync", full)
        await sweeper.sweep()
    found = (await recordings(engine))[call_id(0)]
    assert (found.state, found.reason, found.attempts) == ("pending", "no space", 0)
    await due(engine)
    await sweeper.sweep()
    assert (await recordings(engine))[call_id(0)].state == "done"


async def test_a_bad_name_fails_at_once(engine: AsyncEngine, sweeper: Sweeper) -> None:
    await expect(engine, 0, file="../../etc/passwd.raw")
    await sweeper.sweep()
    await expect(engine, 1, file="../passwd.raw")
    await sweeper.sweep()
    assert {row.state for row in (await recordings(engine)).values()} == {"failed"}
    assert await alerts(engine) == ["recording_failed"]


async def test_still_written_waits_for_a_later_sweep(engine: AsyncEngine, sweeper: Sweeper, tmp_path: Path) -> None:
    path = put(tmp_path, 0, quiet=False)
    await expect(engine, 0)
    assert await sweeper.sweep() == 1
    assert (await recordings(engine))[call_id(0)].state == "pending"
    assert await jobs(engine) == 1
    os.utime(path, (OLD, OLD))
    await due(engine)
    await sweeper.sweep()
    assert (await recordings(engine))[call_id(0)].state == "done"


async def test_what_a_crash_left_is_found(engine: AsyncEngine, sweeper: Sweeper, tmp_path: Path) -> None:
    put(tmp_path, 0)  # no call, no row
    put(tmp_path, 1)
    await expect(engine, 1, ended=False)  # a call under way in which nobody speaks
    put(tmp_path, 2, quiet=False)
    sweeper.caught_up.clear()
    assert await sweeper.adopt_orphans() == 0
    sweeper.caught_up.set()
    assert await sweeper.adopt_orphans() == 1
    assert await sweeper.adopt_orphans() == 0
    await sweeper.sweep()
    found = await recordings(engine)
    assert {key: row.state for key, row in found.items()} == {call_id(0): "done", call_id(1): "pending"}


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    free = 0

    def set_free(value: int) -> None:
        nonlocal free
        free = value

    monkeypatch.setattr(guard_module, "free_bytes", lambda folder: free)
    return set_free


async def test_recording_stops_without_room_and_begins_again(
    engine: AsyncEngine, tmp_path: Path, space: Callable[[int], None]
) -> None:
    ended: list[int] = []

    async def end() -> None:
        ended.append(1)
        if len(ended) == 1:
            raise ConnectionError("no Asterisk")

    flag = tmp_path / "run" / "recording-off"
    guard = SpaceGuard(tmp_path, flag, 1000, engine, end)
    space(2000)
    await guard.look()
    assert not flag.exists()
    space(999)
    await guard.look()
    assert flag.exists()
    assert await alerts(engine) == ["recording_stopped"]
    await guard.look()
    await guard.look()
    assert len(ended) == 2  # the first try failed
    assert await alerts(engine) == ["recording_stopped"]
    space(1050)
    await guard.look()
    assert flag.exists()
    # A new process finds the flag.
    guard = SpaceGuard(tmp_path, flag, 1000, engine, end)
    await guard.look()
    assert len(ended) == 3
    space(1100)
    await guard.look()
    assert not flag.exists()
    assert await alerts(engine) == []


async def test_a_home_that_is_nearly_full_is_said(
    engine: AsyncEngine, tmp_path: Path, space: Callable[[int], None]
) -> None:
    guard = HomeGuard(tmp_path, 1000, engine)
    found = []
    for free in (1000, 999, 1050, 1100):
        space(free)
        await guard.look()
        found.append(await alerts(engine))
    assert found == [[], ["disk_low"], ["disk_low"], []]


async def test_the_guard_works_without_a_database(tmp_path: Path, space: Callable[[int], None]) -> None:
    from hotline.db import create_hotline_engine

    away = create_hotline_engine("postgresql+psycopg://nobody@/none?host=/nonexistent")

    async def end() -> None:
        return None

    space(1)
    guard = SpaceGuard(tmp_path, tmp_path / "off", 1000, away, end)
    await guard.look()
    assert (tmp_path / "off").exists()
    await away.dispose()


async def test_the_real_disk_is_asked(tmp_path: Path) -> None:
    assert guard_module.free_bytes(tmp_path) > 0
