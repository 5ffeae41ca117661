"""Who holds the lines, and which attempts are lost, as a real Asterisk says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callback.store import NewTarget, add_targets
from callback.words import Kind, Outcome
from hotline import callback_lost
from hotline.ami import DIALLER
from hotline.callback_lost import Lost, Search
from hotline.secrets import load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Ami as AmiSettings
from routing import ami as ami_module
from routing.ami import Ami, AmiError
from routing.lines import Lines
from tests.asterisk.bare import SECRET, Bare, bare_asterisk
from tests.asterisk.test_ami_real import Proxy
from tests.unit.callback_people import NOW, running
from tests.unit.conftest import database_url, engine, postgres_url  # noqa: F401

ANSWERS = {"QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete", "OriginateResponse"}
pytestmark = pytest.mark.asterisk


async def test_lines_are_known_after_a_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.lines._ON_THE_TRUNK", ("Local/silent@callers-",))
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(30):
        proxy = Proxy(bare.ami_port)
        server = await proxy.start()
        freed: asyncio.Queue[str] = asyncio.Queue()
        ami = Ami("127.0.0.1", proxy.port, DIALLER, SECRET)
        heard: set[str] = set()
        ami.on_event("*", lambda event: heard.add(event["Event"]))
        lines = Lines(ami, freed.put_nowait)
        await ami.connect()
        assert (lines.taken, lines.waiting) == (0, 0)
        call = "cb-1795300000.1"
        await bare.ami.originate("Local/silent@callers/n", channel_id=call, context="callers", exten="silent")
        await bare.ami.action("QueueAdd", {"Queue": "help", "Interface": "Local/silent@callers", "Paused": "true"})
        queue = {"Channel": "Local/silent@callers/n", "Application": "Queue", "Data": "help", "Async": "true"}
        await bare.ami.action("Originate", queue)
        while (lines.taken, lines.waiting) != (2, 1):
            await asyncio.sleep(0.01)
        proxy.cut()
        while ami.connected.is_set():
            await asyncio.sleep(0.01)
        await ami.connected.wait()
        assert (lines.taken, lines.waiting) == (2, 1)
        await bare.ami.action("Hangup", {"Channel": "/^Local/"})
        while (lines.taken, lines.waiting) != (0, 0):
            await asyncio.sleep(0.01)
        while await freed.get() != call:
            pass
        counted = {"Newchannel", "Hangup", "QueueCallerJoin", "QueueCallerLeave"}
        assert counted <= heard <= counted | ANSWERS | {"FullyBooted", "CoreShowChannel", "CoreShowChannelsComplete"}
        await ami.close()
        server.close()
        proxy.cut()


async def attempts(engine: AsyncEngine, *calls: str, at: datetime) -> None:  # noqa: F811
    campaign = await running(engine, Kind.LIST)
    async with engine.begin() as connection:
        people = [NewTarget(call, f"+861390000{n:04}", NOW) for n, call in enumerate(calls)]
        await add_targets(connection, campaign.id, people, NOW)
        await connection.execute(
            text(
                "INSERT INTO callback_attempts (target_id, campaign_id, number, call_id, dialler, claimed_at)"
                " SELECT id, campaign_id, number, about, 'tests', :at FROM callback_targets"
            ),
            {"at": at},
        )


async def looked(search: Search) -> list[Lost]:
    """Once Asterisk answers."""
    while True:
        try:
            return await search.look()
        except AmiError:
            await asyncio.sleep(0.05)


def home_of(bare: Bare) -> Settings:
    settings = Settings(home=bare.home / "hotline", ami=AmiSettings(port=bare.ami_port))
    load_or_create(settings, [])
    file = settings.secrets_file
    lines = file.read_text().splitlines()
    file.write_text("\n".join(f'ami = "{SECRET}"' if line.startswith("ami") else line for line in lines) + "\n")
    return settings


async def test_nobody_is_rung_again_before_it_is_known(
    tmp_path: Path,
    engine: AsyncEngine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callback_lost, "GRACE", timedelta(seconds=-10))
    monkeypatch.setattr(ami_module, "FIRST_PAUSE", 0.1)
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(40):
        settings = home_of(bare)
        settings.cel_file.parent.mkdir(parents=True)
        settings.cel_file.write_text("a line that has not been read\n")
        calls = [f"cb-1795300000.{n}" for n in (101, 102, 103)]
        never, live, logged = calls
        # After its start, which Asterisk tells in whole seconds.
        await attempts(engine, *calls, at=datetime.now(UTC) + timedelta(seconds=2))
        await bare.ami.originate("Local/silent@callers/n", channel_id=live, context="callers", exten="silent")
        async with engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO call_events (call_id, stream, position, line) VALUES (:call, 'cel', 1, 'x')"),
                {"call": logged},
            )
        search = Search(settings, engine)
        assert await looked(search) == [], "looked at once"
        monkeypatch.setattr(callback_lost, "AGAIN_SECONDS", 0.0)
        assert await looked(search) == [], "the log is not read to its end"
        stat = settings.cel_file.stat()
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO log_cursors (stream, device, inode, offset_bytes, head, modified_ns, position)"
                    " VALUES ('cel', 0, :inode, :size, 0, 0, 1)"
                ),
                {"inode": stat.st_ino, "size": stat.st_size},
            )
        with settings.cel_file.open("a") as log:
            log.write("of calls that go on\n")
        assert await looked(search) == [Lost(never, Outcome.NOT_DIALLED), Lost(logged, Outcome.UNKNOWN)]
        assert await looked(search) == [], "now it is the last look's end that is not read"
        settings.cel_file.rename(settings.cel_file.with_suffix(".1"))
        settings.cel_file.write_text("a new file\n")
        await looked(search)
        inode = settings.cel_file.stat().st_ino
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE log_cursors SET inode = :inode, offset_bytes = 0"), {"inode": inode})
        assert await looked(search) == [], "of the new one nothing is read"
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE log_cursors SET offset_bytes = 11"))
        await bare.ami.action("Hangup", {"Channel": "/^Local/"})
        while Lost(live, Outcome.NOT_DIALLED) not in await looked(search):
            await asyncio.sleep(0.05)
        await bare.kill()
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE callback_attempts SET claimed_at = now()"))
        await bare.start()
        found = await looked(search)
        assert Lost(never, Outcome.UNKNOWN) in found, "Asterisk began after it was claimed"
        await search.close()
