"""What an agent does at the screen with the call at a desk telephone, by Asterisk's manager interface; the telephones'
own keys are never pressed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import update

from hotline.agent_state import memberships
from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.phone import Account, Line
from hotline.rules import load_rules
from hotline.telephone import Telephones
from hotline.trial import free_ports
from people.accounts import create_user
from people.roles import Role
from people.sessions import begin
from people.tables import users
from routing.live import channels
from routing.seat import Doing, SpyMode, Target, TargetKind, TelephoneFault, Working
from tests.asterisk.browser_sip import browser_sip
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, outbound_reached, taken
from tests.asterisk.records import call_of
from tests.asterisk.sound import hears_all, hears_tone, read_wav, tone_share

pytestmark = pytest.mark.asterisk
CENTRE, NETWORK = "127.0.0.4", "127.0.0.12"
CALLER, AGENT, THIRD = 440.0, 880.0, 620.0
"""Hertz."""
COLLEAGUE = Target(TargetKind.EXTENSION, "1002")
POLICE = Target(TargetKind.EMERGENCY, "110")


@dataclass
class Desk:
    """A running hotline with its telephones. ``police``, ``unit``: the ports of those."""

    phones: Phones
    telephone: Telephones
    police: int
    unit: int

    async def talk(self, number: str, agent: Account, **script: Any) -> tuple[Line, Line]:
        """A citizen and the agent 1001, who talk: the lines of both."""
        line = await self.phones.citizen(number, keys="w1,1", **script)
        await line.wait("connected", 20, detail="1001")
        talk = await taken(agent)
        await self.connected("1001")
        return line, talk

    async def connected(self, extension: str) -> None:
        """Until Asterisk, too, has connected who has answered."""
        async with asyncio.timeout(5):
            while await self.parties(extension) == 0:
                await asyncio.sleep(0.05)  # between two questions

    async def parties(self, extension: str) -> int:
        """How many are connected with this telephone."""
        async with open_ami(self.phones.instance.settings) as ami:
            rows = await channels(ami)
        [own] = [row for row in rows if row.channel.startswith(f"PJSIP/{extension}-")]
        return sum(row.bridge_id == own.bridge_id for row in rows) - 1

    async def silent(self, extension: str) -> None:
        """Until Asterisk, too, knows that this telephone's call is over."""
        async with asyncio.timeout(5), open_ami(self.phones.instance.settings) as ami:
            while any(row.channel.startswith(f"PJSIP/{extension}-") for row in await channels(ami)):
                await asyncio.sleep(0.05)  # between two questions

    async def do(self, do: Doing, to: Target | None = None, extension: str = "1001") -> str:
        return await self.telephone.act(extension, do, to)

    async def refused(self, do: Doing, to: Target | None = None, extension: str = "1001") -> str:
        with pytest.raises(TelephoneFault) as refusal:
            await self.do(do, to, extension)
        return refusal.value.code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, int, int]]:
    police, unit = free_ports(2)
    instance = Instance(
        tmp_path_factory.mktemp("seats"),
        emergency={"trunks": [f"{CENTRE}:{police}"]},
        callback={"test_network": f"{NETWORK}:{unit}"},
    )
    instance.start()
    yield instance, police, unit
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def desk(running: tuple[Instance, int, int]) -> AsyncIterator[Desk]:
    instance, police, unit = running
    telephone = Telephones(instance.settings, load_rules())
    async with Phones(instance) as phones:
        yield Desk(phones, telephone, police, unit)
        for extension in ("1001", "1002"):
            await telephone.work(extension, Working.OUT)


async def test_ready_on_a_break_and_out(desk: Desk) -> None:
    agent = await desk.phones.agent("1001", log_in=False)
    assert (await desk.telephone.standing("1001")).working is Working.OUT
    ready = await desk.telephone.work("1001", Working.READY)
    assert (ready.working, ready.reachable, ready.in_call) == (Working.READY, True, False)
    assert ready.queues == load_rules().agents.agents["1001"].queues
    line, talk = await desk.talk("13944440001", agent)
    paused = await desk.telephone.work("1001", Working.PAUSED, "小休")
    assert (paused.working, paused.reason, paused.in_call) == (Working.PAUSED, "小休", True)
    moved = await desk.telephone.serve("1001", {"progress": 2})
    assert (moved.working, moved.reason, moved.queues) == (Working.PAUSED, "小休", {"progress": 2})
    assert (await desk.telephone.work("1001", Working.OUT)).queues == {}
    await line.do("keys", keys="w1,5")
    await line.wait("key", 10, detail="5")
    assert not line.over
    await talk.hangup()
    await line.ended(5)
    for working, reason, code in (
        (Working.PAUSED, "小休", "logged_out"),
        (Working.PAUSED, "散步", "reason"),
    ):
        with pytest.raises(TelephoneFault) as refusal:
            await desk.telephone.work("1001", working, reason)
        assert refusal.value.code == code


