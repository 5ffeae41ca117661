"""An agent's call to a citizen in the log: named after the agent's channel, told by the citizen's."""

from __future__ import annotations

import random

from calls.cel import CelEvent
from calls.record import Call
from calls.timeline import Event, fold

CALL = "ag-1795330800.123456789"
LEG = "hotline-1795330802.7"
AGENT, CITIZEN = "PJSIP/1001-00000001", "PJSIP/outbound-00000002"
BASE = 1795330800.0
TOLD = {"number": "+8613900001111", "agent": "1001", "ticket": "20261122-000001"}


def event(at: float, kind: str, channel: str, unique: str, name: str = "", /, **extra: str) -> CelEvent:
    return CelEvent(round(at * 1000), BASE + at, CALL, kind, name, extra, channel, unique)


def agent(at: float, kind: str, /, **extra: str) -> CelEvent:
    return event(at, kind, AGENT, CALL, **extra)


def citizen(at: float, kind: str, name: str = "", /, **extra: str) -> CelEvent:
    return event(at, kind, CITIZEN, LEG, name, **extra)


def begun() -> list[Event]:
    """The agent's telephone answers after two seconds; then the citizen's is rung."""
    return [
        agent(0, "CHAN_START"),
        agent(2, "ANSWER"),
        citizen(2.1, "CHAN_START"),
        citizen(2.2, "USER", "OUTGOING", **TOLD),
    ]


def ended(source: str, at: float = 30) -> list[Event]:
    leg = [citizen(at, "HANGUP", hangupsource=source), citizen(at + 0.01, "CHAN_END")]
    return [*leg, agent(at + 0.1, "HANGUP", hangupsource=source), agent(at + 0.2, "CHAN_END")]


def talk() -> list[Event]:
    bridge = {"bridge_id": "b"}
    return [
        citizen(10, "ANSWER"),
        citizen(10.1, "USER", "RECORDING", file=f"2026/11/22/{CALL}.raw", state="on"),
        citizen(10.2, "BRIDGE_ENTER", **bridge),
        agent(10.3, "BRIDGE_ENTER", **bridge),
    ]


def folded(events: list[Event]) -> Call:
    found = fold(CALL, events)
    assert found is not None
    return found


def test_the_record_is_about_the_citizen() -> None:
    call = folded([*begun(), *talk(), *ended(CITIZEN)])
    assert (call.via, call.number, call.agent, call.hangup_by) == ("outgoing", TOLD["number"], "1001", "caller")
    assert call.answered_at is not None
    assert [round(at - BASE, 1) for at in (call.arrived_at, call.answered_at, call.human_at, call.ended_at) if at] == [
        *(2.2, 10.0, 10.3, 30.0)
    ]
    assert [one.what for one in call.timeline] == ["outgoing", "answered", "recording", "connected", "hung_up"]
    assert call.timeline[0].detail == {"agent": "1001", "ticket": "20261122-000001"}
    assert (call.wish, call.missed, call.recording_file) == (False, False, f"2026/11/22/{CALL}.raw")


def test_nobody_answered_and_nobody_is_missed() -> None:
    call = folded([*begun(), *ended(AGENT)])
    assert (call.answered_at, call.human_at, call.missed, call.hangup_by) == (None, None, False, "agent 1001")


def test_an_agent_who_never_answered_rang_nobody() -> None:
    assert fold(CALL, [agent(0, "CHAN_START"), agent(20, "HANGUP")]) is None


def test_a_call_that_was_handed_on_ends_with_the_citizen() -> None:
    """``##``: the agent's channel is gone, the citizen goes on with a colleague, through a queue."""
    other = event(20, "BRIDGE_ENTER", "PJSIP/1002-00000003", "hotline-1795330819.9", bridge_id="c")
    gone = [
        citizen(15, "BRIDGE_EXIT", bridge_id="b"),
        agent(15, "BRIDGE_EXIT", bridge_id="b"),
        agent(15.1, "HANGUP"),
        citizen(16, "USER", "QUEUE", name="agents"),
        citizen(20, "BRIDGE_ENTER", bridge_id="c"),
        other,
    ]
    open_call = folded([*begun(), *talk(), *gone])
    assert (open_call.ended_at, open_call.agent) == (None, "1002")
    call = folded([*begun(), *talk(), *gone, citizen(30, "HANGUP", hangupsource=CITIZEN)])
    assert call.ended_at == BASE + 30
    assert (call.wish, call.missed) == (False, False), "it has its ticket"


def test_what_is_no_agent_and_no_ticket_is_left_out() -> None:
    told = {"number": "+8613900001111", "agent": "evil", "ticket": "../../etc"}
    call = folded([agent(0, "CHAN_START"), citizen(1, "USER", "OUTGOING", **told)])
    assert call.timeline[0].detail == {}


def test_in_whatever_order_it_is_read() -> None:
    events = [*begun(), *talk(), *ended(CITIZEN)]
    expected = folded(events)
    for seed in range(20):
        random.Random(seed).shuffle(events)
        assert folded(events) == expected
