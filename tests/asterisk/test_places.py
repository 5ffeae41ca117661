"""Callback in line 排队回拨: who hangs up in the queue keeps the place, is rung when it is his turn, and what is
announced to the others counts him, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from calls.placed import HOLD, held_for
from hotline.agent_state import pause, resume
from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.phone import Account, Line
from line.places import list_places
from routing.ami import AmiError
from routing.live import queue_status
from tests.asterisk.callbacks import CallingHotline
from tests.asterisk.phones import Phones, outbound_reached, taken
from tests.asterisk.records import Row, call_of, events, ticket_of, wait

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
QUEUE, KEY = "help", "w1,3"
LOOK_SECONDS = 0.05
PLACE = "place"


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallingHotline]:
    instance = CallingHotline(tmp_path_factory.mktemp("places"), line={"place_ring_seconds": 5})
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


class Scene:
    """Agents who are paused until somebody may be served, and the citizens' network."""

    def __init__(self, hotline: CallingHotline, phones: Phones) -> None:
        self.hotline, self.phones = hotline, phones
        self.agents: dict[str, Account] = {}

    async def __aenter__(self) -> Scene:
        for extension in ("1001", "1002", "1003"):
            self.agents[extension] = await self.phones.agent(extension)
            await pause(self.hotline.settings, extension, "小休")
        return self

    async def __aexit__(self, *error: object) -> None:
        async with open_engine(self.hotline.settings) as engine, engine.begin() as connection:
            await connection.execute(
                text("UPDATE line_places SET state = 'withdrawn' WHERE state IN ('waiting', 'ringing')")
            )
        async with open_ami(self.hotline.settings) as ami:
            await ami.action("Hangup", {"Channel": "/^(PJSIP|Local)/"})
        await self.stands()

    async def network(self, **script: Any) -> Account:
        """The telephones of those who are rung back; they answer at once unless told otherwise."""
        host, _, port = self.hotline.network.rpartition(":")
        account = await self.phones.centre(host, int(port), **script)
        async with open_ami(self.hotline.settings) as ami:
            await outbound_reached(ami)
        return account

    async def line(self) -> list[str]:
        """Who stands in the queue, in order: numbers; of a place, ``place``."""
        async with open_ami(self.hotline.settings) as ami:
            rows = (await queue_status(ami, QUEUE)).waiting
        rows = tuple(sorted(rows, key=lambda row: row.position))
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        return [PLACE if row.channel.startswith(HOLD) else row.caller for row in rows]

    async def stands(self, *expected: str, seconds: float = 15.0) -> None:
        found: list[str] | None = None
        try:
            async with asyncio.timeout(seconds):
                while found != list(expected):
                    await asyncio.sleep(LOOK_SECONDS)
                    with contextlib.suppress(AmiError):  # it is being started
                        found = await self.line()
        except TimeoutError:
            raise AssertionError(f"in line: {found}, not {list(expected)}") from None

    async def joins(self, number: str, *ahead: str, key: str = KEY) -> Line:
        line = await self.phones.citizen(number, keys=key)
        await self.stands(*ahead, number)
        return line

    async def asks_to_be_rung(self, line: Line, *then: str) -> None:
        """Presses 2, hears that the place is kept, and hangs up. The first one interrupts what is announced."""
        before = len(played(self.hotline))
        await line.do("keys", keys="2,w1,2")
        await self.heard("place-kept", before)
        await self.stands(*then)
        await line.hangup()
        await line.ended(5)

    async def free(self, extension: str) -> None:
        await resume(self.hotline.settings, extension)

    async def heard(self, sound: str, before: int = 0, seconds: float = 10.0) -> None:
        """Played to somebody, after the first ``before``."""
        async with asyncio.timeout(seconds):
            while not any(one == sound for _, _, one in played(self.hotline)[before:]):
                await asyncio.sleep(LOOK_SECONDS)

    async def places(self) -> list[Row]:
        async with open_engine(self.hotline.settings) as engine, engine.connect() as connection:
            return await list_places(connection, limit=100, ended=True)

    async def place(self, number: str, state: str, seconds: float = 20.0) -> Row:
        async def look(connection: Any) -> Row | None:
            rows = await list_places(connection, limit=100, ended=True)
            return next((row for row in rows if row["number"] == f"+86{number}" and row["state"] == state), None)

        return await wait(self.hotline, look, seconds, f"no place of {number} that is {state}")


@pytest.fixture
async def scene(hotline: CallingHotline) -> AsyncIterator[Scene]:
    async with Phones(hotline) as phones, Scene(hotline, phones) as opened:
        yield opened


def played(hotline: CallingHotline) -> list[tuple[float, str, str]]:
    """When, in which call and what Asterisk played to callers."""
    found = []
    file: Path = hotline.settings.cel_file
    with file.open(encoding="utf-8", newline="") as log:
        for row in csv.reader(log):
            if len(row) == 15 and row[2] == "FILE_STREAM_BEGIN":
                found.append((float(row[1]), row[11], json.loads(row[3])["sound"]))
    return found


