"""What the web server gathers for Prometheus, from a real database and from what parts wrote."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import Alert, raise_alerts
from calls.store import notify
from hotline.backup_record import Backup, write_last
from hotline.db import driver_url
from hotline.metrics import STALE_SECONDS, Publisher, metrics_folder
from hotline.metrics_calls import CallTally, outcome_of
from hotline.metrics_database import pool_figures
from hotline.metrics_gather import Gather
from hotline.metrics_lag import lags
from hotline.secrets import load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Database
from tests.unit.ticket_people import AGENT, MORNING, request, rulebook
from tickets.book import create

PROMTOOL = shutil.which("promtool")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings(home=tmp_path, database=Database(url=database_url))
    load_or_create(settings, [])
    settings.run_dir.mkdir()
    settings.cel_file.parent.mkdir(parents=True)
    return settings


def works(ok: bool) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        if not ok:
            raise ConnectionRefusedError
        return True

    return probe


def gather(settings: Settings, engine: AsyncEngine) -> Gather:
    own = Publisher("web", lambda: pool_figures("web", engine))
    return Gather(settings, engine, {"database": works(True), "voice": works(True), "worker": works(False)}, own)


def values(exposition: bytes) -> Mapping[str, float]:
    """``name{a="b"}`` to its value."""
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


async def add_calls(engine: AsyncEngine, *rows: Mapping[str, object]) -> None:
    usual = {"id": "", "via": "public", "human": None, "ended": None, "queue": "", "abandoned": False, "waited": None}
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO calls (id, via, arrived_at, human_at, ended_at, queue, abandoned, time_to_human)"
                " VALUES (:id, :via, now(), :human, :ended, :queue, :abandoned, :waited)"
            ),
            [{**usual, **row} for row in rows],
        )
        await notify(connection, "calls", [str(row["id"]) for row in rows])


async def test_what_the_database_knows(settings: Settings, engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    await add_calls(
        engine,
        {"id": "a"},
        {"id": "b", "queue": "general-affairs"},
        {"id": "c", "queue": "general-affairs", "human": now},
        {"id": "d", "human": now, "ended": now},
    )
    async with engine.begin() as connection:
        await create(connection, rulebook(), request(requester="张三丰", contact="13900001111"), AGENT, MORNING)
        kinds = [("disk_low", ""), ("emergency", "a"), ("emergency", "b")]
        await raise_alerts(connection, [Alert(kind, key, "急") for kind, key in kinds])
        await connection.execute(
            text(
                "INSERT INTO log_cursors (stream, device, inode, offset_bytes, head, modified_ns, position, gaps,"
                " updated_at) VALUES ('cel', 1, 1, 0, 0, 0, 0, 2, now() - interval '50 s')"
            )
        )
        await connection.execute(text("INSERT INTO recordings (call_id, file) VALUES ('d', 'x.raw')"))
        await connection.execute(text("INSERT INTO transcripts (call_id, sha256) VALUES ('d', '')"))
    settings.cel_file.write_text("x" * 1000)
    write_last(settings, Backup("2026-11-22T03:00:00+08:00", "/backup", 1))
    settings.recording_off_flag.touch()
    exposition = await gather(settings, engine)()
    found = values(exposition)
    wanted = {
        "hotline_calls_open{state=menu}": 1,
        "hotline_calls_open{state=waiting}": 1,
        "hotline_calls_open{state=talking}": 1,
        "hotline_tickets_overdue": 0,
        "hotline_tickets{state=rework}": 0,
        "hotline_alerts_open{kind=emergency}": 2,
        "hotline_alerts_open{kind=disk_low}": 1,
        "hotline_log_unread_bytes{stream=cel}": 1000,
        "hotline_log_gaps_total{stream=cel}": 2,
        "hotline_recordings_pending": 1,
        "hotline_transcripts_pending": 1,
        "hotline_callback_lines_max": 10,
        "hotline_part_up{part=voice}": 1,
        "hotline_part_up{part=worker}": 0,
        "hotline_source_up{source=database}": 1,
        "hotline_source_up{source=asterisk}": 0,
        "hotline_database_pool_max{part=web}": 5,
        "hotline_recording_stopped": 1,
        "hotline_backup_time_seconds": datetime(2026, 11, 21, 19, tzinfo=UTC).timestamp(),
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert sum(value for name, value in found.items() if name.startswith("hotline_tickets{")) == 1
    assert 50 <= found["hotline_log_lag_seconds{stream=cel}"] < 500
    assert found["hotline_free_bytes{place=home}"] > 0
    assert not [word for word in ("13900001111", "张三丰") if word in exposition.decode()]
    if PROMTOOL is not None:
        check = await asyncio.create_subprocess_exec(
            PROMTOOL, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        complaints, _ = await check.communicate(exposition)
        assert check.returncode == 0, complaints.decode()


async def test_without_a_database_the_rest_is_told(settings: Settings, engine: AsyncEngine) -> None:
    away = settings.model_copy(update={"database": Database(url="postgresql://nobody@127.0.0.1:1/none")})
    from hotline.db import open_engine

    async with open_engine(away) as gone:
        found = values(await gather(away, gone)())
    assert found["hotline_source_up{source=database}"] == 0
    assert found["hotline_source_up{source=files}"] == 1
    assert found["hotline_part_up{part=voice}"] == 1
    assert not any(name.startswith("hotline_tickets") for name in found)


async def test_what_parts_wrote_is_merged_and_old_or_broken_files_are_left_out(
    settings: Settings, engine: AsyncEngine
) -> None:
    folder = metrics_folder(settings.run_dir)
    folder.mkdir()
    text_of = "# HELP hotline_part_resident_bytes Memory.\n# TYPE hotline_part_resident_bytes gauge\n"
    for part in ("voice", "worker", "old"):
        (folder / f"{part}.prom").write_text(f'{text_of}hotline_part_resident_bytes{{part="{part}"}} 5\n')
    os.utime(folder / "old.prom", (time.time() - STALE_SECONDS - 1,) * 2)
    (folder / "broken.prom").write_text("this is { no metric")
    (folder / "huge.prom").write_bytes(b"#" * (2 << 20))
    exposition = await gather(settings, engine)()
    parts = {name for name in values(exposition) if name.startswith("hotline_part_resident_bytes")}
    assert parts == {f"hotline_part_resident_bytes{{part={part}}}" for part in ("voice", "worker", "web")}
    assert exposition.count(b"# TYPE hotline_part_resident_bytes gauge") == 1


async def test_asked_by_many_at_once_it_looks_once(settings: Settings, engine: AsyncEngine) -> None:
    asked = 0

    async def count() -> bool:
        nonlocal asked
        asked += 1
        return True

    gathered = Gather(settings, engine, {"voice": count}, Publisher("web", list))
    answers = await asyncio.gather(*(gathered() for _ in range(20)))
    assert (asked, len(set(answers))) == (1, 1)


def test_outcomes() -> None:
    assert outcome_of(True, True, True, True, False) == "human"
    assert outcome_of(False, True, True, True, False) == "message"
    assert outcome_of(False, False, True, True, False) == "abandoned"
    assert outcome_of(False, False, False, True, False) == "missed"
    assert outcome_of(False, False, False, False, True) == "informed"
    assert outcome_of(False, False, False, False, False) == "ended"


async def test_ended_calls_are_counted_once(engine: AsyncEngine, database_url: str) -> None:
    tally, stop = CallTally(), asyncio.Event()
    now = datetime.now(UTC)
    counting = asyncio.create_task(tally.run(engine, driver_url(database_url), stop))
    listens = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN calls'"
    )
    async with asyncio.timeout(20), engine.connect() as connection:
        while not await connection.scalar(listens):
            await connection.rollback()
    ended = [{"id": f"h{number}", "human": now, "ended": now, "waited": 7.5} for number in range(3)]
    await add_calls(engine, {"id": "open"}, *ended, {"id": "gave-up", "ended": now, "abandoned": True})
    async with engine.begin() as connection:
        await notify(connection, "calls", ["h1", "open", "h2"])
        await connection.execute(text("UPDATE calls SET ended_at = now(), via = '' WHERE id = 'open'"))
    async with engine.begin() as connection:
        await notify(connection, "calls", ["open"])
    expected = {("public", "human"): 3, ("public", "abandoned"): 1, ("unknown", "ended"): 1}
    async with asyncio.timeout(20):
        while {figure.labels: figure.value for figure in tally.figures()} != expected:
            await asyncio.sleep(0.02)
    sums = {sample.name: sample.value for metric in tally.to_human.collect() for sample in metric.samples}
    assert sums["hotline_time_to_human_seconds_count"] == 3
    assert sums["hotline_time_to_human_seconds_sum"] == 22.5
    stop.set()
    await counting


async def test_unread_bytes_are_those_of_all_later_files(settings: Settings, engine: AsyncEngine) -> None:
    live = settings.cel_file
    for name, size, age in (("cel.csv.1", 700, 90), ("cel.csv.2", 400, 60), ("cel.csv", 50, 0), ("cel.csv.0", 9, 500)):
        file = live.with_name(name)
        file.write_bytes(b"x" * size)
        os.utime(file, (1_700_000_000 - age,) * 2)
    read = live.with_name("cel.csv.1").stat()
    insert = text(
        "INSERT INTO log_cursors (stream, device, inode, offset_bytes, head, modified_ns, position)"
        " VALUES ('cel', :device, :inode, 600, 0, :modified, 0)"
    )
    values = {"device": read.st_dev, "inode": read.st_ino, "modified": read.st_mtime_ns}
    async with engine.begin() as connection:
        await connection.execute(insert, values)
        (lag,) = await lags(connection, settings)
        assert (lag.stream, lag.unread) == ("cel", 100 + 400 + 50)
        live_now = live.stat()
        await connection.execute(
            text("UPDATE log_cursors SET inode = :inode, offset_bytes = 50, modified_ns = :modified"),
            {"inode": live_now.st_ino, "modified": live_now.st_mtime_ns},
        )
        (lag,) = await lags(connection, settings)
        assert (lag.unread, lag.seconds) == (0, 0.0)
