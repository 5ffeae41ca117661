"""110, 119, 120 and 122: through at once, on the next trunk when one is dead, after that to an agent first of all."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from hotline.agent_state import pause, resume, states
from hotline.ami import open_ami
from hotline.asterisk import ask, control_socket
from hotline.rules import load_rules
from hotline.trial import free_ports
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import alert_of, call_of, events, ticket_of
from tests.asterisk.sound import hears_all, hears_tone, read_wav

pytestmark = pytest.mark.asterisk
FIRST, SECOND = "127.0.0.3", "127.0.0.4"
CALLER, AGENT, CENTRE = 1000, 550, 700
"""Hz: what each party says."""


@pytest.mark.parametrize("service", ["110", "119", "120", "122"])
async def test_typed_at_the_menu_it_is_put_through(phones: Phones, service: str) -> None:
    number = f"13911112{service}"
    line = await phones.citizen(number, keys=f"w1,{service}")
    await line.wait("connected", 10, detail=service)
    await line.hangup()
    call = await call_of(phones.instance, number)
    assert call["emergency"] == service
    assert call["time_to_human"] is not None
    assert (await ticket_of(phones.instance, call))["urgent"] is True
    await alert_of(phones.instance, "emergency", call=call)


@pytest.mark.parametrize("typed", ["119", "1119", "12119"])
async def test_typed_in_a_queue_it_is_put_through(phones: Phones, typed: str) -> None:
    number = f"139222{int(typed):05d}"
    line = await phones.citizen(number, keys="w1,1")
    await line.wait("connected", 10, detail="consultation")
    await line.do("keys", keys=typed)
    await line.wait("connected", 10, detail="119")
    await line.hangup()
    assert (await call_of(phones.instance, number))["emergency"] == "119"


@pytest.mark.parametrize("typed", ["110#", "110"])
async def test_typed_where_a_number_is_asked_for_it_is_put_through(phones: Phones, typed: str) -> None:
    """As the whole entry only: ended by ``#`` or by silence."""
    number = f"1391115{len(typed):04d}"
    line = await phones.citizen(number, keys=f"w1,4,w1,{typed}")
    await line.wait("connected", 20, detail="110")
    await line.hangup()
    assert (await call_of(phones.instance, number))["emergency"] == "110"


async def test_an_entry_that_only_begins_with_110_is_a_number(phones: Phones) -> None:
    line = await phones.citizen("13911116001", keys="w1,4,w1,11020261121#")
    await line.wait("connected", 25, detail="progress")
    await line.hangup()
    assert not (await call_of(phones.instance, "13911116001"))["emergency"]


async def test_a_single_1_waits_for_more_and_then_counts(phones: Phones) -> None:
    line = await phones.citizen("13911113001", keys="w1,1,w1,1,w1,9")
    await line.wait("connected", 10, detail="119")
    await line.hangup()


async def test_the_second_trunk_takes_over_and_then_an_agent(make_instance: MakeInstance, tmp_path: Path) -> None:
    """Trunk 1 refuses, trunk 2 answers; then both are down and an agent gets the caller ahead of one who waits."""
    port, second = free_ports(2)
    instance = make_instance(emergency={"trunks": [f"{FIRST}:{port}", f"{SECOND}:{second}"], "ring_seconds": 5})
    async with Phones(instance) as phones:
        refusing = await phones.centre(FIRST, port, code=503)
        answering = await phones.centre(SECOND, second, tone=700)
        await both_seen(instance)
        line = await phones.citizen("13911114001", keys="w1,120", record=tmp_path / "heard.wav")
        await line.wait("connected", 20, detail="120")
        centre = await taken(answering)
        assert centre.events[0].detail == "13911114001"  # the citizen's own number
        await line.do("keys", keys="w2,5")
        await line.wait("key", 10, detail="5")
        await line.hangup()
        await line.ended(5)
        assert not refusing.incoming.empty()
    samples, rate = read_wav(tmp_path / "heard.wav")
    assert hears_tone(samples[:, 0], rate, 700)
    call = await call_of(instance, "13911114001")
    assert "emergency_trunk" in events(call)

    async with Phones(instance) as phones:  # nobody plays the centres now
        waiting = await phones.citizen("13911114002", keys="w1,1")
        await waiting.wait("connected", 15, detail="consultation")
        urgent = await phones.citizen("13911114003", keys="w1,119")
        await urgent.wait("connected", 40, detail="emergency")
        agent = await phones.agent("1001")
        first = await taken(agent)
        assert first.events[0].detail == "13911114003"
        await urgent.wait("connected", 10, detail="1001")
        await first.hangup()
        await waiting.hangup()
    call = await call_of(instance, "13911114003")
    assert (call["emergency"], call["agent"]) == ("119", "1001")
    await alert_of(instance, "emergency", call=call)
    await alert_of(instance, "emergency_failed", call=call)


async def both_seen(instance: Instance) -> None:
    """Asterisk knows that both trunks answer its OPTIONS."""
    async with asyncio.timeout(20):
        while True:
            contacts = await ask(control_socket(instance.settings), "pjsip show contacts")
            if len(re.findall(r"emergency-\d/\S+\s+\S+\s+Avail", contacts)) == 2:
                return
            await asyncio.sleep(0.2)


