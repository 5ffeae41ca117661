"""The attempt at the agent of the caller's last call, a closed queue, a full flow: as a call's record tells them."""

from __future__ import annotations

import pytest

from calls.cel import CelEvent
from calls.own_queue import OWN
from calls.queue_log import QueueEvent
from calls.record import Call
from calls.timeline import Event, fold
from routing.queues import AGENT_QUEUE

UNIQUE = "hotline-1795296063.0"
CHANNEL = "PJSIP/citizen-00000000"
AGENT = "PJSIP/1002-00000001"


def user(at: float, name: str, /, **extra: str) -> CelEvent:
    return CelEvent(int(at * 10), at, UNIQUE, "USER", name, extra, channel=CHANNEL, unique=UNIQUE)


def rings(at: float, until: float) -> list[CelEvent]:
    def leg(when: float, kind: str) -> CelEvent:
        return CelEvent(int(when * 10), when, UNIQUE, kind, channel=AGENT, unique="hotline-1795296064.1")

    return [leg(at, "CHAN_START"), leg(until, "CHAN_END")]


def line(at: float, queue: str, kind: str, agent: str = "", *data: str) -> QueueEvent:
    return QueueEvent(int(at * 10), at, UNIQUE, kind, queue, agent, data)


def folded(*events: Event) -> Call:
    found = fold(UNIQUE, [user(1, "ARRIVED"), *events])
    assert found is not None
    return found


def story(call: Call) -> list[str]:
    return [" ".join([entry.what, *entry.detail.values()]) for entry in call.timeline]


TRIED: list[Event] = [
    user(2, "QUEUE", name="help"),
    user(2.1, "LAST_AGENT", agent="1002"),
    line(2, "agent-1002", "ENTERQUEUE", "", "", "13900000000", "1"),
    *rings(2.3, 12.2),
]


def test_both_rooms_call_those_queues_the_same() -> None:
    assert OWN == AGENT_QUEUE


def test_who_does_not_answer_costs_no_place_in_the_story() -> None:
    call = folded(
        *TRIED,
        line(12, "agent-1002", "RINGNOANSWER", "1002", "10000"),
        line(12, "agent-1002", "EXITWITHTIMEOUT", "", "1", "1", "10"),
        line(12, "help", "ENTERQUEUE", "", "", "13900000000", "3"),
        line(40, "help", "ABANDON", "", "2", "3", "28"),
    )
    assert story(call)[1:] == [
        "queued help 3",
        "last_agent 1002",
        "rang 1002",
        "no_answer 1002 10000",
        "abandoned help 28",
    ]
    assert (call.queue, call.abandoned) == ("help", True)


@pytest.mark.parametrize("after", [[], [user(6, "QUEUE", name="emergency")]])
def test_the_queue_is_the_one_he_stood_in(after: list[Event]) -> None:
    call = folded(*TRIED, line(5, "agent-1002", "EXITWITHKEY", "", "110", "1", "1", "3"), *after)
    assert "left_queue help key 110" in story(call)


def test_giving_up_there_is_giving_up_in_the_queue() -> None:
    call = folded(*TRIED, line(5, "agent-1002", "ABANDON", "", "1", "1", "3"))
    assert (call.queue, call.abandoned, call.missed) == ("help", True, True)
    assert story(call)[-1] == "abandoned help 3"


def test_without_the_other_log_nothing_is_made_up() -> None:
    call = folded(line(2, "agent-1002", "ENTERQUEUE", "", "", "13900000000", "1"), line(5, "agent-1002", "ABANDON"))
    assert (call.queue, call.abandoned) == ("", True)


def test_closed_and_full_are_told() -> None:
    call = folded(
        user(2, "OVERLOAD", calls="201"),
        user(3, "NOTICE", played="full"),
        user(4, "DECISION", kind="queue", to="enterprise", category="other", by="overload"),
        user(4.1, "CLOSED", name="enterprise", to="agents"),
        user(8, "QUEUE", name="agents"),
    )
    assert story(call)[1:] == [
        "overload 201", "notice full", "decided queue enterprise other overload", "closed enterprise agents",
        "queued agents",
    ]  # fmt: skip
    assert (call.queue, call.notice, call.decided_by, call.wish) == ("agents", "full", "overload", True)
