"""A real call: the agent reads what is said while it goes on, also after the scribe died. What words a recogniser makes
of it is tested elsewhere (tests/unit/test_scribe_whisper.py)."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.db import open_engine
from hotline.phone import Line
from people import seats, sessions
from people.roles import Role
from people.tables import users
from speech import wav
from speech.port import RATE
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of, wait

pytestmark = pytest.mark.asterisk
SPOKEN = Path(__file__).parent.parent / "speech" / "wav"
NUMBER = "13922229901"


class Live(Instance):
    program = "tests.asterisk.live_hotline"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Live(tmp_path_factory.mktemp("live"), speech={"live": True})
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


async def signed_in(instance: Instance, name: str, extension: str) -> str:
    """An agent at a telephone: a session's token."""
    now = datetime.now(UTC)
    values = {
        "name": name,
        "display_name": name,
        "roles": [Role.AGENT],
        "unit": None,
        "password_hash": "x",
        "must_change": False,
        "created_at": now,
    }
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        row = (await connection.execute(insert(users).values(values).returning(users))).one()
        await seats.take(connection, extension, row.id, now)
        return (await sessions.begin(connection, row, "127.0.0.1", now)).token


@asynccontextmanager
async def words(instance: Instance, token: str, call: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """The stream's events: name and data."""

    async def events(lines: Any) -> AsyncIterator[tuple[str, Any]]:
        name = ""
        async for raw in lines:
            field, _, value = raw.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)

    url = f"http://127.0.0.1:{instance.web}/api/v1/calls/{call}/words"
    async with ClientSession() as http, http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200, await answer.text()
        yield events(answer.content)


async def say(line: Line, name: str, folder: Path) -> float:
    """Begins to say it; how long it is, seconds. The phone plays PCM only."""
    pcm, path = wav.read(SPOKEN / f"{name}.wav"), folder / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm)
    await line.do("say", file=str(path))
    return len(pcm) / 2 / RATE


@pytest.mark.timeout(180)
async def test_the_agent_reads_along(instance: Instance, tmp_path: Path) -> None:
    token = await signed_in(instance, "reader", "1001")
    async with Phones(instance) as phones:
        agent = await phones.agent("1001")
        line = await phones.citizen(NUMBER, keys="w1,1")
        await line.wait("connected", 20, detail="1001")
        talk = await taken(agent)
        call = (await call_of(instance, NUMBER, until="connected"))["id"]
        async with asyncio.timeout(120), words(instance, token, call) as stream:
            for who, name, channel in ((line, "h001", "caller"), (talk, "c005", "other"), (line, "h004", "caller")):
                if name == "h004":  # what is being said is the scribe's alone: its death is nobody's else
                    instance.kill("scribe", signal.SIGKILL)
                    await until_started(instance)
                begun, seconds = time.monotonic(), await say(who, name, tmp_path)
                kind, shown = await anext(stream)
                print(f"{name}: {time.monotonic() - begun - seconds:.1f} s after its end: {shown['text']}")
                assert (kind, shown["channel"]) == ("line", channel)
                # The pause that ends it belongs to it. A busy machine's telephone may leave out a packet or some.
                assert -0.2 < (shown["end_ms"] - shown["start_ms"]) / 1000 - seconds < 2, shown
            await line.hangup()
            while (kind := (await anext(stream))[0]) != "over":
                assert kind == "line"

        async def done(connection: AsyncConnection) -> bool | None:
            state = await connection.scalar(text("SELECT state FROM transcripts WHERE call_id = :call"), {"call": call})
            return True if state == "done" else None

        await wait(instance, done, 60, "no transcript")
        async with open_engine(instance.settings) as engine, engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM live_words")) == 0


async def until_started(instance: Instance) -> None:
    """The scribe is there again."""
    heart: Path = instance.settings.run_dir / "scribe.heartbeat"
    since = time.time()
    async with asyncio.timeout(30):
        while not heart.exists() or heart.stat().st_mtime < since:
            await asyncio.sleep(0.05)  # between two looks
