"""The files that say which queues are closed: made, moved, taken away; what `hotline status` makes of them."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hotline import hours_job
from hotline.hours_job import HoursJob, closed_for, closed_now, keep_hours, write
from hotline.rulebook import Days
from hotline.rules import ROUTING
from hotline.settings import Settings
from routing.hours import SHANGHAI, Hours
from routing.queues import Queue

OFFICE = Queue(
    name="企业服务", closed="agents", hours=Hours.model_validate({"days": {"mon-fri": "08:30-12:00 13:30-17:30"}})
)
NEVER = OFFICE.model_copy(update={"hours": Hours.model_validate({"days": {"mon": "closed"}})})
QUEUES = {"enterprise": OFFICE, "never": NEVER, "agents": Queue(name="人工服务")}
SUNDAY_WORKED = datetime(2026, 9, 20, 20, 0, tzinfo=SHANGHAI)


def times(folder: Path) -> dict[str, float]:
    """Seconds until each opens."""
    return {file.name: file.stat().st_mtime - time.time() for file in folder.iterdir()}


def test_what_is_closed_and_for_how_long() -> None:
    works = Days()().is_working_day
    closed = closed_for(QUEUES, works, SUNDAY_WORKED)
    assert closed == {"enterprise": timedelta(hours=12, minutes=30), "never": timedelta(days=1)}
    assert closed_for(QUEUES, works, SUNDAY_WORKED.replace(hour=10)).keys() == {"never"}


def test_the_files_say_until_when(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "closed"
    job = HoursJob(folder, QUEUES, Days())
    job.look(SUNDAY_WORKED)
    assert times(folder)["enterprise"] == pytest.approx(12.5 * 3600, abs=2)
    (folder / "given-up").touch()
    before = (folder / "enterprise").stat().st_mtime_ns
    job.look(SUNDAY_WORKED)
    assert (folder / "enterprise").stat().st_mtime_ns == before
    assert set(times(folder)) == {"enterprise", "never"}
    job.look(SUNDAY_WORKED.replace(hour=19))
    assert times(folder)["enterprise"] == pytest.approx(13.5 * 3600, abs=2)
    job.look(SUNDAY_WORKED + timedelta(hours=12.5))
    assert set(times(folder)) == {"never"}


def test_what_has_opened_by_itself_is_not_closed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert closed_now(settings) == {}
    write(settings.closed_dir, {"enterprise": timedelta(hours=1), "help": timedelta(hours=2)})
    os.utime(settings.closed_dir / "help", (time.time() - 1,) * 2)
    found = closed_now(settings)
    assert list(found) == ["enterprise"]
    assert abs(found["enterprise"] - datetime.now(SHANGHAI) - timedelta(hours=1)) < timedelta(seconds=2)


async def test_a_faulty_file_closes_nothing_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings, stop, mended = Settings(home=tmp_path), asyncio.Event(), ROUTING
    (tmp_path / "queues.yaml").write_text("queues: [")

    async def pause(stop: asyncio.Event, seconds: float) -> None:
        if seconds == hours_job.FAULT_SECONDS:
            assert not settings.closed_dir.exists()
            monkeypatch.setattr(hours_job, "ROUTING", mended)
        elif settings.closed_dir.exists():
            stop.set()

    monkeypatch.setattr(hours_job, "ROUTING", tmp_path)
    monkeypatch.setattr(hours_job, "pause", pause)
    monkeypatch.setattr(hours_job, "now", lambda: SUNDAY_WORKED)
    async with asyncio.timeout(10):
        await keep_hours(settings, stop)
    assert "hours of the queues" in caplog.text
    assert [file.name for file in settings.closed_dir.iterdir()] == ["enterprise"]
