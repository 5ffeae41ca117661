"""The dialler's part in places in line: one process at a time, each try once, what nobody can tell of is looked up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.placed import HOLD
from hotline import places as job
from hotline.places import Places
from hotline.settings import Settings
from line import places
from line.places import Asked
from routing.live import ChannelRow, MemberRow, QueueRow, QueueStatus, WaitingRow
from routing.queues import Queue
from tests.unit.test_dialler import Exchange

CALL, NUMBER = "h-1795330000.1", "+8613900000001"
HELD = f"{HOLD}{CALL}@place-hold-00000001;2"


class Asterisk:
    """What there is at this moment, and what was hung up."""

    def __init__(self) -> None:
        self.held, self.free, self.live, self.reached = True, True, list[str](), True
        self.hung_up: list[str] = []

    async def status(self, ami: Any) -> QueueStatus:
        agent = MemberRow("help", "PJSIP/1001", "1001", 0, not self.free, "", False, 1, 0)
        waiting = [WaitingRow("help", 1, HELD, "h-1.9", "", 5)] if self.held else []
        return QueueStatus((QueueRow("help", "rrmemory", 1, 0, 0, 0),), (agent,), tuple(waiting))

    async def channels(self, ami: Any) -> tuple[ChannelRow, ...]:
        held = [ChannelRow(HELD, "h-1.9", "h-1.8", *[""] * 8)] if self.held else []
        return (*held, *(ChannelRow("PJSIP/outbound-1", one, one, *[""] * 8) for one in self.live))

    async def hang_up(self, ami: Any, channel: str) -> None:
        self.hung_up.append(channel)

    async def is_reachable(self, ami: Any, endpoint: str) -> bool:
        return self.reached


@pytest.fixture
def asterisk(monkeypatch: pytest.MonkeyPatch) -> Asterisk:
    made = Asterisk()
    for name, stands_in in (
        ("queue_status", made.status),
        ("channels", made.channels),
        ("hang_up", made.hang_up),
        ("is_reachable", made.is_reachable),
    ):
        monkeypatch.setattr(job, name, stands_in)
    return made


class Process:
    """One dialler."""

    def __init__(self, settings: Settings, engine: AsyncEngine) -> None:
        self.ami = Exchange()
        self.places = Places(settings, engine, self.ami, {"help": Queue(name="求助")})

    async def steps(self, times: int = 1) -> list[dict[str, Any]]:
        """Returns what Asterisk was asked for, all together."""
        for _ in range(times):
            await self.places.step()
        for task in list(self.places._ringing):
            await task
        return self.ami.asked


@pytest_asyncio.fixture
async def process(engine: AsyncEngine, tmp_path: Path, asterisk: Asterisk) -> AsyncIterator[Process]:
    made = Process(Settings(home=tmp_path), engine)
    yield made
    await made.places._let_go()


async def keep(engine: AsyncEngine, call_id: str = CALL, number: str = NUMBER) -> None:
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        await places.keep(connection, Asked(call_id, "help", number, now - timedelta(seconds=30), now))


async def rows(engine: AsyncEngine, query: str) -> list[Any]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_his_turn_is_asked_for_once_and_by_one_process(
    engine: AsyncEngine, process: Process, tmp_path: Path
) -> None:
    await keep(engine)
    [asked] = await process.steps(3)
    [(call_id, state)] = await rows(engine, "SELECT t.call_id, p.state FROM line_place_tries t, line_places p")
    assert (asked["channel"], asked["channel_id"], state) == ("PJSIP/13900000001@outbound", call_id, "ringing")
    assert (asked["context"], asked["exten"], asked["ring_seconds"]) == ("place-called", "answered", 25)
    given = asked["variables"]
    assert (given["PLACE_CALL"], given["PLACE_QUEUE"], given["PLACE_POSITION"]) == (CALL, "help", "1")
    other = Process(Settings(home=tmp_path), engine)
    await engine.dispose()
    await process.places._let_go()
    assert await other.steps(2) == []
    assert await process.steps(2) == [asked], "the other has the lock now"
    await other.places._let_go()


async def test_nobody_is_rung_for_nobody(engine: AsyncEngine, process: Process, asterisk: Asterisk) -> None:
    await keep(engine)
    asterisk.free = False
    assert await process.steps() == []
    asterisk.free, asterisk.reached = True, False
    assert await process.steps() == [], "the network is down"
    assert await rows(engine, "SELECT id FROM line_place_tries") == []


async def test_what_is_not_held_is_made_and_what_holds_nothing_goes(
    engine: AsyncEngine, process: Process, asterisk: Asterisk
) -> None:
    await keep(engine)
    asterisk.held = asterisk.free = False
    [made] = await process.steps(2)
    assert (made["channel"], made["context"]) == (f"{HOLD}{CALL}@place-hold/n", "place-hold")
    assert made["variables"] == {"HOLD_QUEUE": "help", "HOLD_POSITION": "1"}
    asterisk.held = True
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE line_places SET state = 'withdrawn'"))
    await process.steps()
    assert asterisk.hung_up == [HELD]


async def test_a_hold_that_nobody_has_written_down_yet_is_left_for_a_while(
    process: Process, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.steps(2)
    assert asterisk.hung_up == []
    monkeypatch.setattr(job, "UNKNOWN_SECONDS", -1.0)
    await process.steps()
    assert asterisk.hung_up == [HELD]


@pytest.mark.parametrize(("logged", "outcome", "tries"), [(False, "not_dialled", 0), (True, "unknown", 1)])
async def test_a_try_of_a_dialler_that_died_is_looked_up(
    engine: AsyncEngine,
    process: Process,
    asterisk: Asterisk,
    monkeypatch: pytest.MonkeyPatch,
    logged: bool,
    outcome: str,
    tries: int,
) -> None:
    await keep(engine)
    async with engine.begin() as connection:
        [live] = await places.live(connection)
        claimed = await places.claim(connection, live.id, datetime.now(UTC))
        assert claimed is not None
        if logged:
            line = "INSERT INTO call_events (call_id, stream, position, line) VALUES (:call, 'cel', 1, 'x')"
            await connection.execute(text(line), {"call": claimed.call_id})
    query = "SELECT t.outcome, p.state, p.tries FROM line_place_tries t, line_places p"
    await process.steps(2)
    assert await rows(engine, query) == [("", "ringing", 1)], "it may be dialled yet"
    monkeypatch.setattr(job, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(job, "AGAIN_SECONDS", 0.0)
    asterisk.live = [claimed.call_id]
    await process.steps(2)
    assert await rows(engine, query) == [("", "ringing", 1)], "his telephone rings"
    asterisk.live = []
    await process.steps(2)
    assert await rows(engine, query) == [(outcome, "waiting", tries)]
