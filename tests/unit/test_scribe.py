"""The scribe as a process runs it, what it says of itself, and the command that reads what it wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.transcripts import Made, Said
from hotline.db import create_hotline_engine
from hotline.heart import SCRIBE_HEARTBEAT, SCRIBE_SECONDS
from hotline.parts import scribe_part
from hotline.rulebook import open_rulebook
from hotline.scribe import serve
from hotline.scribe_model import Model
from hotline.secrets import load_or_create
from hotline.settings import CHECKOUT, Settings
from hotline.settings_sections import Database, Speech
from hotline.status import read_all
from speech.port import EngineError
from tests.unit.command_line import answer, hotline
from tests.unit.recorded import FakeScribe, add_menu, add_recording, add_ticket, call_id, silence, tone
from tests.unit.ticket_people import AGENT, MORNING
from tickets.book import edit
from tickets.draft import Draft, add_draft, of_call
from tickets.ticket import Edit

SENTENCE = "我家[停水]两天了"


@asynccontextmanager
async def running(settings: Settings, model: Model) -> AsyncIterator[asyncio.Task[None]]:
    """The scribe; it has ended afterwards, whatever happened."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop, model))
    try:
        async with asyncio.timeout(90):
            yield serving
    finally:
        stop.set()
        await serving


async def until(settings: Settings, serving: asyncio.Task[None], holds: Callable[[], Awaitable[bool]]) -> None:
    """Or until the scribe has ended, or says that its data are at fault: then it never holds."""
    while not await holds():
        assert not serving.done(), serving
        assert not await says(settings, "faulty")(), said(settings)
        await asyncio.sleep(0.02)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = Settings(home=tmp_path, database=Database(url=database_url))
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    return settings


def said(settings: Settings) -> dict[str, str]:
    found: dict[str, str] = json.loads((settings.run_dir / SCRIBE_HEARTBEAT).read_text(encoding="utf-8"))
    return found


