from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calls.record import Call, Entry
from calls.store import Caller
from hotline.intake import alerts_of, caller_of, request_of

CALLER = Caller("139 0000 1111", "+8613900001111", "mobile")


def call(**fields: object) -> Call:
    return Call(id="hotline-1795296063.0", arrived_at=1795296063.5, **fields)  # type: ignore[arg-type]


def test_no_wish_no_ticket() -> None:
    assert request_of(call(keys="4", decision="end"), CALLER) is None


def test_a_wish_is_a_request() -> None:
    request = request_of(call(wish=True, keys="1", category="consultation"), CALLER)
    assert request is not None
    assert request.received_at == datetime.fromtimestamp(1795296063.5, UTC)
    assert (request.category, request.urgent, request.summary) == ("consultation", False, "来电按键1 咨询")
    assert (request.caller, request.caller_e164, request.channel) == ("139 0000 1111", "+8613900001111", "phone")


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, "来电未按键 其他"),
        (
            {"keys": "2", "category": "complaint", "abandoned": True, "missed": True},
            "来电按键2 投诉 排队中挂断，待回拨",
        ),
        ({"keys": "1", "category": "consultation", "missed": True}, "来电按键1 咨询 未接通人工，待回拨"),
        ({"emergency": "110", "keys": "110"}, "来电按键110 紧急求助110"),
        ({"emergency": "119", "emergency_failed": True}, "来电未按键 紧急求助119 应急线路未接通"),
        ({"via": "emergency"}, "应急中心转来 其他"),
        ({"keys": "3", "category": "help", "message_file": "x.wav"}, "来电按键3 求助 有语音留言"),
    ],
)
def test_summaries(fields: dict[str, object], summary: str) -> None:
    request = request_of(call(wish=True, **fields), CALLER)
    assert request is not None
    assert request.summary == summary
    assert request.urgent == ("emergency" in fields)


def test_alerts_of_an_emergency_that_fails() -> None:
    detail = {"service": "110", "trunk": "1", "status": "CHANUNAVAIL"}
    of = call(emergency="110", emergency_failed=True, timeline=(Entry(1.0, "emergency_trunk", detail),))
    assert [(alert.kind, alert.key) for alert in alerts_of(of, CALLER)] == [
        ("emergency", of.id),
        ("emergency_trunk", f"{of.id}/110/1"),
        ("emergency_failed", of.id),
    ]
    assert alerts_of(call(wish=True), CALLER) == []


def test_a_trunk_that_answered_is_no_alert() -> None:
    of = call(timeline=(Entry(1.0, "emergency_trunk", {"service": "110", "trunk": "1", "status": "ANSWER"}),))
    assert alerts_of(of, CALLER) == []


def test_a_hidden_number() -> None:
    assert caller_of("13900001111", "prohib_passed_screen").kind == "hidden"
