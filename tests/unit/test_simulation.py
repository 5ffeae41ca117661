"""A campaign in virtual time: nothing above the cap, nobody lost, the same seed the same course, the real decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback.campaign import Retry, Rules, Window
from callback.pacing import Allowance, Bucket, Load, Pace, allowance
from callback.simulation import dialler
from callback.simulation.chart import ROWS, bar, lines
from callback.simulation.course import Course
from callback.simulation.draws import callers
from callback.simulation.engine import run
from callback.simulation.figures import felt, summary
from callback.simulation.world import DAY, HALF_HOURS, Inbound, Network, Survey, World
from callback.words import Outcome, TargetState
from routing.erlang import erlang_a
from tickets.number import CHINA

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=CHINA)
Look = tuple[float, Load, int, Allowance, int]


def world(lines: int = 10, **changes: object) -> World:
    made = World(
        start=MONDAY,
        pace=Pace(lines=lines, per_second=max(1.0, lines / 10), trunk_lines=0, reserve=0, waiting=1),
        rules=Rules(max_lines=lines),
        inbound=Inbound(calls_per_day=1500),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def rung(made: World, tickets: int, days: float = 30) -> tuple[Course, list[Look]]:
    looks: list[Look] = []
    course = run(
        made,
        lambda day: [0.0] * tickets if day == 0 else [],
        until=days * DAY,
        trace=lambda *look: looks.append(look),
    )
    return course, looks


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    most=st.integers(1, 30),
    campaign=st.integers(1, 30),
    tickets=st.integers(1, 150),
    answered=st.sampled_from([0.0, 0.3, 0.45, 0.9]),
    trunk=st.sampled_from([0, 5, 40]),
)
def test_never_above_a_cap_and_nobody_lost(
    seed: int, most: int, campaign: int, tickets: int, answered: float, trunk: int
) -> None:
    rules = Rules(max_lines=campaign, retry=Retry(attempts=2))
    pace = Pace(lines=most, per_second=2.5, trunk_lines=trunk, reserve=min(3, trunk), waiting=2)
    made = world(pace=pace, rules=rules, network=Network(answered, busy=0.05, rejected=0.02), seed=seed)
    course, looks = rung(made, tickets, days=1.2)
    cap = min(most, campaign)
    for _, load, ours, allowed, begun in looks:
        assert begun <= allowed.calls
        assert ours + begun <= cap
        if begun and trunk:
            assert load.inbound + ours + begun <= trunk - pace.reserve
        if begun:
            assert load.waiting < pace.waiting
    assert course.peak_lines == max((ours + begun for _, _, ours, _, begun in looks), default=0)
    assert course.targets == tickets == sum(course.states.values()) + course.open_targets
    assert sum(course.outcomes.values()) == course.attempts == sum(begun for *_, begun in looks)
    assert tickets <= course.attempts <= 2 * tickets or course.open_targets
    if course.cleared_at is not None:
        assert course.open_targets == 0
        broken = course.outcomes[Outcome.ANSWERED] - sum(
            course.states[state] for state in (TargetState.RATED, TargetState.UNRATED, TargetState.OPTED_OUT)
        )
        assert 0 <= broken <= course.outcomes[Outcome.ANSWERED] * 0.1 + 2


def test_the_same_decisions_as_the_real_pacing() -> None:
    """Replayed from what the dialler saw, the real function gives the same answers, bucket included."""
    assert vars(dialler)["allowance"] is allowance
    made = world(pace=Pace(lines=10, per_second=0.7, trunk_lines=30, reserve=2, waiting=1))
    _, looks = rung(made, 300)
    assert len(looks) > 300
    bucket = Bucket(1.0, MONDAY)
    for now, load, ours, allowed, begun in looks:
        assert allowance(made.pace, load, ours, bucket, MONDAY + timedelta(seconds=now)) == allowed
        bucket = allowed.bucket.without(begun)


def test_the_same_seed_the_same_course() -> None:
    first, again, other = (rung(world(seed=seed), 200)[0] for seed in (7, 7, 8))
    assert first == again
    assert (first.entered, first.cleared_at) != (other.entered, other.cleared_at)


def test_citizens_are_the_same_with_and_without_a_campaign() -> None:
    course, _ = rung(world(), 300)
    without = run(world(), lambda day: [], until=course.ended_at, stop_when_cleared=False)
    assert len(without.entered) > 100
    # Those who give up or wait are written down when they do.
    assert sorted(course.entered) == sorted(without.entered)


def test_nobody_is_rung_outside_the_hours_nor_oftener_than_allowed() -> None:
    rules = Rules(
        max_lines=10,
        windows=(Window(start=time(9, 15), end=time(9, 45)), Window(start=time(16, 0), end=time(16, 30))),
        weekdays=frozenset({0, 2}),
        per_day=1,
        per_week=2,
        retry=Retry(attempts=5, no_answer=1, busy=1, rejected=1),
    )
    course, looks = rung(world(rules=rules, network=Network(answered=0.0, busy=0.5)), 40)
    moments = [MONDAY + timedelta(seconds=now) for now, *_, begun in looks if begun]
    assert {moment.weekday() for moment in moments} == {0, 2}
    for moment in moments:
        assert any(window.start <= moment.time() < window.end for window in rules.windows), moment
    weeks = [sum(begun for now, *_, begun in looks if week <= now / DAY / 7 < week + 1) for week in range(4)]
    assert 70 < max(weeks) <= 80
    assert course.states[TargetState.UNREACHED] == 40
    assert course.outcomes[Outcome.ANSWERED] == 0


def test_ten_minutes_at_the_cap() -> None:
    made = world(60, inbound=Inbound(), survey=Survey(agent=0))
    course, looks = rung(made, 5000, days=600 / DAY)
    assert course.cleared_at is None
    assert course.peak_lines == 60
    assert course.hungry.seconds == pytest.approx(600, abs=1)
    assert course.hungry.line_seconds / course.hungry.seconds >= 0.95 * 60
    # Nobody is rung in a burst either: not more in a second than the bucket gives.
    begun = [(now, calls) for now, *_, calls in looks if calls]
    for at, _ in begun:
        assert sum(calls for now, calls in begun if at <= now < at + 1) <= 6 + 6


def test_first_come_first_served_as_erlang_a_has_it() -> None:
    """A month of 20 agents with a caller every ten seconds, day and night."""
    inbound = Inbound(
        calls_per_day=8640,
        handling_spread=0,
        agents=20,
        menu_s=0,
        day_profile=(1.0,) * HALF_HOURS,
        week_profile=(1.0,) * 7,
    )
    course = run(world(inbound=inbound), lambda day: [], until=30.0 * DAY, stop_when_cleared=False)
    exact = erlang_a(0.1, 180, 20, 15, 120)
    found = felt(course, 15)
    assert found.calls == pytest.approx(8640 * 30, rel=0.02)
    assert found.answered_within == pytest.approx(exact.answered_within, abs=0.01)
    assert found.abandoned / found.calls == pytest.approx(exact.abandoned, rel=0.1)
    waits = np.abs(np.array(course.waited))
    assert float(waits.mean()) == pytest.approx(exact.mean_wait, rel=0.1)
    assert float((waits > 0).mean()) == pytest.approx(exact.waits, rel=0.06)


def test_agents_for_a_target_hold_it() -> None:
    inbound = Inbound(calls_per_day=6000, handling_spread=0, menu_s=0)
    course = run(world(inbound=inbound), lambda day: [], until=14.0 * DAY, stop_when_cleared=False)
    assert (felt(course, 15).answered_within or 0) >= 0.95


def test_who_asks_for_an_agent_waits_among_citizens_and_holds_a_line() -> None:
    survey = Survey(rated=0, agent=1, opted_out=0, broken=0)
    network = Network(answered=1, busy=0, unallocated=0, congestion=0, rejected=0)
    few = Inbound(calls_per_day=1500, agents=2, patience_s=60)
    course, _ = rung(world(survey=survey, network=network, inbound=few), 100)
    assert course.wishes == 100
    assert 0 < course.connected < 100
    assert course.tasks == 100 - course.connected
    planned, _ = rung(world(survey=survey, network=network, inbound=Inbound()), 100)
    assert planned.connected > 95


def test_a_small_trunk_turns_citizens_away_and_a_reserve_helps() -> None:
    inbound = Inbound(calls_per_day=4000, agents=20)
    pace = Pace(lines=10, per_second=1, trunk_lines=24, reserve=0, waiting=100)
    bold, _ = rung(world(inbound=inbound, pace=pace), 2000, days=0.1)
    modest, _ = rung(world(inbound=inbound, pace=replace(pace, reserve=12)), 2000, days=0.1)
    assert len(bold.blocked) > 2 * len(modest.blocked)
    assert modest.hungry.held_seconds["trunk"] > 0


def test_unusual_days_have_more_callers() -> None:
    ordinary = world(start=MONDAY.replace(hour=0))
    stormy = replace(ordinary, inbound=replace(ordinary.inbound, unusual_days=((1, 3.0),)))
    assert callers(ordinary, 0) == callers(stormy, 0)
    assert len(callers(stormy, 1).arrivals) > 2.5 * len(callers(ordinary, 1).arrivals)


def test_the_first_day_begins_at_the_start() -> None:
    arrivals = callers(world(), 0).arrivals
    assert arrivals == sorted(arrivals)
    assert arrivals[0] >= 0
    assert arrivals[-1] < 15 * 3600
    assert callers(world(), 1).arrivals[0] >= 15 * 3600


def test_figures_and_chart() -> None:
    made = world()
    course, _ = rung(made, 400)
    without = run(made, lambda day: [], until=course.ended_at, stop_when_cleared=False)
    found = summary(made, course, without)
    assert found["left"] == 0
    assert found["tickets"] == found["reached"] + found["unreached"] == 400
    assert found["reached"] == found["rated"] + found["unrated"] + found["opted_out"]
    assert found["first_round_at_s"] < found["cleared_at_s"] <= found["ended_at_s"]
    assert 0.9 * 10 < found["mean_lines_not_held_back"] <= 10
    whole, while_ringing = found["inbound"], found["inbound_while_ringing"]
    assert while_ringing["with_campaign"]["calls"] < whole["with_campaign"]["calls"]
    for both in (whole, while_ringing):
        assert both["with_campaign"]["calls"] == both["without_campaign"]["calls"]
        assert both["with_campaign"]["mean_wait_s"] >= both["without_campaign"]["mean_wait_s"]
    rows = lines(made, course)
    assert 3 <= len(rows) <= 2 * ROWS
    assert rows[1].startswith("11-23 09:00")
    assert rows[-1].endswith(" 0")
    assert (bar(0, 4), bar(0.5, 4), bar(2, 4), bar(1 / 32, 4)) == ("    ", "██  ", "████", "▏   ")


def test_what_makes_no_sense() -> None:
    for wrong in (
        lambda: Network(answered=0.9, busy=0.2),
        lambda: Network(answered=-0.1),
        lambda: Network(ring_s=0),
        lambda: Survey(rated=0.99, agent=0.1),
        lambda: Survey(talk_s=0),
        lambda: Inbound(calls_per_day=-1),
        lambda: Inbound(handling_s=0),
        lambda: Inbound(day_profile=(1.0,)),
        lambda: world(start=datetime(2026, 11, 23, 9)),  # noqa: DTZ001 - that is what is wrong with it
    ):
        with pytest.raises(ValueError, match=r"."):
            wrong()