async def last_calls(desk: Desk) -> set[int]:
    """When the agent's last call ended, as the queues count the wrap-up from."""
    async with open_ami(desk.phones.instance.settings) as ami:
        return {row.last_call for row in await memberships(ami, "1001")}


async def test_a_wrap_up_is_ended_by_being_ready(desk: Desk) -> None:
    agent = await desk.phones.agent("1001", log_in=False)
    await desk.telephone.work("1001", Working.READY)
    line, _ = await desk.talk("13944440002", agent)
    assert await desk.do(Doing.HANGUP)
    assert (await line.ended(5))["hangup_by"] == "system"
    assert await last_calls(desk) != {0}
    assert (await desk.telephone.work("1001", Working.READY)).working is Working.READY
    assert await last_calls(desk) == {0}
    waiting, _ = await desk.talk("13944440003", agent)
    await waiting.hangup()
    assert (await call_of(desk.phones.instance, "13944440002"))["hangup_by"] == "agent 1001"
    assert await desk.refused(Doing.HANGUP) == "no_call"


async def test_blind_to_a_colleague_to_a_queue_and_to_110(desk: Desk) -> None:
    police = await desk.phones.centre(CENTRE, desk.police)
    agent = await desk.phones.agent("1001")
    line, talk = await desk.talk("13944440004", agent)
    assert await desk.refused(Doing.TRANSFER, COLLEAGUE) == "unreachable"
    assert await desk.refused(Doing.TRANSFER, Target(TargetKind.EXTENSION, "1001")) == "target"
    assert await desk.refused(Doing.TRANSFER, Target(TargetKind.QUEUE, "nobody")) == "target"
    assert await desk.refused(Doing.COMPLETE) == "not_now"
    assert await desk.refused(Doing.HOLD) == "at_phone"
    colleague = await desk.phones.agent("1002", log_in=False)
    await desk.do(Doing.TRANSFER, COLLEAGUE)
    await talk.ended(5)
    theirs = await taken(colleague)
    await line.wait("connected", 10, detail="1002")
    await desk.telephone.work("1001", Working.PAUSED, "小休")
    await desk.do(Doing.TRANSFER, Target(TargetKind.QUEUE, "progress"), "1002")
    await theirs.ended(5)
    await line.wait("connected", 10, detail="progress")
    await desk.telephone.work("1001", Working.READY)
    again = await taken(agent)
    await desk.connected("1001")
    await desk.do(Doing.CONSULT, COLLEAGUE)
    theirs = await taken(colleague)
    # 110 comes before a consultation.
    await desk.do(Doing.TRANSFER, POLICE)
    await theirs.ended(5)
    await again.ended(5)
    joined = await taken(police)
    assert joined.events[0].detail == "13944440004"
    await line.hangup()
    await joined.ended(5)


async def test_110_is_consulted_all_three_talk_and_the_agent_leaves(desk: Desk, tmp_path: Path) -> None:
    police = await desk.phones.centre(CENTRE, desk.police, tone=THIRD, record=tmp_path / "police.wav")
    agent = await desk.phones.agent("1001", tone=AGENT, record=tmp_path / "agent.wav")
    line, talk = await desk.talk("13944440005", agent, tone=CALLER, record=tmp_path / "caller.wav")
    await desk.do(Doing.CONSULT, POLICE)
    joined = await taken(police)
    assert await desk.refused(Doing.CONSULT, COLLEAGUE) in ("not_now", "unreachable")
    await desk.do(Doing.CONFERENCE)
    assert await desk.parties("1001") == 2
    await line.do("keys", keys="w2,7")
    await line.wait("key", 10, detail="7")
    await desk.do(Doing.HANGUP)
    await talk.ended(5)
    await line.do("keys", keys="w1,5")
    await line.wait("key", 6, detail="5")
    assert not joined.over
    await line.hangup()
    await joined.ended(5)
    for name, others in (("caller", [AGENT, THIRD]), ("agent", [CALLER, THIRD]), ("police", [CALLER, AGENT])):
        samples, rate = read_wav(tmp_path / f"{name}.wav")
        assert hears_all(samples[:, 0], rate, others), name


