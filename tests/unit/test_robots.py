from __future__ import annotations

from pathlib import Path

import pytest

from calls.cel import CelEvent
from hotline.robots import (
    NOT_ANSWERED,
    VOICEMAIL,
    RobotCall,
    Step,
    check_rules,
    dialplan,
    parse_rule,
    parse_way,
    personality,
    read_calls,
    sounds,
)

SAID = {VOICEMAIL: Path("/sounds/leave-message")}


def test_a_way_in_steps() -> None:
    way = parse_way("r2.5,q,1,w0.5,21,say=/a/b.wav,h")
    assert (way.ring, way.answers, way.cause) == (2.5, True, None)
    assert way.steps == (
        Step("quiet"),
        Step("keys", "1"),
        Step("wait", "0.5"),
        Step("keys", "21"),
        Step("say", "/a/b.wav"),
        Step("hangup"),
    )


def test_ways_by_name() -> None:
    assert {name: parse_way(name).cause for name in NOT_ANSWERED} == NOT_ANSWERED
    assert not parse_way("no-answer").answers
    assert parse_way("silence").steps == ()
    assert parse_way("never-again").steps == (Step("quiet"), Step("keys", "8"))


WRONG = ["1390001", "=busy", "139x=busy", "139=", "139=w", "139=1,r2", "139=say=", "139=w9999", "139=busy;"]


@pytest.mark.parametrize("text", [*WRONG, "1=" + ";".join(["busy"] * 11), "1=" + "1," * 51])
def test_wrong_rules_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.+\Z"):
        parse_rule(text)


def test_too_many_patterns() -> None:
    check_rules([parse_rule(f"{n}=busy") for n in range(1000)])
    with pytest.raises(ValueError, match="200 of them"):
        check_rules([parse_rule(f"{n}*=busy") for n in range(201)])


def test_numbers_without_a_rule_behave_by_their_last_two_digits() -> None:
    people = [personality(f"1390000{n:04}") for n in range(100)]
    assert people.count("no-answer") == 20
    assert sum(text in NOT_ANSWERED for text in people) == 42
    assert personality("13900000007") == personality("02788888807")
    for text in set(people):
        parse_way(text)


def test_the_dialplan_goes_by_rules_in_their_order_then_by_person() -> None:
    plan = dialplan([parse_rule("139*=busy"), parse_rule("13900000001=unknown;q,1"), parse_rule("13?=off")], SAID)
    assert plan.index("^139[0-9]*$") < plan.index("^13[0-9]$")
    assert "exten => 13900000001,1,Goto(rule-1,${NTH},1)" in plan
    assert "[rule-1]\nexten => 1,1,Goto(way-1,s,1)\nexten => _[0-9]!,1,Goto(way-2,s,1)\n" in plan
    assert "Hangup(1)" in plan
    assert "Playback(/sounds/leave-message)" in plan
    assert [line for line in plan.splitlines() if line.startswith("exten => 07,")]


def test_what_is_said_is_known_beforehand() -> None:
    assert sounds([parse_rule("1=say=b.wav,say=a.wav"), parse_rule("2=voicemail")]) == ["a.wav", "b.wav"]


def test_calls_as_their_network_wrote_them() -> None:
    def event(at: float, unique: str, kind: str, name: str = "", **extra: str) -> CelEvent:
        return CelEvent(0, at, unique, kind, name, extra, unique=unique)

    found = read_calls(
        [
            event(2.0, "b", "CHAN_START"),
            event(1.0, "a", "CHAN_START"),
            event(1.1, "a", "USER", "RUNG", number="139", nth="2"),
            event(1.1, "a", "USER", "WAY", text="q,1,h"),
            event(2.1, "b", "USER", "RUNG", number="138", nth="1"),
            event(3.0, "a", "ANSWER"),
            event(4.0, "a", "USER", "KEYED", keys="1"),
            event(5.0, "a", "USER", "KEYED", keys="3"),
            event(5.0, "a", "USER", "LEFT"),
            event(5.1, "a", "HANGUP"),
            event(9.0, "c", "CHAN_START"),
        ]
    )
    assert found == [
        RobotCall("139", 2, "q,1,h", 1.0, 3.0, 5.1, "13", left=True),
        RobotCall("138", 1, "", 2.0),
    ]
