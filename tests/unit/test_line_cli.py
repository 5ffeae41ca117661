"""``hotline announce``, ``barred`` and ``maintenance`` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import CHINA
from hotline.cli._line_shared import Moment
from hotline.db import create_hotline_engine
from hotline.secrets import load_or_create
from hotline.settings import Settings
from ivr.prompts import FOLDER as PROMPTS
from ivr.render_kit import KitError
from line.barred import Repeats, propose
from tests.unit.command_line import answer, hotline
from tests.unit.line_people import CALLER, add_call

WAV = str(PROMPTS / "zh" / "to-agent.wav")
Do = Callable[[Callable[[AsyncConnection], Awaitable[Any]]], Any]


@pytest.fixture(autouse=True)
def database(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Asks the instance's database, in one transaction."""
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))

    def do(work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            engine = create_hotline_engine(database_url)
            try:
                async with engine.begin() as connection:
                    return await work(connection)
            finally:
                await engine.dispose()

        return asyncio.run(run())

    return do


def refused(*words: str) -> str:
    result = hotline(*words)
    assert result.exit_code in (1, 2), result.output
    return result.output


def test_an_announcement_with_a_recording(tmp_path: Path) -> None:
    words = ("announce", "on", "中山区停水已知悉", "--until", "2h", "--wav", WAV)
    made = answer(*words, "--topic", "供水", "--district", "中山区")
    assert (made["on"], made["topic"], made["district"], made["by"]) == (True, "water", "中山区", "cli")
    assert made["seconds"] > 1
    assert (tmp_path / "spoken" / f"{made['sound']}.wav").is_file()
    assert [one["id"] for one in answer("announce", "list")] == [made["id"]]
    assert "中山区停水" in hotline("announce", "list").output
    assert answer("announce", "off", str(made["id"]))["on"] is False
    assert answer("announce", "list") == []
    assert [one["id"] for one in answer("announce", "list", "--all")] == [made["id"]]
    assert "没有正在播放的公告" in refused("announce", "off", str(made["id"]))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--topic", "天气"), "没有这个专题"),
        (("--district", "zhongshan"), "区域须为"),
        (("--wav", "/nowhere.wav"), "/nowhere.wav"),
        (("--wav", __file__), "不是可用的录音"),
        (("--from", "3h"), "结束时间须晚于"),
    ],
)
def test_what_is_announced_is_checked_first(more: tuple[str, ...], why: str) -> None:
    words = ("announce", "on", "停水已知悉", "--until", "2h", *more)
    assert why in refused(*words, *(() if "--wav" in more else ("--wav", WAV)))
    assert answer("announce", "list", "--all") == []


def test_where_there_is_no_voice_a_recording_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(cache: Path, say: Callable[[str], None]) -> None:
        raise KitError("npm not found")

    monkeypatch.setattr("hotline.cli.announce.prepare", nothing)
    said = refused("announce", "on", "停水已知悉", "--until", "2h")
    assert "npm not found" in said
    assert "--wav" in said


def test_maintenance() -> None:
    assert answer("maintenance", "status") == {"on": False}
    made = answer("maintenance", "on", "--reason", "升级", "--until", "1h")
    assert (made["on"], made["reason"], made["by"]) == (True, "升级", "cli")
    assert answer("maintenance", "status") == made
    assert "升级" in hotline("maintenance", "status").output
    assert "晚于现在" in refused("maintenance", "on", "--reason", "升级", "--until", "2020-01-01")
    assert answer("maintenance", "off") == {"on": False, "was_on": True}
    assert answer("maintenance", "off") == {"on": False, "was_on": False}
    assert "--reason" in refused("maintenance", "on", "--reason", " ")


def test_the_list_of_malicious_callers() -> None:
    made = answer("barred", "add", "13900001111", "--reason", "反复辱骂", "--until", "30d")
    assert (made["number"], made["by"], made["proposed"]) == (CALLER, "cli", False)
    assert [one["id"] for one in answer("barred", "list")] == [made["id"]]
    assert "反复辱骂" in hotline("barred", "list").output
    assert "已在名单中" in refused("barred", "add", "13900001111", "--reason", "x", "--until", "30d")
    assert "not a telephone number" in refused("barred", "add", "110", "--reason", "x", "--until", "30d")
    assert "最长 366 天" in refused("barred", "add", "13900002222", "--reason", "x", "--until", "400d")
    assert answer("barred", "lift", "13900001111")["lifted_by"] == "cli"
    assert "没有" in refused("barred", "lift", "13900001111")
    again = answer("barred", "add", "13900001111", "--reason", "x", "--until", "1d")
    assert answer("barred", "lift", str(again["id"]))["id"] == again["id"]
    assert answer("barred", "list") == []
    assert len(answer("barred", "list", "--all")) == 2


def test_a_proposal_is_decided(database: Do) -> None:
    now = datetime.now(UTC)

    async def ring(connection: AsyncConnection) -> int:
        for minutes in range(3):
            await add_call(connection, now - timedelta(minutes=minutes + 1), 3.0)
        return (await propose(connection, Repeats(3, 10), now))[0].id

    id = str(database(ring))
    assert [str(one["id"]) for one in answer("barred", "proposals")] == [id]
    assert "--bar" in refused("barred", "decide", id)
    assert answer("barred", "decide", id, "--bar", "--until", "7d")["proposed"] is False
    assert answer("barred", "proposals") == []
    assert "没有待定的建议" in refused("barred", "decide", id, "--dismiss")
    assert [str(one["id"]) for one in answer("barred", "list")] == [id]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-21 18:00", datetime(2026, 11, 21, 18, tzinfo=CHINA)),
        ("2026-11-21", datetime(2026, 11, 22, tzinfo=CHINA)),
        ("2026-11-21T18:00:00+00:00", datetime(2026, 11, 21, 18, tzinfo=UTC)),
    ],
)
def test_a_moment_is_chinas(written: str, moment: datetime) -> None:
    assert Moment().convert(written, None, None) == moment


def test_a_moment_may_be_ahead_of_now() -> None:
    now = datetime.now(UTC)
    assert timedelta(0) <= Moment().convert("2h", None, None) - now - timedelta(hours=2) < timedelta(seconds=10)
    today = Moment().convert("18:30", None, None)
    assert (today.hour, today.minute, today.date()) == (18, 30, now.astimezone(CHINA).date())
    for wrong in ("25:00", "2x", "soon", "2026-13-01", "99999d"):
        with pytest.raises(click.BadParameter):
            Moment().convert(wrong, None, None)
