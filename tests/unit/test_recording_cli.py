"""``hotline recordings``: what people see and decide at the command line, on real files and a real database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.recording_seal import key_of
from hotline.db import create_hotline_engine
from hotline.recordings_keys import load_keys, opening_keys
from hotline.secrets import add_recording_key, load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Recording
from tests.unit.command_line import answer, hotline
from tests.unit.recorded import add_ticket
from tests.unit.recording_people import DAY, audited, call_id, files, recorded

Result = TypeVar("Result")
Do = Callable[[Callable[[AsyncEngine], Awaitable[Any]]], Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, recording=Recording(encrypt=True))


@pytest.fixture
def do(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Three recordings, the second with a message, sealed with a first key; returns what works on their database."""
    load_or_create(settings, [])
    add_recording_key(settings)
    monkeypatch.setenv("HOTLINE_HOME", str(settings.home))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    monkeypatch.setenv("HOTLINE_RECORDING__ENCRYPT", "true")

    def run(work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            engine = create_hotline_engine(database_url)
            try:
                return await work(engine)
            finally:
                await engine.dispose()

        return asyncio.run(inside())

    async def record(engine: AsyncEngine) -> None:
        for number, clip in ((1, ""), (2, "message"), (3, "")):
            await recorded(engine, settings.recordings_dir, number, load_keys(settings), clip)

    run(record)
    return run


def path_of(settings: Settings, number: int) -> Path:
    return settings.recordings_dir / f"{DAY}/{call_id(number)}.wav"


def test_listed_with_class_and_time(do: Do) -> None:
    rows = answer("recordings", "list")
    assert [one["call"] for one in rows] == [call_id(1), call_id(2), call_id(3)]
    assert [(one["class"], one["keep_until"]) for one in rows[:2]] == [
        ("ordinary", "2028-11-21T09:00:00+08:00"),
        ("message", "2029-11-21T09:00:00+08:00"),
    ]
    assert [one["kind"] for one in rows[1]["files"]] == ["call", "message"]
    assert len(answer("recordings", "list", "--last", "2")) == 2
    assert answer("recordings", "list", "--from", "2026-11-23") == []
    assert len(answer("recordings", "list", "--from", "2026-11-22", "--to", "2026-11-23")) == 3
    assert len(answer("recordings", "list", "--call", call_id(2), "--call", call_id(3))) == 2
    shown = hotline("recordings", "list").output
    assert "普通通话" in shown
    assert "（加密）" in shown
    for wrong in ("../etc", "x"):
        result = hotline("recordings", "list", "--call", wrong)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)


def test_held_released_erased(do: Do, settings: Settings) -> None:
    call, why = call_id(2), ("--reason", "诉讼保全", "--by", "李主任")
    assert answer("recordings", "hold", "--call", call, *why) == {"about": f"call:{call}", "held": 1}
    (shown,) = answer("recordings", "list", "--held", "--call", call)
    assert (shown["holds"][0]["by"], shown["holds"][0]["reason"]) == ("李主任", "诉讼保全")
    refused = hotline("recordings", "erase", "--call", call, "--yes", *why)
    assert (refused.exit_code, len(refused.output.splitlines())) == (1, 1)
    assert "依法留存，不得删除（李主任：诉讼保全）" in refused.output
    words = hotline("transcript", "--call", call, "--delete")
    assert (words.exit_code, "依法留存" in words.output) == (1, True)
    assert answer("recordings", "release", "--call", call, *why)["released"] == 1
    assert hotline("recordings", "release", "--call", call, *why).exit_code == 1
    assert hotline("recordings", "erase", "--call", call, *why).exit_code == 1  # nobody says yes
    assert len(files(settings.recordings_dir)) == 4
    assert answer("recordings", "erase", "--call", call, "--yes", *why)["erased"] == 2
    assert len(files(settings.recordings_dir)) == 2
    (gone,) = answer("recordings", "list", "--state", "erased")
    assert (gone["call"], gone["reason"], gone["erased_by"], gone["files"]) == (call, "诉讼保全", "李主任", [])
    assert "已删除" in hotline("recordings", "list").output
    assert "已删除" in hotline("calls").output
    acts = do(lambda engine: audited(engine, f"call:{call}"))
    assert [(actor, action, detail["by"]) for actor, action, detail in acts] == [
        ("cli", "recording.hold", "李主任"),
        ("cli", "recording.release", "李主任"),
        ("cli", "recording.erase", "李主任"),
    ]