def says(settings: Settings, state: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return (settings.run_dir / SCRIBE_HEARTBEAT).exists() and said(settings)["state"] == state

    return holds


async def state(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        return str(await connection.scalar(text("SELECT state FROM transcripts")))


def written(engine: AsyncEngine) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await state(engine) == "done"

    return holds


async def test_what_waits_and_what_comes(settings: Settings, engine: AsyncEngine) -> None:
    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    number = await add_ticket(engine, call_id(0))
    async with running(settings, Model(lambda: FakeScribe(["我家停水两天了", "路灯坏了"]))) as serving:
        await until(settings, serving, written(engine))
        await add_recording(engine, settings.recordings_dir, 0, tone(2), silence(1))
        await until(settings, serving, written(engine))
        await until(settings, serving, says(settings, "idle"))
        assert await scribe_part(settings).works()
    assert not (settings.run_dir / SCRIBE_HEARTBEAT).exists()
    async with engine.connect() as connection:
        query = "SELECT words->'draft'->>'summary' FROM ticket_events WHERE kind = 'drafted' AND number = :number"
        assert list(await connection.scalars(text(query), {"number": number})) == ["我家停水两天了", "路灯坏了"]


async def test_what_is_not_to_be_written_down_is_not_listened_to(
    settings: Settings, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.scribe_writer.spans_of_caller", lambda call: [(1000, 2000)])
    await add_recording(engine, settings.recordings_dir, 0, tone(3), silence(1))
    model = FakeScribe(["我家停水两天了"])
    async with running(settings, Model(lambda: model)) as serving:
        await until(settings, serving, written(engine))
    (given,) = model.given
    second = len(given) // 3
    assert (any(given[:second]), any(given[second : 2 * second]), any(given[2 * second :])) == (False, True, False)


async def test_without_a_model_it_says_so_and_does_nothing(
    settings: Settings, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> FakeScribe:
        raise EngineError("whisper: no model")

    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    async with running(settings, Model(none)) as serving:
        await until(settings, serving, says(settings, "no model"))
        status = await read_all(settings)
    assert (status.scribe, status.scribe_detail, status.unwritten) == ("no model", "whisper: no model", 1)
    assert "nothing is written down: whisper: no model" in caplog.text
    assert await state(engine) == "pending"


async def test_off_it_leaves_everything_alone(settings: Settings, engine: AsyncEngine) -> None:
    """As in a container, where it is started all the same."""
    await add_recording(engine, settings.recordings_dir, 0, tone(1), silence(1))
    off = settings.model_copy(update={"speech": Speech(transcripts=False)})
    scribe = FakeScribe(["停水"])
    async with running(off, Model(lambda: scribe)) as serving:
        await until(settings, serving, says(settings, "off"))
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
    """A call that said something at the menu and to a person, written down; its ticket's number."""
    engine = create_hotline_engine(url)
    call = await add_recording(engine, settings.recordings_dir, 0, tone(1), tone(1))
    await add_menu(engine, call, "我家停水")
    number = await add_ticket(engine, call)
    if confidential:
        async with engine.begin() as connection:
            secret = Edit(confidential=True, handler="lihua")
            await edit(connection, open_rulebook(settings), number, secret, AGENT, MORNING)
    async with engine.begin() as connection:
        one, ticket = await transcripts.claim(connection), await of_call(connection, call, lock=True)
        assert one is not None
        assert ticket is not None
        made = Made((Said("caller", 0, 900, SENTENCE), Said("other", 900, 990, "好的")), "whisper", "base", 1.0)
        rulebook = open_rulebook(settings)
        seal = (lambda words: rulebook.sealing().seal(words, number)) if confidential else None
        assert await transcripts.finish(connection, one, made, MORNING, number, seal)
        await add_draft(connection, rulebook, ticket, Draft(summary=SENTENCE), MORNING)
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
    (call,) = answer("calls", "--id", call_id(0))
    assert (call["said"], call["timeline"][-1]["detail"]["text"]) == ("我家停水", "我家停水")
    for wrong in (call_id(9), "../etc"):
        assert hotline("transcript", "--call", wrong).exit_code == 1
        assert hotline("transcript", "--call", wrong, "--delete").exit_code == 1
    read = asyncio.run(actions(database_url))
    assert read.count(("cli", "call.transcript", f"call:{call_id(0)}")) == 2


@pytest.mark.parametrize("confidential", [False, True])
def test_deleted_at_the_command_line(instance: Settings, database_url: str, confidential: bool) -> None:
    """The lines, the draft and what was heard at the menu are nowhere; what remains is told."""
    number = asyncio.run(heard(instance, database_url, confidential=confidential))
    done = answer("transcript", "--call", call_id(0), "--delete")
    assert done == {"call": call_id(0), "deleted": True, "remains": ["recording", "ticket", "cel"]}
    shown = hotline("transcript", "--call", call_id(0), "--delete").output
    assert "仍保留" in shown
    assert "cel.csv" in shown
    assert answer("transcript", "--call", call_id(0))["said"] == []
    assert "已删除" in hotline("transcript", "--call", call_id(0)).output
    if not confidential:
        assert answer("tickets", "show", number)["draft"] is None
        (call,) = answer("calls", "--id", call_id(0))
        assert call["said"] is None
        assert call["timeline"][-1]["detail"] == {"node": "main", "end": "words"}
    assert asyncio.run(words_left(database_url)) == (0, 0, 0, 0)
    read = asyncio.run(actions(database_url))
    assert ("cli", "call.transcript_delete", f"call:{call_id(0)}") in read


async def words_left(url: str) -> tuple[int, ...]:
    """Rows of lines, sealed lines, drafts with words, and of the event log with what was heard."""
    engine = create_hotline_engine(url)
    async with engine.connect() as connection:
        row = await connection.execute(
            text(
                "SELECT (SELECT count(*) FROM transcript_segments),"
                " (SELECT count(*) FROM transcripts WHERE sealed IS NOT NULL),"
                " (SELECT count(*) FROM ticket_events WHERE kind = 'drafted'"
                " AND (words IS NOT NULL OR sealed IS NOT NULL)),"
                " (SELECT count(*) FROM call_events WHERE line LIKE '%text=%')"
            )
        )
        found = tuple(row.one())
    await engine.dispose()
    return found


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
    assert ("cli", "call.transcript", f"call:{call_id(0)}") in asyncio.run(actions(database_url))
    for told in (hotline("calls", "--id", call_id(0)).output, hotline("calls", "--id", call_id(0), "--json").output):
        assert "保密" in told
        assert "停水" not in told
    (call,) = answer("calls", "--id", call_id(0))
    assert call["confidential"] is True
