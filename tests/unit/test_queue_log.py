from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import queue_log
from calls.events import MalformedLine


def test_a_line_about_a_call() -> None:
    line = "1795296064|hotline-1795296063.0|consultation|PJSIP/1001|CONNECT|1|hotline-1795296064.1|1"
    assert queue_log.parse(3, line) == queue_log.QueueEvent(
        3, 1795296064.0, "hotline-1795296063.0", "CONNECT", "consultation", "1001", ("1", "hotline-1795296064.1", "1")
    )


@pytest.mark.parametrize(("agent", "told"), [("PJSIP/1001", "1001"), ("1001", "1001"), ("NONE", ""), ("", "")])
def test_an_agent_by_interface_or_by_name(agent: str, told: str) -> None:
    event = queue_log.parse(3, f"1795296064|hotline-1795296063.0|consultation|{agent}|RINGNOANSWER|5000")
    assert event is not None
    assert event.agent == told


@pytest.mark.parametrize(
    "line",
    [
        "1795296252|NONE|NONE|NONE|CONFIGRELOAD|",
        "1795296252|MANAGER|consultation|PJSIP/1001|ADDMEMBER|",
        "1795296252|REALTIME|NONE|NONE|PAUSEALL|",
    ],
)
def test_lines_about_no_call(line: str) -> None:
    assert queue_log.parse(0, line) is None


def test_asterisks_new_start_can_be_told_of_a_call() -> None:
    start = queue_log.parse(5, "1795296175|NONE|NONE|NONE|QUEUESTART|")
    assert start is not None
    assert start.call == ""
    assert queue_log.about(start, "hotline-1795296063.0").call == "hotline-1795296063.0"


@pytest.mark.parametrize(
    "line", ["", "1|2|3", "x|a-1795296063.0|q|a|CONNECT", "1795296064|a/../1795296063.0|q|a|CONNECT"]
)
def test_malformed_lines_are_refused(line: str) -> None:
    with pytest.raises(MalformedLine):
        queue_log.parse(0, line)


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_is_an_event_nothing_or_refused(text: str, call: str) -> None:
    for line in (text, f"1795296064|{call}|q|PJSIP/1001|CONNECT|{text}"):
        try:
            queue_log.parse(0, line)
        except MalformedLine:
            continue