def test_the_calls_history_has_it(do: Do) -> None:
    call = call_id(1)

    async def arrived(engine: AsyncEngine) -> None:
        line = (
            f'"ARRIVED","1795296063.1","ARRIVED","{{""extra"":""exten=12345&via=public""}}","","","12345","public",'
            f'"PJSIP/citizen-00000000","CELGenUserEvent","{call}","{call}","","",""'
        )
        async with engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO call_events VALUES (:call, 'cel', 1, :line)"), {"call": call, "line": line}
            )

    do(arrived)
    hotline("recordings", "hold", "--call", call, "--reason", "诉讼保全", "--by", "li")
    hotline("recordings", "release", "--call", call, "--reason", "已结案", "--by", "li")
    hotline("recordings", "erase", "--call", call, "--reason", "误录", "--by", "wang", "--yes")
    (shown,) = answer("calls", "--id", call)
    told = [(entry["event"], entry["detail"].get("why")) for entry in shown["timeline"][-3:]]
    assert told == [("recording_held", "诉讼保全"), ("recording_released", "已结案"), ("recording_erased", "误录")]
    assert shown["recording"]["state"] == "erased"
    assert "录音已删除" in hotline("calls", "--id", call).output


def test_a_ticket_is_held(do: Do) -> None:
    number = do(lambda engine: add_ticket(engine, call_id(3)))
    assert answer("recordings", "hold", "--ticket", number, "--reason", "信访")["held"] == 1
    (shown,) = answer("recordings", "list", "--ticket", number)
    assert (shown["call"], shown["held"], shown["tickets"]) == (call_id(3), True, [number])
    for words in (
        ("hold", "--ticket", "20260101-000001", "--reason", "信访"),
        ("hold", "--reason", "信访"),
        ("hold", "--ticket", number, "--call", call_id(3), "--reason", "信访"),
        ("hold", "--call", "hotline-1795296063.99", "--reason", "信访"),
    ):
        assert hotline("recordings", *words).exit_code == 1
    assert hotline("recordings", "hold", "--ticket", number, "--reason", " ").exit_code == 2


