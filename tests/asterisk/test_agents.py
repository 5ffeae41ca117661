"""Agents: both sides hear each other, rules of who rings, pauses, no agent at all."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path

import pytest

from hotline.agent_state import pause, resume, states
from hotline.ami import open_ami
from hotline.rules import load_rules
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of, events, ticket_of
from tests.asterisk.sound import hears_tone, read_wav

pytestmark = pytest.mark.asterisk


async def state_of(instance: Instance, extension: str) -> tuple[bool, str | None]:
    """Logged in, and the reason of a pause."""
    async with open_ami(instance.settings) as ami:
        found = {state.extension: state for state in await states(ami, load_rules().agents)}[extension]
    return bool(found.queues), found.paused


async def test_caller_and_agent_hear_each_other_and_are_recorded(phones: Phones, tmp_path: Path) -> None:
    agent = await phones.agent("1001", tone=880, record=tmp_path / "agent.wav")
    line = await phones.citizen("13922220001", keys="w1,1", tone=440, record=tmp_path / "caller.wav")
    await line.wait("connected", 20, detail="1001")
    talk = await taken(agent)
    assert talk.events[0].detail == "13922220001"
    await line.do("keys", keys="w3,5")
    await line.wait("key", 10, detail="5")
    await talk.hangup()
    assert (await line.ended(5))["hangup_by"] == "system"
    await talk.ended(5)
    caller, rate = read_wav(tmp_path / "caller.wav")
    assert hears_tone(caller[-2 * rate :, 0], rate, 880)
    heard, rate = read_wav(tmp_path / "agent.wav")
    assert hears_tone(heard[-2 * rate :, 0], rate, 440)

    call = await call_of(phones.instance, "13922220001", recording=True)
    assert (call["agent"], call["hangup_by"], call["missed"]) == ("1001", "agent 1001", False)
    assert 0 < call["time_to_human"] < 20
    recording = call["recording"]
    path = phones.instance.settings.recordings_dir / recording["path"]
    stereo, rate = read_wav(path)
    assert (stereo.shape[1], rate) == (2, 8000)
    assert hears_tone(stereo[:, 0], rate, 440), "left is the caller"
    assert hears_tone(stereo[:, 1], rate, 880), "right is the other side"
    assert recording["offset_ms"] >= 0
    with wave.open(str(path)) as file:
        assert file.getnframes() / rate == pytest.approx(recording["seconds"], abs=0.1)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == recording["sha256"]
    assert (await ticket_of(phones.instance, call))["number"] == call["ticket"]


async def test_who_does_not_answer_is_paused_and_the_next_one_rings(phones: Phones) -> None:
    await phones.agent("1001", answer_after=None)
    line = await phones.citizen("13922220002", keys="w1,1")
    await line.wait("connected", 15, detail="consultation")
    second = await phones.agent("1002")
    talk = await taken(second, 40)
    await talk.hangup()
    await line.ended(10)
    assert await state_of(phones.instance, "1001") == (True, "Auto-Pause")
    call = await call_of(phones.instance, "13922220002")
    assert "no_answer" in events(call)
    await resume(phones.instance.settings, "1001")


async def test_a_paused_agent_gets_no_call(phones: Phones) -> None:
    first = await phones.agent("1001")
    second = await phones.agent("1002")
    await pause(phones.instance.settings, "1001", "小休")
    assert await state_of(phones.instance, "1001") == (True, "小休")
    line = await phones.citizen("13922220003", keys="w1,1")
    talk = await taken(second)
    await talk.hangup()
    await line.ended(10)
    assert first.incoming.empty()
    await resume(phones.instance.settings, "1001")


async def test_skill_decides_who_rings_first(phones: Phones) -> None:
    """1002 has penalty 0 for complaints, 1001 has 1."""
    await phones.agent("1001")
    skilled = await phones.agent("1002")
    line = await phones.citizen("13922220004", keys="w1,2")
    talk = await taken(skilled)
    await line.wait("connected", 10, detail="1002")
    await talk.hangup()
    await line.ended(10)


async def test_hold_is_written_down(phones: Phones) -> None:
    agent = await phones.agent("1001")
    line = await phones.citizen("13922220005", keys="w1,1")
    talk = await taken(agent)
    await line.wait("connected", 10, detail="1001")
    await talk.do("hold")
    await talk.wait("held", 10)
    await line.do("keys", keys="w1,5")
    await line.wait("key", 10, detail="5")
    await talk.do("unhold")
    await talk.wait("resumed", 10)
    await line.do("keys", keys="w1,6")
    await line.wait("key", 10, detail="6")
    await line.hangup()
    call = await call_of(phones.instance, "13922220005")
    assert "held" in events(call)
    assert "unheld" in events(call)


@pytest.mark.timeout(180)
async def test_with_no_agent_a_message_can_be_left(phones: Phones) -> None:
    line = await phones.citizen("13922220006", keys="w1,0", tone=440)
    await line.wait("connected", 15, detail="agents")
    await call_of(phones.instance, "13922220006", until="overflow", seconds=60)
    await line.do("keys", keys="w12,#")
    await line.ended(30)
    call = await call_of(phones.instance, "13922220006")
    assert "message" in events(call)
    message = phones.instance.settings.recordings_dir / call["message_file"]
    samples, rate = read_wav(message)
    assert hears_tone(samples[:, 0], rate, 440)
    assert (await ticket_of(phones.instance, call))["category"] == "other"