async def test_a_colleague_is_consulted_swapped_cancelled_and_given_the_call(desk: Desk) -> None:
    colleague = await desk.phones.agent("1002", log_in=False)
    agent = await desk.phones.agent("1001")
    line, talk = await desk.talk("13944440006", agent)
    await desk.do(Doing.CONSULT, COLLEAGUE)
    theirs = await taken(colleague)
    assert await desk.refused(Doing.COMPLETE, extension="1002") == "not_now"
    await desk.do(Doing.SWAP)
    await desk.do(Doing.CANCEL)
    await theirs.ended(5)
    assert await desk.refused(Doing.CANCEL) == "not_now"
    assert await desk.parties("1001") == 1
    await desk.do(Doing.CONSULT, COLLEAGUE)
    theirs = await taken(colleague)
    await desk.do(Doing.SWAP)
    await desk.do(Doing.SWAP)
    await desk.do(Doing.CANCEL)
    await theirs.ended(5)
    await desk.do(Doing.CONSULT, COLLEAGUE)
    theirs = await taken(colleague)
    await desk.do(Doing.COMPLETE)
    await talk.ended(5)
    await line.wait("connected", 10, detail="1002")
    assert not theirs.over
    await line.hangup()
    await theirs.ended(5)


async def test_a_queue_and_a_unit_are_consulted(desk: Desk) -> None:
    unit = await desk.phones.centre(NETWORK, desk.unit)
    async with open_ami(desk.phones.instance.settings) as ami:
        await outbound_reached(ami)
    colleague = await desk.phones.agent("1002", log_in=False)
    agent = await desk.phones.agent("1001")
    line, talk = await desk.talk("13944440008", agent)
    await desk.telephone.work("1002", Working.READY)
    await desk.do(Doing.CONSULT, Target(TargetKind.QUEUE, "progress"))
    theirs = await taken(colleague)
    await desk.do(Doing.CANCEL)
    await theirs.ended(5)
    await desk.do(Doing.CONSULT, Target(TargetKind.UNIT, "water", "+8641183334444"))
    answered = await taken(unit)
    await desk.do(Doing.COMPLETE)
    await talk.ended(5)
    assert not answered.over
    await line.hangup()
    await answered.ended(5)


async def test_muted_and_taken_on_by_a_page_that_was_loaded_anew(desk: Desk, tmp_path: Path) -> None:
    police = await desk.phones.centre(CENTRE, desk.police)
    agent = await desk.phones.agent("1001", tone=AGENT, calls=2)
    line, talk = await desk.talk("13944440009", agent, record=tmp_path / "caller.wav")
    await line.do("keys", keys="w1,5")
    await line.wait("key", 10, detail="5")
    await desk.do(Doing.MUTE)
    await line.do("record_stop")
    await line.do("record", file=str(tmp_path / "muted.wav"))
    await line.do("keys", keys="w2,7")
    await line.wait("key", 10, detail="7")
    await line.do("record_stop")
    await desk.do(Doing.REJOIN)
    again = await taken(agent)
    await talk.ended(5)
    await desk.do(Doing.CONSULT, POLICE)
    joined = await taken(police)
    await desk.do(Doing.CANCEL)
    await joined.ended(5)
    assert not again.over
    await line.hangup()
    await again.ended(5)
    samples, rate = read_wav(tmp_path / "caller.wav")
    assert hears_tone(samples[:, 0], rate, AGENT)
    muted, rate = read_wav(tmp_path / "muted.wav")
    assert tone_share(muted[-rate:, 0], rate, AGENT) < 0.1


async def test_a_call_of_three_is_joined_by_a_page_that_was_loaded_anew(desk: Desk, tmp_path: Path) -> None:
    police = await desk.phones.centre(CENTRE, desk.police, tone=THIRD, record=tmp_path / "police.wav")
    agent = await desk.phones.agent("1001", tone=AGENT, calls=2)
    line, talk = await desk.talk("13944440011", agent, tone=CALLER, record=tmp_path / "caller.wav")
    await desk.do(Doing.CONSULT, POLICE)
    joined = await taken(police)
    await desk.do(Doing.CONFERENCE)
    assert await desk.parties("1001") == 2
    await desk.do(Doing.REJOIN)
    again = await taken(agent)
    await talk.ended(5)
    async with asyncio.timeout(5):
        while await desk.parties("1001") != 2:
            await asyncio.sleep(0.05)  # between two questions
    for one, name in ((line, "caller"), (joined, "police")):
        await one.do("record_stop")
        await one.do("record", file=str(tmp_path / f"{name}-again.wav"))
    await line.do("keys", keys="w2,7")
    await line.wait("key", 10, detail="7")
    assert {line.over, joined.over} == {False}
    await again.hangup()
    await line.do("keys", keys="w1,5")
    await line.wait("key", 6, detail="5")
    assert not joined.over
    await line.hangup()
    await joined.ended(5)
    for name, others in (("caller", [AGENT, THIRD]), ("police", [CALLER, AGENT])):
        samples, rate = read_wav(tmp_path / f"{name}-again.wav")
        assert hears_all(samples[:, 0], rate, others), name