async def test_an_agent_adds_the_centre_and_leaves(make_instance: MakeInstance, tmp_path: Path) -> None:
    """Attended transfer with three-way by feature codes; all stay connected, and whoever speaks is recorded."""
    (port,) = free_ports(1)
    instance = make_instance(emergency={"trunks": [f"{FIRST}:{port}"]})
    async with Phones(instance) as phones:
        centre = await phones.centre(FIRST, port, tone=CENTRE)
        agent = await phones.agent("1001", tone=AGENT)
        line = await phones.citizen("13911115001", keys="w1,9", tone=CALLER, record=tmp_path / "heard.wav")
        await line.wait("connected", 15, detail="1001")
        talk = await taken(agent)
        await talk.do("keys", keys="w1,*2,w1,110")
        joined = await taken(centre)
        assert joined.events[0].detail == "13911115001"
        await talk.do("keys", keys="w1,*3")
        await line.wait("connected", 10)
        await line.do("keys", keys="w2,7")
        await line.wait("key", 10, detail="7")
        await talk.hangup()
        await talk.ended(5)
        await line.do("keys", keys="w2,5")
        await line.wait("key", 6, detail="5")
        assert not line.over
        assert not joined.over
        await line.hangup()
        await joined.ended(5)
    samples, rate = read_wav(tmp_path / "heard.wav")
    assert hears_tone(samples[-3 * rate :, 0], rate, CENTRE)
    call = await call_of(instance, "13911115001", recording=True)
    stereo, rate = read_wav(instance.settings.recordings_dir / call["recording"]["path"])
    assert len(stereo) / rate == pytest.approx(len(samples) / rate, abs=0.5)
    others = stereo[:, 1]
    assert hears_tone(others, rate, AGENT)
    assert hears_all(others, rate, [AGENT, CENTRE])
    assert hears_tone(others[-2 * rate :], rate, CENTRE, seconds=1.5)
    assert hears_tone(stereo[-3 * rate :, 0], rate, CALLER, seconds=1.5)
    assert "110" in str(call["emergency"])


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("way", ["*2", "##"])
async def test_whoever_takes_the_call_over_is_recorded(phones: Phones, way: str, number: int) -> None:
    """More than once: a party's RTP is numbered from anywhere, and only some numbers were trouble."""
    citizen = f"139111151{len(way)}{ord(way[0])}{number}"
    agent = await phones.agent("1001", tone=AGENT)
    colleague = await phones.agent("1002", log_in=False, tone=CENTRE)
    line = await phones.citizen(citizen, keys="w1,2", tone=CALLER)
    await line.wait("connected", 15, detail="1001")
    talk = await taken(agent)
    await talk.do("keys", keys=f"w1,{way},w1,1002")
    taking = await taken(colleague)
    if way == "*2":
        await talk.hangup()
    await line.wait("connected", 10, detail="1002")
    await line.do("keys", keys="w2,5")
    await line.wait("key", 6, detail="5")
    await line.hangup()
    await taking.ended(5)
    call = await call_of(phones.instance, citizen, recording=True)
    stereo, rate = read_wav(phones.instance.settings.recordings_dir / call["recording"]["path"])
    assert hears_tone(stereo[:, 1], rate, AGENT)
    assert hears_tone(stereo[-2 * rate :, 1], rate, CENTRE, seconds=1.5)
    assert hears_tone(stereo[-2 * rate :, 0], rate, CALLER, seconds=1.5)


async def test_a_call_handed_over_by_110_goes_ahead_and_is_marked(make_instance: MakeInstance) -> None:
    (port,) = free_ports(1)
    instance = make_instance(emergency={"trunks": [f"{FIRST}:{port}"]})
    async with Phones(instance) as phones:
        waiting = await phones.citizen("13911116001", keys="w1,0")
        await waiting.wait("connected", 15, detail="agents")
        handed = await phones.dial("13911116002", bind=FIRST)
        await handed.wait("connected", 15, detail="handover")
        agent = await phones.agent("1001")
        first = await taken(agent)
        assert first.events[0].detail == "13911116002"
        await first.hangup()
        await waiting.hangup()
    assert (await call_of(instance, "13911116002"))["via"] == "emergency"


async def test_a_blind_transfer_that_reaches_nobody_does_not_lose_the_caller(make_instance: MakeInstance) -> None:
    """``##`` to a colleague who is not there, and ``##`` to 110 with a dead trunk."""
    (port,) = free_ports(1)
    instance = make_instance(emergency={"trunks": [f"{FIRST}:{port}"], "ring_seconds": 5})
    async with Phones(instance) as phones:
        agent = await phones.agent("1001")
        for number, target, queue in (("13911117001", "1003", "agents"), ("13911117002", "110", "emergency")):
            line = await phones.citizen(number, keys="w1,2")
            await line.wait("connected", 15, detail="1001")
            talk = await taken(agent)
            await pause(instance.settings, "1001", "小休")
            await talk.do("keys", keys=f"w1,##,w1,{target}")
            await talk.ended(30)
            await line.wait("connected", 40, detail=queue)
            await line.hangup()
            await resume(instance.settings, "1001")
    call = await call_of(instance, "13911117002")
    assert (call["emergency"], call["emergency_failed"]) == ("110", True)


async def test_an_emergency_that_nobody_answers_leaves_the_agents_ready(phones: Phones) -> None:
    """Everybody rings for an emergency; nobody may be paused for it."""
    await phones.agent("1001", answer_after=None)
    line = await phones.citizen("13911118001", keys="w1,9")
    await line.wait("connected", 15, detail="emergency")
    await call_of(phones.instance, "13911118001", until="no_answer", seconds=40)
    second = await phones.agent("1002")
    await taken(second, 30)
    await line.wait("connected", 10, detail="1002")
    await line.hangup()
    async with open_ami(phones.instance.settings) as ami:
        assert not [state.extension for state in await states(ami, load_rules().agents) if state.paused]