def announced(hotline: CallingHotline, call_id: str) -> list[tuple[float, int]]:
    """When which position was announced to this caller."""
    positions: list[tuple[float, int]] = []
    begun = 0.0
    for at, call, sound in played(hotline):
        if call != call_id:
            continue
        if sound == "queue-youarenext":
            positions.append((at, 1))
        elif sound == "queue-thereare":
            begun = at
        elif begun and sound.startswith("digits/"):
            positions.append((begun, int(sound.removeprefix("digits/"))))
            begun = 0.0
    return positions


def right(positions: list[tuple[float, int]], ahead: list[float]) -> None:
    """``ahead``: when each of those who were in line before was connected. He left the line a moment earlier, when the
    agent answered."""
    assert positions
    for at, position in positions:
        fewest = 1 + sum(at < served - 3 for served in ahead)
        most = 1 + sum(at < served + 1 for served in ahead)
        assert fewest <= position <= most, (positions, ahead)


async def talk(account: Account, *, number: str) -> Line:
    """The next who reaches this agent is this citizen."""
    line = await taken(account, 40)
    assert line.events[0].detail in (number, f"+86{number}"), line.events[0]
    return line


async def served_in_order(scene: Scene, hotline: CallingHotline, a: str, b: str, c: str) -> None:
    """Each was connected after the one before, and B's ticket is one."""
    calls = [await call_of(hotline, one, until="connected", seconds=30) for one in (a, f"+86{b}", c)]
    times = [call["human_at"] for call in calls]
    assert times == sorted(times)
    back = calls[1]
    assert (back["via"], back["ticket"], back["missed"]) == ("place", None, False)
    asked = await call_of(hotline, b)
    assert (asked["missed"], asked["abandoned"]) == (False, False)
    assert "place" in events(asked)
    place = await scene.place(b, "served")
    assert place["call_id"] == asked["id"]
    assert place["ticket"] == (await ticket_of(hotline, asked))["number"]
    assert place["rung"][-1]["call_id"] == back["id"]
    ahead = [times[0].timestamp(), times[1].timestamp()]
    right(announced(hotline, calls[2]["id"]), ahead)


async def test_served_in_order_though_the_dialler_dies_and_he_does_not_answer_at_first(
    scene: Scene, hotline: CallingHotline
) -> None:
    a, b, c = "13922250001", "13922250002", "13922250003"
    network = await scene.network(answer_after=None)
    waits = await scene.joins(a)
    asks = await scene.joins(b, a)
    await scene.asks_to_be_rung(asks, a, PLACE)
    await scene.joins(c, a, PLACE)
    hotline.kill("dialler", signal.SIGKILL)
    await scene.free("1001")
    await talk(scene.agents["1001"], number=a)
    await waits.wait("connected", 5, detail="1001")
    await scene.stands(PLACE, c)
    await scene.free("1002")
    async with asyncio.timeout(20):
        first = await network.incoming.get()
    assert first.events[0].detail == "12345"
    await scene.stands(PLACE, c)
    await first.ended(10)
    async with asyncio.timeout(15):
        second = await network.incoming.get()
    await scene.stands(PLACE, c)
    await second.do("answer")
    await talk(scene.agents["1002"], number=b)
    await scene.stands(c)
    await scene.free("1003")
    await talk(scene.agents["1003"], number=c)
    await served_in_order(scene, hotline, a, b, c)
    place = await scene.place(b, "served")
    assert [one["outcome"] for one in place["rung"]] == ["no_answer", "answered"]


async def test_served_in_order_over_a_restart_of_everything_but_the_exchange(
    scene: Scene, hotline: CallingHotline
) -> None:
    a, b, c = "13922250011", "13922250012", "13922250013"
    network = await scene.network()
    await scene.joins(a)
    asks = await scene.joins(b, a)
    await scene.asks_to_be_rung(asks, a, PLACE)
    await scene.joins(c, a, PLACE)
    hotline.kill_supervisor()
    await asyncio.to_thread(hotline.start)
    await scene.stands(a, PLACE, c)
    await scene.free("1001")
    await talk(scene.agents["1001"], number=a)
    # It dies when Asterisk has been asked to ring: he is rung once all the same.
    hotline.trap("after")
    await scene.free("1002")
    await taken(network)
    await talk(scene.agents["1002"], number=b)
    await scene.stands(c)
    await scene.free("1003")
    await talk(scene.agents["1003"], number=c)
    await served_in_order(scene, hotline, a, b, c)
    assert network.incoming.empty()
    place = await scene.place(b, "served")
    assert [one["outcome"] for one in place["rung"]] == ["answered"]


