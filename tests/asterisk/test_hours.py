"""Queues that are closed, whom a caller spoke with last, and more callers than the menu takes: real calls."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hotline.agent_state import logout, pause
from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.phone import Line
from hotline.rules import load_rules
from hotline.status import read_all
from routing.live import queue_status
from tests.asterisk.instance import Instance
from tests.asterisk.moved_day import FILE
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import Row, call_of, events, ticket_of

pytestmark = pytest.mark.asterisk
MENUS = 3
LOOK_SECONDS = 0.05
SUNDAY, SUNDAY_EVENING = "2026-09-20T10:00", "2026-09-20T20:00"
"""A make-up day 补班 before 国庆."""
THURSDAY = "2026-10-01T10:00"
"""国庆."""


class DatedHotline(Instance):
    program = "tests.asterisk.dated_hotline"

    def __init__(self, home: Path) -> None:
        super().__init__(home, line={"flow_calls": MENUS, "agent_seconds": 5})
        (home / FILE).write_text(SUNDAY)

    async def date(self, moment: str, *, closed: bool) -> None:
        """It is then, and the worker has seen it."""
        new = self.home / "moment.new"
        new.write_text(moment)
        new.replace(self.home / FILE)
        async with asyncio.timeout(15):
            while (self.settings.closed_dir / "enterprise").exists() is not closed:
                await asyncio.sleep(LOOK_SECONDS)


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatedHotline]:
    instance = DatedHotline(tmp_path_factory.mktemp("dated"))
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


def told(call: Row, event: str) -> list[str]:
    return [" ".join(entry["detail"].values()) for entry in call["timeline"] if entry["event"] == event]


async def test_on_a_make_up_sunday_it_is_open_until_the_evening(hotline: DatedHotline, phones: Phones) -> None:
    await hotline.date(SUNDAY, closed=False)
    line = await phones.citizen("13933330001", keys="w1,5")
    await line.wait("connected", 10, detail="enterprise")
    await line.hangup()
    call = await call_of(hotline, "13933330001")
    assert (call["queue"], told(call, "closed")) == ("enterprise", [])

    await hotline.date(SUNDAY_EVENING, closed=True)
    line = await phones.citizen("13933330002", keys="w1,5")
    await line.wait("connected", 20, detail="agents")
    assert "enterprise" not in [event.detail for event in line.events]
    await line.hangup()
    call = await call_of(hotline, "13933330002")
    assert (call["queue"], told(call, "closed")) == ("agents", ["enterprise agents"])
    assert (await ticket_of(hotline, call))["category"] == "consultation"


async def test_on_a_holiday_thursday_it_is_closed_and_110_is_not(hotline: DatedHotline, phones: Phones) -> None:
    await hotline.date(SUNDAY, closed=False)
    await hotline.date(THURSDAY, closed=True)
    # 12345 itself is open: another queue is as on any day.
    scripts = {"13933330003": "w1,1", "13933330004": "w1,5", "13933330005": "w1,5,w4,119"}
    lines = await asyncio.gather(*(phones.citizen(number, keys=keys) for number, keys in scripts.items()))
    for line, detail in zip(lines, ("consultation", "agents", "119"), strict=True):
        await line.wait("connected", 20, detail=detail)
    status = await read_all(hotline.settings)
    assert list(status.closed) == ["enterprise"]
    assert {row.queue for row in status.queues} == load_rules().queues.keys()
    for line in lines:
        await line.hangup()
    assert told(await call_of(hotline, "13933330004"), "closed") == ["enterprise agents"]
    call = await call_of(hotline, "13933330005")
    assert (call["emergency"], told(call, "closed"), call["queue"]) == ("119", ["enterprise agents"], "")


async def spoke_with(instance: Instance, number: str, agent: str) -> None:
    """An hour ago."""
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO calls (id, via, caller_e164, agent, arrived_at, human_at, ended_at)"
                " VALUES (:id, 'test', :number, :agent, now() - interval '1 hour', now() - interval '59 minutes',"
                " now() - interval '58 minutes')"
            ),
            {"id": f"before-1795290000.{number}", "number": f"+86{number}", "agent": agent},
        )


async def put_through(phones: Phones, number: str, last: str, to: str) -> Line:
    """A caller whom ``last`` spoke with an hour ago, until he is connected with ``to``."""
    await spoke_with(phones.instance, number, last)
    line = await phones.citizen(number, keys="w1,1")
    await line.wait("connected", 40, detail=to)
    return line


async def test_the_last_agent_if_free_and_who_else_if_not(phones: Phones) -> None:
    """For consultations 1001 and 1006 come before 1002, and 1002 comes before nobody."""
    first = await phones.agent("1001")
    last = await phones.agent("1002")
    free = await put_through(phones, "13933330011", "1002", "1002")
    talk = await taken(last)
    assert talk.events[0].detail == "13933330011"
    busy = await put_through(phones, "13933330012", "1002", "1001")
    await taken(first)
    await phones.agent("1006")
    await spoke_with(phones.instance, "13933330013", "1002")
    wrapping_up = await phones.citizen("13933330013")
    await free.hangup()
    await talk.ended(10)
    await wrapping_up.do("keys", keys="1")
    await wrapping_up.wait("connected", 20, detail="1006")
    resting = await phones.agent("1003")
    await pause(phones.instance.settings, "1003", "小休")
    await logout(phones.instance.settings, "1002")  # who might be free again by now
    await phones.agent("1007")
    paused = await put_through(phones, "13933330014", "1003", "1007")
    for line in (busy, wrapping_up, paused):
        await line.hangup()
    assert resting.incoming.empty()
    assert last.incoming.empty()
    call = await call_of(phones.instance, "13933330011")
    assert (call["queue"], call["agent"], told(call, "last_agent")) == ("consultation", "1002", ["1002"])
    for number in ("13933330012", "13933330013", "13933330014"):
        assert "last_agent" not in events(await call_of(phones.instance, number))


async def test_whoever_has_a_place_in_line_comes_before_whom_the_agent_knows(phones: Phones) -> None:
    """One agent is free, and one place is kept: a channel stands there as [place] puts it."""
    instance = phones.instance
    agent = await phones.agent("1004")
    await spoke_with(instance, "13933330015", "1004")
    line = await phones.citizen("13933330015")
    os.kill(instance.pid("dialler"), signal.SIGSTOP)  # which would end a hold that belongs to nobody
    try:
        async with open_ami(instance.settings) as ami:
            joined = asyncio.Event()
            ami.on_event("QueueCallerJoin", lambda event: joined.set())
            await ami.action(
                "Originate",
                {
                    "Channel": "Local/hold-test@place-hold/n",
                    "Context": "place-hold",
                    "Exten": "wait",
                    "Priority": "1",
                    "Variable": "HOLD_QUEUE=consultation",
                    "Async": "true",
                },
            )
            async with asyncio.timeout(10):
                await joined.wait()
            joined.clear()
            await line.do("keys", keys="1")
            async with asyncio.timeout(10):
                await joined.wait()
                while "consultation" not in {
                    row.queue for row in (await queue_status(ami)).waiting if row.position == 2
                }:
                    await asyncio.sleep(LOOK_SECONDS)
            assert agent.incoming.empty()
            await ami.action("Hangup", {"Channel": "/^Local/hold-test@/"})
    finally:
        os.kill(instance.pid("dialler"), signal.SIGCONT)
    await line.wait("connected", 10, detail="1004")
    await line.hangup()


async def test_a_last_agent_who_is_slow_gets_no_worse_than_the_common_queue(phones: Phones) -> None:
    """Rung for 5 s, and then with all others; not paused for the first time. It costs the record nothing."""
    await phones.agent("1008", answer_after=5.5)
    line = await put_through(phones, "13933330021", "1008", "1008")
    await line.hangup()
    call = await call_of(phones.instance, "13933330021")
    assert (call["queue"], call["agent"], call["missed"]) == ("consultation", "1008", False)
    assert [event for event in events(call) if event in ("queued", "last_agent", "no_answer", "left_queue")] == [
        "queued", "last_agent", "no_answer",
    ]  # fmt: skip
    assert told(call, "queued") == ["consultation 1"]
    assert told(call, "no_answer")[0].startswith("1008 ")


async def test_past_so_many_menus_callers_go_to_the_agents(phones: Phones) -> None:
    menus = [await phones.citizen(f"1393333004{n}") for n in range(MENUS)]
    one, urgent = await asyncio.gather(phones.citizen("13933330050"), phones.citizen("13933330051", keys="w2,119"))
    await urgent.wait("connected", 10, detail="119")
    await menus[0].do("keys", keys="1")
    await menus[0].wait("connected", 10, detail="consultation")
    room = await phones.citizen("13933330052", keys="w1,2")
    await room.wait("connected", 10, detail="complaint")
    await one.wait("connected", 20, detail="agents")
    for line in (*menus, one, urgent, room):
        await line.hangup()
    call = await call_of(phones.instance, "13933330050")
    assert (told(call, "overload"), call["notice"]) == ([str(MENUS + 1)], "full")
    assert told(call, "decided") == ["queue agents other overload"]
    assert (await ticket_of(phones.instance, call))["category"] == "other"
    call = await call_of(phones.instance, "13933330051")
    assert (call["emergency"], call["notice"], "overload" in events(call)) == ("119", "interrupted", True)
    assert "overload" not in events(await call_of(phones.instance, "13933330052"))
