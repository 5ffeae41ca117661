"""The live floor, from what a real Asterisk told of calls of every kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.floor import EVENTS, Fold
from routing.floor_plan import Sitting
from routing.floor_rows import AgentNow, AgentPhase, CallNow, Floor, QueueNow, TodayNow, applied, changes
from tests.unit.floor_recorded import PLAN, Mark, steps

STEPS = list(steps())
AT = datetime(2026, 11, 22, 5, tzinfo=UTC)
FIRST = next(step.now for _, step in STEPS if isinstance(step, Mark))


def begun() -> Fold:
    fold = Fold(PLAN)
    fold.load(FIRST, STEPS[0][0])
    fold.set_ready(True)
    return fold


def at_marks() -> dict[str, Floor]:
    """The state at each mark, from events alone."""
    fold, found = begun(), {}
    for at, step in STEPS:
        if isinstance(step, Mark):
            found[step.name] = fold.take(at)
        else:
            fold.apply(step, at)
    return found


MARKS = at_marks()
STEPS_END = next(step.now for _, step in reversed(STEPS) if isinstance(step, Mark))


def only(mark: str) -> CallNow:
    [row] = MARKS[mark].calls.values()
    return row


@pytest.mark.parametrize(
    ("mark", "state", "number", "via", "agent", "others", "emergency", "held"),
    [
        ("talking", "talking", "139****0001", "test", "1001", (), "", False),
        ("held", "talking", "139****0001", "test", "1001", (), "", True),
        ("waiting", "waiting", "139****0003", "test", None, (), "", False),
        ("message", "message", "139****0003", "test", None, (), "", False),
        ("emergency", "emergency", "139****0004", "test", None, (), "119", False),
        ("asks 110", "emergency", "139****0005", "test", "1001", (), "110", True),
        ("three-way", "emergency", "139****0005", "test", "1001", (), "110", False),
        ("110 alone", "emergency", "139****0005", "test", None, (), "110", False),
        ("transferred", "talking", "139****0006", "test", "1002", (), "", False),
        ("consults", "talking", "139****0007", "test", "1001", ("1002",), "", True),
        ("handed over", "talking", "139****0007", "test", "1002", (), "", False),
        ("rung for the place", "callback", "139****0008", "place", None, (), "", False),
        ("agent calls", "talking", "139****0009", "outgoing", "1001", (), "", False),
        ("callback", "callback", "139****0010", "callback", None, (), "", False),
    ],
)
def test_what_a_call_is_doing(
    mark: str, state: str, number: str, via: str, agent: str | None, others: Any, emergency: str, held: bool
) -> None:
    row = only(mark)
    found = row.state, row.number, row.via, row.agent, row.others, row.emergency, row.held
    assert found == (state, number, via, agent, others, emergency, held)


@pytest.mark.parametrize("mark", [name for name in MARKS if name.startswith("after") or name == "begin"])
def test_a_call_that_is_over_is_gone(mark: str) -> None:
    assert not MARKS[mark].calls


def test_what_holds_a_place_is_nobody() -> None:
    floor = MARKS["place held"]
    assert (dict(floor.calls), floor.queues["help"].waiting) == ({}, 0)


def test_callers_in_a_queue_are_counted_until_somebody_answers() -> None:
    row, call = MARKS["waiting"].queues["consultation"], only("waiting")
    assert (row.waiting, row.longest_since, row.paused, row.ready, row.logged_in) == (1, call.since, 1, 0, 1)
    assert call.queue == "consultation"
    assert MARKS["talking"].queues["consultation"] == QueueNow("consultation", "咨询", 0, None, 0, 1, 0, 1)
    assert MARKS["message"].queues["consultation"].waiting == 0


def test_an_agent_from_ringing_to_wrapping_up_to_ready() -> None:
    fold, seen = begun(), list[AgentNow]()
    for at, step in STEPS:
        if isinstance(step, Mark):
            if step.name == "after held":
                break
            continue
        fold.apply(step, at)
        row = fold.take(at).agents["1001"]
        if not seen or seen[-1].state != row.state:
            seen.append(row)
    assert [row.state for row in seen] == ["out", "ready", "paused", "ready", "ringing", "in_call", "wrapup"]
    assert {row.call_id for row in seen[4:6]} == {only("talking").id}
    last = seen[-1]
    assert last.since is not None
    assert last.wrapup_until is not None
    assert timedelta(seconds=9.9) < last.wrapup_until - last.since <= timedelta(seconds=10)
    assert fold.take(last.wrapup_until - timedelta(seconds=0.1)).agents["1001"].state == "wrapup"
    ready = fold.take(last.wrapup_until).agents["1001"]
    assert (ready.state, ready.wrapup_until, ready.call_id, ready.since) == ("ready", None, None, last.wrapup_until)
    assert ready.queues == ("consultation", "help", "agents", "emergency")


def test_who_leaves_all_queues_and_joins_anew_has_ended_the_wrap_up() -> None:
    fold = begun()
    for at, step in STEPS:
        if isinstance(step, Mark):
            if step.name == "after held":
                break
            continue
        fold.apply(step, at)
    before = fold.take(at).agents["1001"]
    assert before.state == "wrapup"
    of = {"Interface": "PJSIP/1001"}
    queues = "consultation complaint help progress enterprise english agents handover emergency agent-1001".split()
    for queue in queues:
        fold.apply({"Event": "QueueMemberRemoved", "Queue": queue, **of}, at)
    for queue in queues:
        fold.apply({"Event": "QueueMemberAdded", "Queue": queue, "Paused": "0", **of}, at)
    now = fold.take(at).agents["1001"]
    assert (now.state, now.wrapup_until, now.queues) == ("ready", None, before.queues)


def test_a_break_and_its_reason_and_a_telephone_that_goes() -> None:
    row = MARKS["waiting"].agents["1001"]
    assert (row.state, row.reason, row.reachable) == (AgentPhase.PAUSED, "小休", True)
    fold = begun()
    fold.apply({"Event": "PeerStatus", "Peer": "PJSIP/2001", "PeerStatus": "Reachable"}, AT)
    assert fold.take(AT).agents["2001"].reachable
    fold.apply({"Event": "PeerStatus", "Peer": "PJSIP/2001", "PeerStatus": "Unreachable"}, AT)
    assert not fold.take(AT).agents["2001"].reachable


def test_who_sits_there_and_the_day_so_far() -> None:
    fold = begun()
    fold.set_seats({"2001": Sitting("lan", "高兰")})
    fold.set_today(TodayNow(offered=3))
    floor = fold.take(AT)
    assert (floor.agents["2001"].user, floor.agents["2001"].person) == ("lan", "高兰")
    assert (floor.agents["2001"].phone, floor.today) == ("browser", TodayNow(offered=3))
    assert fold.take(AT) is floor
    fold.set_seats({})
    assert fold.take(AT).agents["2001"].user is None


def timeless(floor: Floor) -> tuple[Any, Any, Any]:
    """What the lists tell: not since when, nor how long somebody still wraps up."""
    calls = {key: replace(row, since=AT, began=AT) for key, row in floor.calls.items()}
    agents = {
        key: replace(row, since=None, wrapup_until=None, reachable=True)
        for key, row in floor.agents.items()
    }  # fmt: skip
    queues = {key: replace(row, longest_since=None) for key, row in floor.queues.items()}
    return calls, agents, queues


@pytest.mark.parametrize("number", [n for n, (_, step) in enumerate(STEPS) if isinstance(step, Mark)])
def test_who_comes_in_the_middle_sees_the_same(number: int) -> None:
    """But for what only events tell: who is on hold by key, and which service was dialled before."""
    at, mark = STEPS[number]
    assert isinstance(mark, Mark)
    late = Fold(PLAN)
    late.load(mark.now, at)
    calls, agents, queues = timeless(late.take(at))
    expected, known, lines = timeless(MARKS[mark.name])
    assert {key: replace(row, held=False) for key, row in calls.items()} == {
        key: replace(row, held=False) for key, row in expected.items()
    }
    assert (agents, queues) == (known, lines)


@pytest.mark.parametrize("number", [n for n, (_, step) in enumerate(STEPS) if isinstance(step, Mark)])
def test_asked_again_nothing_changes(number: int) -> None:
    """With lists and with events that came while they were being read."""
    fold = begun()
    for at, step in STEPS[:number]:
        if not isinstance(step, Mark):
            fold.apply(step, at)
    at, mark = STEPS[number]
    assert isinstance(mark, Mark)
    before = fold.take(at)
    fold.load(mark.now, at)
    for earlier, step in STEPS[max(0, number - 8) : number]:
        if not isinstance(step, Mark):
            fold.apply(step, earlier)
    assert timeless(fold.take(at)) == timeless(before)
    assert {key: row.since for key, row in fold.take(at).calls.items()} == {
        key: row.since for key, row in before.calls.items()
    }


@given(st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.integers(1, 60), st.booleans()), max_size=40))
def test_a_state_and_its_changes_are_the_next_state(runs: list[tuple[int, int, bool]]) -> None:
    """Whatever comes in whatever order: runs of the recorded events, cut off anywhere and put together anyhow."""
    fold, at = Fold(PLAN), STEPS[0][0]
    states = [fold.take(at)]
    for first, length, ready in runs:
        fold.set_ready(ready)
        for _, step in STEPS[first : first + length]:
            at += timedelta(seconds=0.3)
            if isinstance(step, Mark):
                fold.load(step.now, at)
            else:
                fold.apply(step, at)
        states.append(fold.take(at))
    for before, now in pairwise(states):
        found = changes(before, now)
        assert (before if found is None else applied(before, found)) == now
    # Someone who has been away sees the same as who has followed.
    found = changes(states[0], states[-1])
    assert (states[0] if found is None else applied(states[0], found)) == states[-1]
    # Nothing is left behind of what is over.
    fold.load(STEPS_END, at)
    assert not fold.take(at).calls


@given(
    st.dictionaries(
        st.sampled_from(["Uniqueid", "Linkedid", "Channel", "Interface", "Queue", "Paused", "Context", "DestUniqueid"]),
        st.sampled_from(["", "x", "PJSIP/1001", "PJSIP/1001-00000001", "consultation", "queue", "\x00", "1"]),
    ),
    st.sampled_from(EVENTS),
)
def test_no_event_breaks_it(fields: dict[str, str], kind: str) -> None:
    fold = begun()
    for at, step in STEPS[:60]:
        if not isinstance(step, Mark):
            fold.apply(step, at)
    fold.apply({"Event": kind, **fields}, AT)
    fold.apply({"Event": "Hangup", **fields}, AT)
    fold.take(AT)
