"""What is known of a caller, in time or not at all."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from hotline.desk import SECONDS, SqlDesk
from hotline.settings import Settings
from ivr.desk import NOBODY, Arrival, Notice
from line import announcements, barred, switches
from line.announcements import NewAnnouncement
from line.words import Switch
from tests.unit.line_people import CALLER, add_call, add_ticket

SOUND = "0" * 32
DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest_asyncio.fixture
async def desk(engine: AsyncEngine, settings: Settings) -> AsyncIterator[SqlDesk]:
    desk = SqlDesk(engine, settings)
    yield desk
    await desk.close()


class InAnHour(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(hours=1)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage()[:40] for record in caplog.records if record.name == "hotline.desk"]


async def test_a_stranger_on_a_normal_day(desk: SqlDesk) -> None:
    assert await desk.arrival("13900001111", "allowed") == NOBODY
    assert await desk.arrival(None, "unavailable") == NOBODY


async def test_all_that_is_known(desk: SqlDesk, engine: AsyncEngine, settings: Settings) -> None:
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        new = NewAnnouncement("停水", SOUND, now, now + DAY, district="中山区")
        one = await announcements.switch_on(connection, new, "x", now)
        await switches.switch_on(connection, Switch.MAINTENANCE, "x", None, "x", now)
        await barred.add(connection, CALLER, "x", now + DAY, "x", now)
        await add_call(connection, now - timedelta(hours=1), agent="1001", human_at=now)
        await add_ticket(connection, now)
    notice = Notice(str(one.id), str(settings.spoken_dir / SOUND), None, "中山区")
    everything = Arrival(True, True, 1, "1001", (notice,))
    assert await desk.arrival("13900001111", "allowed") == everything
    # Who hides his number is barred by it, and not recognised.
    assert await desk.arrival("13900001111", "prohib") == Arrival(True, True, 0, None, (notice,))
    assert await desk.arrival("13900002222", "allowed") == Arrival(False, True, 0, None, (notice,))
    assert await desk.arrival("x' OR 1=1 --", "allowed") == Arrival(False, True, 0, None, (notice,))


async def test_an_extension_is_only_what_looks_like_one(desk: SqlDesk, engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        await add_call(connection, now, agent="1001,hangup", human_at=now)
    assert (await desk.arrival("13900001111", "allowed")).last_agent is None


async def test_nobody_waits_for_a_database_that_is_not_there(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk = SqlDesk(create_hotline_engine("postgresql+psycopg://x:x@127.0.0.1:1/x"), settings)
    begin = time.monotonic()
    for _ in range(20):
        assert await desk.arrival("13900001111", "allowed") == NOBODY
        assert (await desk.progress("13900001111", "allowed", "1", "1111")).result == "unknown"
    assert time.monotonic() - begin < SECONDS + 0.2
    assert messages(caplog) == ["the database does not answer, calls go o"]
    await desk.close()


async def test_nobody_waits_for_one_that_is_frozen(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """It takes connections and says nothing, whatever is done about them."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"postgresql+psycopg://x:x@127.0.0.1:{frozen.getsockname()[1]}/x"
        desk = SqlDesk(create_hotline_engine(url, pool_size=2), settings)
        begin = time.monotonic()
        assert set(await asyncio.gather(*(desk.arrival("13900001111", "allowed") for _ in range(50)))) == {NOBODY}
        first = time.monotonic() - begin
        assert await desk.arrival("13900001111", "allowed") == NOBODY
        assert time.monotonic() - begin - first < 0.1, "who comes after them does not wait at all"
        assert SECONDS - 0.05 < first < SECONDS + 0.6
        assert len(messages(caplog)) == 1
        await desk.close()


async def test_what_was_on_stays_on_while_the_database_is_away(
    desk: SqlDesk, engine: AsyncEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("hotline.desk.AGAIN_SECONDS", 0.0)
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        short = NewAnnouncement("停水", SOUND, now, now + timedelta(minutes=1))
        await announcements.switch_on(connection, short, "x", now)
        await switches.switch_on(connection, Switch.MAINTENANCE, "x", None, "x", now)
        await add_ticket(connection, now)
    there = await desk.arrival("13900001111", "allowed")
    assert (there.maintenance, there.open_tickets, len(there.notices)) == (True, 1, 1)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE line_switches RENAME TO away"))
    away = await desk.arrival("13900001111", "allowed")
    assert (away.maintenance, away.open_tickets, len(away.notices)) == (True, 0, 1)
    monkeypatch.setattr("hotline.desk.datetime", InAnHour)
    assert await desk.arrival("13900001111", "allowed") == Arrival(maintenance=True)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO line_switches"))
    assert (await desk.arrival("13900001111", "allowed")).open_tickets == 1
    said = messages(caplog)
    assert len(said) == 2
    assert said[1].startswith("the database answers again")
