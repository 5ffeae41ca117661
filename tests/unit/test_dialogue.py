"""The conversation with a caller, key by key, on a line with a clock of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.conversation import hold
from ivr.fake_leg import ScriptedLeg
from ivr.flow import Flow, load_flow
from ivr.keys import EMERGENCY_NUMBERS, begins_emergency, emergency_in
from ivr.prompts import load_prompts

FLOW_FILE = Path(__file__).parents[2] / "ivr/flows/12345.yaml"
QUEUES = ("consultation", "complaint", "help", "progress", "enterprise", "agents", "handover", "emergency")
PROMPTS = load_prompts().ids


@pytest.fixture(scope="module")
def flow() -> Flow:
    return load_flow(FLOW_FILE, QUEUES, PROMPTS)


async def decide(flow: Flow, leg: ScriptedLeg) -> str:
    await hold(leg, flow)
    return leg.variables["DECISION"]


@pytest.mark.parametrize(
    ("keys", "decision"),
    [
        ("1", "queue:consultation:consultation:key"),
        ("2", "queue:complaint:complaint:key"),
        ("3", "queue:help:help:key"),
        ("5", "queue:enterprise:consultation:key"),
        ("9", "queue:emergency:help:key"),
        ("0", "queue:agents:other:key"),
        ("110", "emergency:110:help:typed"),
        ("119", "emergency:119:help:typed"),
        ("120", "emergency:120:help:typed"),
        ("122", "emergency:122:help:typed"),
        ("1110", "emergency:110:help:typed"),
        ("1,w1,1,w1,0", "emergency:110:help:typed"),
        ("11", "queue:consultation:consultation:key"),
        ("1,w1.6,10", "queue:consultation:consultation:key"),
        ("", "queue:agents:other:silence"),
        ("7,w4,7", "queue:agents:other:wrong"),
        ("7,w4,2", "queue:complaint:complaint:key"),
        ("15,w4,2", "queue:complaint:complaint:key"),
        ("*,w2,3", "queue:help:help:key"),
        ("*,w0.5,*,w0.5,*,w0.5,*,w0.5,*,w0.5,*", "queue:agents:other:repeats"),
        ("4,w1,2026#", "queue:progress:consultation:key"),
        ("4,w1,20261121000123", "queue:progress:consultation:key"),
        ("4", "queue:progress:consultation:silence"),
        ("4,w1,110#", "emergency:110:help:typed"),
        ("4,w1,110", "emergency:110:help:typed"),
        ("4,w1,1102#", "queue:progress:consultation:key"),
        ("4,w1,99*123#", "queue:progress:consultation:key"),
        ("4,w1,0#", "queue:agents:other:key"),
    ],
)
async def test_what_is_keyed_decides_where_the_call_goes(flow: Flow, keys: str, decision: str) -> None:
    assert await decide(flow, ScriptedLeg(keys=keys)) == decision


async def test_a_key_interrupts_the_greeting_and_counts(flow: Flow) -> None:
    leg = ScriptedLeg(keys="w2,2", seconds=lambda sound: 5.0)
    assert await decide(flow, leg) == "queue:complaint:complaint:key"
    assert [sound for sound, _ in leg.played] == ["greeting"]
    assert leg.events == [("KEY", {"node": "main", "key": "2", "played": "interrupted", "ms": "2000"})]


async def test_a_notice_heard_to_its_end_is_written_down(flow: Flow) -> None:
    leg = ScriptedLeg(keys="w6,2", seconds=lambda sound: 5.0)
    await decide(flow, leg)
    assert leg.events[0] == ("NOTICE", {"played": "full", "ms": "5000"})


async def test_a_wrong_key_is_explained_once(flow: Flow) -> None:
    leg = ScriptedLeg(keys="8,w3,8")
    await decide(flow, leg)
    assert [sound for sound, _ in leg.played] == ["greeting", "menu-wrong", "menu-main", "to-agent"]


async def test_a_key_during_the_explanation_counts(flow: Flow) -> None:
    leg = ScriptedLeg(keys="8,w0.5,3")
    assert await decide(flow, leg) == "queue:help:help:key"


async def test_silence_costs_no_more_than_the_prompts_and_the_wait(flow: Flow) -> None:
    leg = ScriptedLeg(seconds=lambda sound: 4.0)
    await decide(flow, leg)
    assert leg.now == pytest.approx(4 + 4 + flow.silence_seconds + 4)


async def test_a_missing_sound_does_not_lose_the_caller(flow: Flow) -> None:
    leg = ScriptedLeg(keys="w1,1", missing=frozenset({"greeting", "menu-main"}))
    assert await decide(flow, leg) == "queue:consultation:consultation:key"


async def test_the_number_entered_is_written_down(flow: Flow) -> None:
    leg = ScriptedLeg(keys="4,w1,20261121000123#")
    await decide(flow, leg)
    assert ("NUMBER", {"node": "ticket-number", "digits": "20261121000123"}) in leg.events


@given(st.text(alphabet="0123456789*#h", max_size=12), st.floats(min_value=0, max_value=3))
async def test_any_keys_end_in_a_decision_or_a_hang_up(keys: str, pause: float) -> None:
    from ivr.leg import CallerHungUp

    flow = load_flow(FLOW_FILE, QUEUES, PROMPTS)
    leg = ScriptedLeg(keys=f",w{pause:.2f},".join(keys))
    try:
        decision = await decide(flow, leg)
    except CallerHungUp:
        assert "h" in keys
        return
    kind, target, _, _ = decision.split(":")
    assert (kind == "queue" and target in QUEUES) or (kind == "emergency" and target in EMERGENCY_NUMBERS)
    assert leg.now < 600


@given(st.text(alphabet="0123456789*#", max_size=6), st.sampled_from(EMERGENCY_NUMBERS))
def test_stray_digits_never_hide_an_emergency_number(stray: str, number: str) -> None:
    assert emergency_in(stray + number) == number
    assert begins_emergency(stray + number[:1])
    assert begins_emergency(stray + number[:2]) or emergency_in(stray + number[:2])
