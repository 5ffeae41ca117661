"""``hotline units`` on a real PostgreSQL; the voice is a recording."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hotline.cli import units as verb
from hotline.db import create_hotline_engine
from hotline.secrets import load_or_create
from hotline.settings import Settings
from ivr.prompts import FOLDER as PROMPTS
from ivr.render_kit import Kit, KitError
from line import spoken
from line.faults import LineFault
from people.units import Unit, UnitKind, save_unit
from tests.unit.command_line import answer, hotline

SAID = (PROMPTS / "zh" / "to-agent.wav").read_bytes()
NAMES = {"housing": "市住建局", "water": "市水务局", "odd": "🏢"}


@pytest.fixture(autouse=True)
def instance(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path)
    load_or_create(settings, [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    monkeypatch.setattr(verb, "prepare", lambda cache, say: Kit(cache, cache, cache))
    monkeypatch.setattr(verb, "speak_into", speak)

    async def add() -> None:
        engine = create_hotline_engine(database_url)
        async with engine.begin() as connection:
            for number, name in NAMES.items():
                await save_unit(connection, Unit(number, name, UnitKind.DEPARTMENT))
        await engine.dispose()

    asyncio.run(add())
    return settings


def speak(folder: Path, text: str, kit: Kit, name: str | None = None) -> spoken.Spoken:
    if "🏢" in text:
        raise LineFault("text", "无法合成")
    return spoken.keep(folder, SAID, name)


def test_names_are_recorded_and_those_of_the_past_removed(instance: Settings) -> None:
    old = spoken.keep(instance.spoken_dir, SAID, spoken.name_of("市房产局"))
    announcement = spoken.keep(instance.spoken_dir, SAID)
    assert [row["recorded"] for row in answer("units", "list")] == [False] * 3
    said = hotline("units", "speak")
    assert (said.exit_code, "🏢: 无法合成" in said.output) == (1, True)
    assert {row["name"]: row["recorded"] for row in answer("units", "list")} == {
        "市住建局": True, "市水务局": True, "🏢": False,
    }  # fmt: skip
    assert not spoken.path_of(instance.spoken_dir, old.name).exists()
    assert spoken.path_of(instance.spoken_dir, announcement.name).exists()
    assert "! odd" in hotline("units", "list").output


def test_only_what_is_missing_is_recorded(instance: Settings) -> None:
    spoken.keep(instance.spoken_dir, SAID, spoken.name_of("市住建局"))
    assert "市住建局" not in hotline("units", "speak").output
    assert "市住建局" in hotline("units", "speak", "--force").output


def test_without_the_voice_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(cache: Path, say: object) -> Kit:
        raise KitError("npm not found")

    monkeypatch.setattr(verb, "prepare", nowhere)
    result = hotline("units", "speak")
    assert (result.exit_code, result.output) == (1, "Error: npm not found\n")
