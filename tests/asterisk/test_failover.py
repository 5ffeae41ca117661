"""Python dies, freezes, or is gone for a minute: nobody is cut off, all reach a person, every ticket is there."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from hotline.phone import Line
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.phones import Phones
from tests.asterisk.records import all_calls, all_tickets, call_of
from tests.asterisk.sound import level, read_wav

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]
MENU, QUEUE, TALK = 8, 8, 4


async def twenty(phones: Phones, folder: Path) -> tuple[list[Line], list[Line], list[Line]]:
    """Eight callers in the menu, eight in a queue, four in talk with agents."""
    for extension in ("1001", "1002", "1003", "1004"):
        await phones.agent(extension, tone=880)
    talk = [await phones.citizen(f"1393333{n:04d}", keys="w0.5,1", record=folder / f"t{n}.wav") for n in range(TALK)]
    for line in talk:
        await line.wait("connected", 30, detail="consultation")
    await asyncio.gather(*(agent_answered(line) for line in talk))
    queue = [await phones.citizen(f"1393334{n:04d}", keys="w0.5,2", record=folder / f"q{n}.wav") for n in range(QUEUE)]
    for line in queue:
        await line.wait("connected", 30, detail="complaint")
    menu = [await phones.citizen(f"1393335{n:04d}", keys="w0.5,*", record=folder / f"m{n}.wav") for n in range(MENU)]
    for n in range(MENU):  # the server has heard them: they are in the menu
        await call_of(phones.instance, f"1393335{n:04d}", until="key")
    return menu, queue, talk


async def agent_answered(line: Line) -> None:
    async with asyncio.timeout(30):
        while not any(e.event == "connected" and (e.detail or "").startswith("10") for e in line.events):
            await line.next(len(line.events))


def heard_after(path: Path, moment: float) -> float:
    """The level of the second that begins ``moment`` seconds into a recording."""
    samples, rate = read_wav(path)
    return level(samples[int(moment * rate) : int((moment + 1) * rate), 0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_twenty_callers_outlive_the_voice_server(
    make_instance: MakeInstance, tmp_path: Path, how: signal.Signals
) -> None:
    instance = make_instance()
    async with Phones(instance) as phones:
        menu, queue, talk = await twenty(phones, tmp_path)
        instance.kill("voice", how)
        killed = time.time()
        # A frozen server is noticed when the running step should be over: greeting or menu, plus two seconds.
        limit = 2.0 if how is signal.SIGKILL else 22.0
        for line in menu:
            event = await line.wait("connected", limit + 10, detail="agents")
            assert event.at - killed < limit
        moved = [max(e.t for e in line.events if e.event == "connected") for line in menu]
        await menu[0].do("keys", keys="w3,7")
        await menu[0].wait("key", 10, detail="7")
        everybody = [*menu, *queue, *talk]
        assert not [line.name for line in everybody if line.over]
        for line in everybody:
            await line.hangup()
        for line in everybody:
            assert (await line.ended(10))["hangup_by"] == "caller"
    for number, seconds in enumerate(moved):
        assert heard_after(tmp_path / f"m{number}.wav", seconds + 0.5) > 0.001, "queue music or an agent"
    calls = await all_calls(instance, MENU + QUEUE + TALK)
    assert len({call["ticket"] for call in calls}) == len(calls)
    assert len(await all_tickets(instance)) == len(calls)


async def test_a_new_call_while_the_server_is_dead_is_served_by_the_script(
    make_instance: MakeInstance, tmp_path: Path
) -> None:
    instance = make_instance()
    instance.kill_supervisor()
    for part in ("voice", "worker", "web"):
        instance.kill(part, signal.SIGKILL)
    async with Phones(instance) as phones:
        keyed = await phones.citizen("13944440001", keys="w2,3")
        urgent = await phones.citizen("13944440002", keys="w2,110")
        silent = await phones.citizen("13944440003")
        await keyed.wait("connected", 20, detail="help")
        await urgent.wait("connected", 20, detail="110")
        await silent.wait("connected", 40, detail="agents")
        for line in (keyed, urgent, silent):
            await line.hangup()
    instance.start()
    calls = await all_calls(instance, 3)
    assert {call["category"] for call in calls} == {"help", "other"}
    assert all(call["ticket"] for call in calls)


async def test_everything_python_dead_and_the_database_down_for_a_minute(
    make_instance: MakeInstance, tmp_path: Path
) -> None:
    """The supervisor too; Asterisk alone carries 20 calls on, and all is written down afterwards."""
    instance = make_instance()
    async with Phones(instance) as phones:
        menu, queue, talk = await twenty(phones, tmp_path)
        postgres = instance.pid("postgres")
        parts = [instance.pid(part) for part in ("voice", "worker", "web")]
        instance.kill_supervisor()
        for pid in parts:
            os.kill(pid, signal.SIGKILL)
        os.kill(postgres, signal.SIGINT)  # fast shutdown: the database is down
        for line in menu:
            await line.wait("connected", 12, detail="agents")
        late = await phones.citizen("13955550001", keys="w2,1")
        await late.wait("connected", 20, detail="consultation")
        await talk[0].do("keys", keys="w55,9")
        await talk[0].wait("key", 70, detail="9")
        everybody = [*menu, *queue, *talk, late]
        assert not [line.name for line in everybody if line.over]
        instance.start()
        assert not [line.name for line in everybody if line.over], "the new start took over Asterisk as it was"
        for line in everybody:
            await line.hangup()
    calls = await all_calls(instance, MENU + QUEUE + TALK + 1)
    assert len({call["ticket"] for call in calls}) == len(calls)
    for call in calls:
        assert call["recording"] is not None


async def test_a_frozen_server_lets_a_new_caller_wait_three_seconds(make_instance: MakeInstance) -> None:
    instance = make_instance()
    instance.kill("voice", signal.SIGSTOP)
    async with Phones(instance) as phones:
        line = await phones.citizen("13966660001", keys="w5,110")
        await line.wait("connected", 20, detail="110")
        await line.hangup()
        await line.ended(10)
    call = await call_of(instance, "13966660001")
    assert call["fallback"] == 2
