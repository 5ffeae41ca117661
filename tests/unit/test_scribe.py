"""The scribe as a process runs it, what it says of itself, and the command that reads what it wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from hotline.parts import SCRIBE_HEARTBEAT, SCRIBE_SECONDS, scribe_part
from hotline.rulebook import open_rulebook
from hotline.scribe import serve
from hotline.scribe_model import Model
from hotline.secrets import load_or_create
from hotline.settings import CHECKOUT, Database, Settings, Speech
from hotline.status import read_all
from speech.port import EngineError
from tests.unit.command_line import answer, hotline
from tests.unit.recorded import FakeScribe, add_recording, add_ticket, call_id, silence, tone
from tests.unit.ticket_people import AGENT, MORNING
from tickets.book import edit
from tickets.ticket import Edit


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings(home=tmp_path, database=Database(url=database_url))
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    return settings


def said(settings: Settings) -> dict[str, str]:
    found: dict[str, str] = json.loads((settings.run_dir / SCRIBE_HEARTBEAT).read_text(encoding="utf-8"))
    return found


async def state(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        return str(await connection.scalar(text("SELECT state FROM transcripts")))


async def test_what_waits_and_what_comes(settings: Settings, engine: AsyncEngine) -> None:
    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    number = await add_ticket(engine, call_id(0))
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, Model(lambda: FakeScribe(["我家停水两天了", "路灯坏了"]))))
    async with asyncio.timeout(60):
        while await state(engine) != "done":
            await asyncio.sleep(0.02)
        await add_recording(engine, settings.recordings_dir, 0, tone(2), silence(1))
        while await state(engine) != "done":
            await asyncio.sleep(0.02)
        while said(settings)["state"] != "idle":
            await asyncio.sleep(0.02)
        assert await scribe_part(settings).works()
        stop.set()
        await serving
    assert not (settings.run_dir / SCRIBE_HEARTBEAT).exists()
    async with engine.connect() as connection:
        query = "SELECT words->'draft'->>'summary' FROM ticket_events WHERE kind = 'drafted' AND number = :number"
        assert list(await connection.scalars(text(query), {"number": number})) == ["我家停水两天了", "路灯坏了"]


async def test_without_a_model_it_says_so_and_does_nothing(
    settings: Settings, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> FakeScribe:
        raise EngineError("whisper: no model")

    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, Model(none)))
    async with asyncio.timeout(60):
        while not (settings.run_dir / SCRIBE_HEARTBEAT).exists() or said(settings)["state"] != "no model":
            await asyncio.sleep(0.02)
        status = await read_all(settings)
        stop.set()
        await serving
    assert (status.scribe, status.scribe_detail, status.unwritten) == ("no model", "whisper: no model", 1)
    assert "nothing is written down: whisper: no model" in caplog.text
    assert await state(engine) == "pending"


async def test_off_it_leaves_everything_alone(settings: Settings, engine: AsyncEngine) -> None:
    """As in a container, where it is started all the same."""
    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    off = settings.model_copy(update={"speech": Speech(transcripts=False)})
    stop = asyncio.Event()
    scribe = FakeScribe(["停水"])
    serving = asyncio.create_task(serve(off, stop, Model(lambda: scribe)))
    async with asyncio.timeout(60):
        while not (settings.run_dir / SCRIBE_HEARTBEAT).exists() or said(settings)["state"] != "off":
            await asyncio.sleep(0.02)
        stop.set()
        await serving
    assert (await state(engine), scribe.given) == ("pending", [])


async def test_it_is_slow_before_it_is_dead(settings: Settings) -> None:
    part = scribe_part(settings)
    assert not await part.works()
    settings.run_dir.mkdir(exist_ok=True)
    file = settings.run_dir / SCRIBE_HEARTBEAT
    file.touch()
    os.utime(file, (time.time() - SCRIBE_SECONDS / 2,) * 2)
    assert await part.works()
    os.utime(file, (time.time() - SCRIBE_SECONDS - 1,) * 2)
    assert not await part.works()


def test_it_steps_behind_everybody() -> None:
    """In a process of its own: nobody can step forward again."""
    program = "import os, hotline.scribe as s; s.step_back(); print(os.nice(0), open('/proc/self/autogroup').read())"
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "19"
    assert done.stdout.split()[-1] == "19"


@pytest.fixture
def instance(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOTLINE_HOME", str(settings.home))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    return settings


async def heard(settings: Settings, url: str, *, confidential: bool = False) -> str:
    engine = create_hotline_engine(url)
    call = await add_recording(engine, settings.recordings_dir, 0, tone(1), tone(1))
    number = await add_ticket(engine, call)
    if confidential:
        async with engine.begin() as connection:
            secret = Edit(confidential=True, handler="lihua")
            await edit(connection, open_rulebook(settings), number, secret, AGENT, MORNING)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, Model(lambda: FakeScribe(["我家[停水]两天了", "好的"]))))
    async with asyncio.timeout(60):
        while await state(engine) != "done":
            await asyncio.sleep(0.02)
    stop.set()
    await serving
    await engine.dispose()
    return number


def test_the_command_line(instance: Settings, database_url: str) -> None:
    number = asyncio.run(heard(instance, database_url))
    found = answer("transcript", "--call", call_id(0))
    assert (found["state"], found["label"]) == ("done", "机器识别，未经核对")
    assert [(one["channel"], one["text"]) for one in found["said"]] == [
        ("caller", "我家[停水]两天了"),
        ("other", "好的"),
    ]
    shown = hotline("transcript", "--call", call_id(0)).output
    for words in ("诉求人", "对方", "我家[停水]两天了", "机器识别"):
        assert words in shown
    assert answer("tickets", "show", number)["draft"]["label"] == "草稿：机器识别，待核对"
    ticket = hotline("tickets", "show", number).output
    assert "草稿：机器识别，待核对" in ticket
    assert "我家[停水]两天了" in ticket
    assert answer("transcript", "--call", call_id(0), "--delete") == {"call": call_id(0), "deleted": True}
    assert answer("transcript", "--call", call_id(0))["said"] == []
    assert "已删除" in hotline("transcript", "--call", call_id(0)).output
    for wrong in (call_id(9), "../etc"):
        assert hotline("transcript", "--call", wrong).exit_code == 1
        assert hotline("transcript", "--call", wrong, "--delete").exit_code == 1
    read = asyncio.run(actions(database_url))
    assert read.count(("cli", "call.transcript", f"call:{call_id(0)}")) == 4
    assert ("cli", "call.transcript_delete", f"call:{call_id(0)}") in read


async def actions(url: str) -> list[tuple[str, str, str]]:
    engine = create_hotline_engine(url)
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT actor, action, object FROM audit_entries"))
        found = [(row.actor, row.action, row.object) for row in rows]
    await engine.dispose()
    return found


def test_a_confidential_call_stays_closed_at_the_command_line(instance: Settings, database_url: str) -> None:
    asyncio.run(heard(instance, database_url, confidential=True))
    refused = hotline("transcript", "--call", call_id(0))
    assert refused.exit_code == 1
    assert "保密工单" in refused.output
