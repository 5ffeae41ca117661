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


def test_who_was_missed_without_a_wish_has_a_ticket_to_be_rung_back_about() -> None:
    """Hung up because the hotline was being maintained. One of ours is about the ticket of the place in line."""
    request = request_of(call(via="public", missed=True), CALLER)
    assert request is not None
    assert request.summary == "来电未按键 其他 未接通人工，待回拨"
    assert request_of(call(via="place", missed=True), CALLER) is None


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
        ({"emergency_queue": True, "keys": "9", "category": "help", "queue": "agents"}, "来电按键9 紧急求助"),
        ({"emergency": "110", "keys": "110"}, "来电按键110 紧急求助110"),
        ({"emergency": "119", "emergency_failed": True}, "来电未按键 紧急求助119 应急线路未接通"),
        ({"via": "emergency"}, "应急中心转来 其他"),
        ({"keys": "3", "category": "help", "message_file": "x.wav"}, "来电按键3 求助 有语音留言"),
        ({"said": "停水两天了", "category": "help", "decided_by": "speech"}, "来电说（机器识别）“停水两天了” 求助"),
        ({"said": "嗯", "category": "help", "keys": "3"}, "来电说（机器识别）“嗯” 按键3 求助"),
        ({"category": "help", "decided_by": "speech"}, "来电口述 求助"),
        ({"said": "着火", "emergency": "119", "decided_by": "spoken"}, "来电说（机器识别）“着火” 紧急求助119"),
        (
            {"said": "着火", "emergency": "119", "cancelled": True, "keys": "*"},
            "来电说（机器识别）“着火” 按键* 紧急求助119 主叫取消",
        ),
    ],
)
def test_summaries(fields: dict[str, object], summary: str) -> None:
    request = request_of(call(wish=True, **fields), CALLER)
    assert request is not None
    assert request.summary == summary
    assert request.urgent == ("紧急" in summary)


def test_alerts_of_an_emergency_that_fails() -> None:
    detail = {"service": "110", "trunk": "1", "status": "CHANUNAVAIL"}
    service = {"service": "110"}
    of = call(
        emergency="110",
        emergency_failed=True,
        timeline=(
            Entry(1.0, "emergency", service),
            Entry(1.0, "emergency_trunk", detail),
            Entry(1.0, "emergency_failed", service),
            Entry(2.0, "queued", {"queue": "emergency"}),
        ),
    )
    assert [(alert.kind, alert.key) for alert in alerts_of(of, CALLER)] == [
        ("emergency", f"{of.id}/110"),
        ("emergency_trunk", f"{of.id}/110/1"),
        ("emergency_failed", f"{of.id}/110"),
    ]
    assert alerts_of(call(wish=True), CALLER) == []


def test_the_emergency_queue_is_an_alert_and_so_is_a_centre_added_later() -> None:
    of = call(
        timeline=(
            Entry(1.0, "decided", {"kind": "queue", "to": "emergency"}),
            Entry(1.1, "queued", {"queue": "emergency"}),
            Entry(2.0, "added", {"service": "120"}),
            Entry(3.0, "emergency_failed", {"service": "120"}),
            Entry(4.0, "added", {"service": "110"}),
            Entry(5.0, "added", {"service": "110"}),
        )
    )
    assert [(alert.kind, alert.key.removeprefix(of.id)) for alert in alerts_of(of, CALLER)] == [
        ("emergency", "/emergency"),
        ("emergency", "/120"),
        ("emergency_failed", "/120"),
        ("emergency", "/110"),
    ]


def test_a_trunk_that_answered_is_no_alert() -> None:
    of = call(timeline=(Entry(1.0, "emergency_trunk", {"service": "110", "trunk": "1", "status": "ANSWER"}),))
    assert alerts_of(of, CALLER) == []


def test_a_hidden_number() -> None:
    assert caller_of("13900001111", "prohib_passed_screen").kind == "hidden"