async def test_places_outlive_the_exchange(scene: Scene, hotline: CallingHotline) -> None:
    b, d = "13922250022", "13922250024"
    network = await scene.network()
    for number, ahead in ((b, ()), (d, (PLACE,))):
        asks = await scene.joins(number, *ahead)
        await scene.asks_to_be_rung(asks, *ahead, PLACE)
    await scene.place(d, "waiting")
    hotline.kill("asterisk", signal.SIGKILL)
    await scene.stands(PLACE, PLACE, seconds=40)
    async with open_ami(hotline.settings) as ami:
        rows = sorted((await queue_status(ami, QUEUE)).waiting, key=lambda row: row.position)
        await outbound_reached(ami)
    asked = [(await call_of(hotline, number))["id"] for number in (b, d)]
    assert [held_for(row.channel) for row in rows] == asked
    await scene.free("1001")
    await taken(network, 40)
    await talk(scene.agents["1001"], number=b)
    await scene.place(b, "served")
    await scene.stands(PLACE)


async def test_what_a_caller_may_do_with_a_place(scene: Scene, hotline: CallingHotline) -> None:
    """Another number, a second place, going on waiting, a call of one's own."""
    b, other, third = "13922250032", "13922250033", "13922250034"
    await scene.network()
    asks = await scene.joins(b)
    for keys, then in (("2", "place-kept"), ("#", "place-number"), (f"{other}#", "place-noted")):
        before = len(played(hotline))
        await asks.do("keys", keys=keys)
        await scene.heard(then, before)
    await scene.place(other, "waiting")
    await asks.hangup()
    again = await scene.joins(other, PLACE)
    await scene.asks_to_be_rung(again, PLACE)
    assert (await scene.place(other, "waiting"))["call_id"] == (await call_of(hotline, b))["id"]
    back = await scene.joins(third, PLACE)
    before = len(played(hotline))
    await back.do("keys", keys="2,w1,2")
    await scene.heard("place-kept", before)
    await scene.stands(PLACE, PLACE)
    await scene.place(third, "waiting")
    await back.do("keys", keys="*")
    await scene.stands(PLACE, third)
    await scene.place(third, "withdrawn")
    await back.hangup()
    assert (await call_of(hotline, third))["missed"]
    own = await scene.phones.citizen(other, keys="w1,1")
    await scene.free("1001")
    await talk(scene.agents["1001"], number=other)
    await scene.place(other, "withdrawn")
    await scene.stands()
    await own.hangup()


async def test_key_3_leaves_a_message_and_110_is_heard_at_every_step(scene: Scene, hotline: CallingHotline) -> None:
    number, urgent, late = "13922250041", "13922250042", "13922250043"
    caller = await scene.phones.citizen(number, keys=KEY, tone=440)
    await scene.stands(number)
    await caller.do("keys", keys="3,w1,3")
    await scene.heard("beep")
    await caller.do("keys", keys="w4,#")
    call = await call_of(hotline, number, recording=True)
    assert call["message_file"]
    assert (call["missed"], (await ticket_of(hotline, call))["summary"]) == (False, "来电按键3 求助 有语音留言")
    line = await scene.joins(late)
    before = len(played(hotline))
    await line.do("keys", keys="3")
    await scene.heard("leave-message", before)
    await line.do("keys", keys="119")
    await line.wait("connected", 20, detail="119")
    await line.hangup()
    call = await call_of(hotline, late)
    assert (call["emergency"], call["message_file"]) == ("119", "")
    line = await scene.joins(urgent)
    await line.do("keys", keys="2")
    await scene.heard("place-kept")
    await line.do("keys", keys="110")
    await line.wait("connected", 20, detail="110")
    await line.hangup()
    assert (await call_of(hotline, urgent))["emergency"] == "110"


async def test_whoever_shows_no_number_is_asked_for_one(scene: Scene, hotline: CallingHotline) -> None:
    line = await scene.phones.citizen("anonymous", keys=KEY)
    await scene.stands("unknown")
    for keys, then in (("2", "place-number"), ("123#", "place-number-wrong"), ("13922250051#", "place-noted")):
        before = len(played(hotline))
        await line.do("keys", keys=keys)
        await scene.heard(then, before)
    await scene.place("13922250051", "waiting")
    await scene.stands(PLACE)
    await line.hangup()
    again = await scene.phones.citizen("anonymous", keys=KEY)
    await scene.stands(PLACE, "unknown")
    before = len(played(hotline))
    await again.do("keys", keys="2,w1,2")
    await scene.heard("place-number", before)
    await scene.stands(PLACE, PLACE)
    await again.do("keys", keys="122")
    await again.wait("connected", 7, detail="122")  # a number that is not complete is waited for longer
    await again.hangup()
    await scene.stands(PLACE)


async def test_an_emergency_number_typed_over_the_announced_position(scene: Scene, hotline: CallingHotline) -> None:
    await scene.joins("13922250061")
    line = await scene.joins("13922250062", "13922250061")
    before = len(played(hotline))
    await scene.heard("queue-thereare")
    await line.do("keys", keys="120")
    await line.wait("connected", 20, detail="120")
    assert "queue-options" not in [sound for _, _, sound in played(hotline)[before:]]
    await scene.stands("13922250061")
    await line.hangup()
    assert (await call_of(hotline, "13922250062"))["emergency"] == "120"