def test_exported_with_hashes(do: Do, settings: Settings, tmp_path: Path) -> None:
    number = do(lambda engine: add_ticket(engine, call_id(3)))

    async def secret(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE tickets SET confidential = true, handler = 'li'"))

    do(secret)
    path_of(settings, 1).write_bytes(b"something else")
    out, why = tmp_path / "out.zip", ("--reason", "法院调取", "--by", "李")
    made = answer("recordings", "export", "--from", "2026-11-22", "--out", str(out), *why)
    assert (made["calls"], made["confidential_left_out"]) == (2, 1)
    assert made["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = [f"{DAY}/{call_id(2)}.wav", f"{DAY}/{call_id(2)}-message.wav"]
        assert [one["file"] for one in manifest["files"]] == names
        assert sorted(archive.namelist()) == sorted([*names, "manifest.json", "SHA256SUMS"])
        for one in manifest["files"]:
            assert one["sha256"] == hashlib.sha256(archive.read(one["file"])).hexdigest()
    assert (manifest["by"], manifest["reason"]) == ("cli:李", "法院调取")
    assert [one["call"] for one in manifest["left_out"]] == [call_id(1)]
    assert manifest["confidential_left_out"] == [call_id(3)]
    ((_, action, detail),) = do(lambda engine: audited(engine, f"call:{call_id(2)}"))
    assert (action, detail["by"], detail["export"]) == ("recording.export", "李", made["export"])
    ((_, _, done),) = do(lambda engine: audited(engine, made["export"]))
    assert done["sha256"] == made["sha256"]
    for words in (
        ("--from", "2026-11-22", "--out", str(out)),  # is there already
        ("--out", str(tmp_path / "b.zip")),  # everything is too much
        ("--ticket", number, "--out", str(tmp_path / "b.zip")),  # confidential
        ("--from", "2030-01-01", "--out", str(tmp_path / "b.zip")),
    ):
        refused = hotline("recordings", "export", *words, *why)
        assert (refused.exit_code, len(refused.output.splitlines())) == (1, 1)
    assert not (tmp_path / "b.zip").exists()


def test_verified_by_hash(do: Do, settings: Settings) -> None:
    assert answer("recordings", "verify") == {"calls": 3, "files": 4, "faults": 0, "shown": []}
    path_of(settings, 1).unlink()
    damaged = path_of(settings, 2)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    gone = path_of(settings, 3).read_bytes()
    hotline("recordings", "erase", "--call", call_id(3), "--reason", "误录", "--yes")
    path_of(settings, 3).write_bytes(gone)
    result = hotline("recordings", "verify", "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert (found["calls"], found["files"], found["faults"]) == (3, 3, 3)
    assert [(one["call_id"], one["what"]) for one in found["shown"]] == [
        (call_id(1), "missing"),
        (call_id(2), "damaged"),
        (call_id(3), "left"),
    ]
    assert answer("recordings", "verify", "--call", call_id(2), "--limit", "1", "--to", "2026-11-01")["calls"] == 0
    assert "3 处不符" in hotline("recordings", "verify").output


def test_sealed_anew_and_a_lost_key_is_said(do: Do, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_keys(settings).seals_with
    made = answer("recordings", "rekey", "--new-key")
    assert (made["sealed"], made["faults"]) == (4, [])
    assert made["key"] == load_keys(settings).seals_with != first
    assert {key_of(path_of(settings, number)) for number in (1, 2, 3)} == {made["key"]}
    assert answer("recordings", "verify")["faults"] == 0
    assert answer("recordings", "rekey")["sealed"] == 0
    (shown,) = answer("recordings", "list", "--call", call_id(2))
    assert {one["key_id"] for one in shown["files"]} == {made["key"]}
    keys = settings.home / "recordings.keys"
    whole = keys.read_text()
    keys.write_text("".join(line for line in whole.splitlines(True) if not line.startswith(made["key"])))
    result = hotline("recordings", "verify", "--json")
    assert {one["what"] for one in json.loads(result.output)["shown"]} == {"lost_key"}
    assert f"sealed with key {made['key']}, which is not in" in json.loads(result.output)["shown"][0]["detail"]
    failed = hotline("recordings", "rekey")
    assert failed.exit_code == 1
    assert "which is not in" in failed.output
    keys.write_text(whole)
    assert answer("recordings", "verify")["faults"] == 0
    monkeypatch.setenv("HOTLINE_RECORDING__ENCRYPT", "false")
    assert hotline("recordings", "rekey").exit_code == 1
    assert answer("recordings", "verify")["faults"] == 0


def test_what_lay_open_is_sealed(do: Do, settings: Settings) -> None:
    do(lambda engine: recorded(engine, settings.recordings_dir, 4, opening_keys(settings)))
    assert key_of(path_of(settings, 4)) == ""
    assert answer("recordings", "rekey")["sealed"] == 1
    assert key_of(path_of(settings, 4)) == load_keys(settings).seals_with
    assert answer("recordings", "verify")["faults"] == 0


def test_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    for words in (("list",), ("verify",), ("erase", "--call", call_id(1), "--reason", "误录", "--yes")):
        result = hotline("recordings", *words)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
        assert "does not answer" in result.output