async def test_a_supervisor_listens_whispers_and_barges(desk: Desk, tmp_path: Path) -> None:
    """At 1003: the tone of that telephone is heard by nobody, by the agent, by both."""
    agent = await desk.phones.agent("1001", tone=AGENT, record=tmp_path / "agent.wav")
    line, talk = await desk.talk("13944440010", agent, tone=CALLER, record=tmp_path / "caller.wav")
    supervisor = await desk.phones.agent("1003", log_in=False, tone=THIRD, record=tmp_path / "supervisor.wav")
    async with open_ami(desk.phones.instance.settings) as ami:
        [call_id] = {row.call_id for row in await channels(ami)}
    with pytest.raises(TelephoneFault, match="没有座席在接听"):
        await desk.telephone.listen("hotline-1.1", SpyMode.LISTEN, "1003")
    for mode in SpyMode:
        assert await desk.telephone.listen(call_id, mode, "1003") == "1001"
        spying = await taken(supervisor)
        await line.do("keys", keys="w2,7")
        await line.wait("key", 10, detail="7")
        await spying.hangup()
        await desk.silent("1003")
        line.events.clear()
    await line.hangup()
    await talk.ended(5)
    heard, rate = read_wav(tmp_path / "supervisor.wav")
    assert hears_all(heard[:, 0], rate, [CALLER, AGENT])
    by_agent, rate = read_wav(tmp_path / "agent.wav")
    assert hears_all(by_agent[:, 0], rate, [CALLER, THIRD], seconds=1.0)
    by_caller, rate = read_wav(tmp_path / "caller.wav")
    assert hears_all(by_caller[:, 0], rate, [AGENT, THIRD])


@asynccontextmanager
async def people(instance: Instance, *names: str) -> AsyncIterator[list[ClientSession]]:
    """Agents who are signed in, each with a browser."""
    now = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        browsers = []
        async with open_engine(instance.settings) as engine, engine.begin() as connection:
            for name in names:
                await create_user(connection, name, [Role.AGENT], now=now)
                change = update(users).where(users.c.name == name).values(must_change=False).returning(users)
                session = await begin(connection, (await connection.execute(change)).one(), "127.0.0.1", now)
                base = f"http://127.0.0.1:{instance.web}/api/v1/"
                browser = ClientSession(base, headers={"Authorization": f"Bearer {session.token}"})
                browsers.append(await stack.enter_async_context(browser))
        yield browsers


async def test_whoever_sat_there_once_cannot_register_later(desk: Desk) -> None:
    """Not by what the page was given, however often it asked; the one who sits there now can."""
    instance = desk.phones.instance

    async def registers(secret: str) -> int:
        async with browser_sip(instance, "2001", secret) as phone:
            return await phone.register()

    assert await registers(instance.agent_password("2001")) in (401, 500), "nobody ever sat there"
    async with people(instance, "hua", "ming") as (hua, ming):
        given: list[str] = []
        for method, browser in (("POST", hua), ("GET", hua), ("POST", hua), ("POST", ming)):
            body = {"extension": "2001"} if method == "POST" else None
            if browser is ming:
                assert (await hua.delete("seat")).status == 204
                assert await registers(given[0]) == 401
            answer = await browser.request(method, "seat", json=body)
            assert answer.status == 200
            given.append((await answer.json())["sip"]["password"])
            assert await registers(given[-1]) == 200
        assert given[0] == given[1] == given[2] != given[3]
        assert await registers(given[0]) == 401
        assert await registers(instance.agent_password("2001")) == 401
        assert (await ming.delete("seat")).status == 204
        assert await registers(given[3]) == 401


async def test_of_two_who_want_a_seat_one_gets_it_and_signs_out_in_mid_call(desk: Desk) -> None:
    """His call goes on, and no other comes."""
    agent = await desk.phones.agent("1001", log_in=False)
    async with people(desk.phones.instance, "first", "second") as browsers:
        answers = await asyncio.gather(*(one.post("seat", json={"extension": "1001"}) for one in browsers))
        assert sorted(answer.status for answer in answers) == [200, 409]
        has, wants = browsers if answers[0].status == 200 else browsers[::-1]
        ready = await has.put("seat/state", json={"state": "ready"})
        assert (ready.status, (await ready.json())["reachable"]) == (200, True)
        line, talk = await desk.talk("13944440011", agent)
        muted = await has.post("seat/call", json={"do": "mute"})
        assert muted.status == 200
        assert (await has.delete("session")).status == 204
        assert (await has.get("seat")).status == 401
        assert (await desk.telephone.standing("1001")).working is Working.OUT
        await line.do("keys", keys="w1,5")
        await line.wait("key", 10, detail="5")
        assert not talk.over
        await line.hangup()
        assert (await wants.post("seat", json={"extension": "1001"})).status == 200
        assert (await wants.delete("seat")).status == 204
