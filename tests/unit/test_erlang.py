"""Erlang A against published figures, against its own states one by one, and against Erlang C."""

from __future__ import annotations

import math

import pytest

from routing.erlang import MOST_AGENTS, agents_needed, erlang_a


def test_published_example_of_erlang_a() -> None:
    """Garnett, Mandelbaum, Reiman, Designing a Call Center with Impatient Customers (2002), table 1: 48 calls a minute,
    50 agents, a minute of service, two minutes of patience; beside it the same without abandonment."""
    patient = erlang_a(0.8, 60, 50, 20)
    assert round(patient.mean_wait, 1) == 20.8
    assert round(patient.occupancy, 2) == 0.96
    assert patient.abandoned == 0
    impatient = erlang_a(0.8, 60, 50, 20, 120)
    assert round(impatient.abandoned, 3) == 0.031
    assert round(impatient.mean_wait, 1) == 3.7
    assert round(impatient.occupancy, 2) == 0.93


@pytest.mark.parametrize(
    ("load", "agents", "waits"), [(10, 14, 0.1741), (5, 8, 0.1673), (20, 25, 0.2091), (1, 2, 1 / 3)]
)
def test_erlang_c_at_infinite_patience(load: float, agents: int, waits: float) -> None:
    """Against the sum of Erlang's own formula in whole numbers, and tables of it."""
    tail = load**agents / math.factorial(agents) * agents / (agents - load)
    exact = tail / (sum(load**busy / math.factorial(busy) for busy in range(agents)) + tail)
    found = erlang_a(load / 180, 180, agents, 20)
    assert found.waits == pytest.approx(exact, rel=1e-9)
    assert found.waits == pytest.approx(waits, abs=6e-5)
    assert found.answered_within == pytest.approx(1 - exact * math.exp(-(agents - load) * 20 / 180), rel=1e-9)
    assert found.mean_wait == pytest.approx(exact * 180 / (agents - load), rel=1e-9)
    very_patient = erlang_a(load / 180, 180, agents, 20, 1e9)
    assert very_patient.answered_within == pytest.approx(found.answered_within, abs=1e-6)


@pytest.mark.parametrize(
    ("arrivals", "handling", "agents", "patience"),
    [
        (0.8, 60, 50, 120),
        (5, 180, 900, 120),
        (5, 180, 700, 120),
        (0.001, 180, 2, 60),
        (2, 200, 90, 300),
        (10, 200, 2100, 90),
    ],
)
def test_every_state_counted(arrivals: float, handling: float, agents: int, patience: float) -> None:
    """The birth-and-death chain summed state by state, in logarithms."""
    logs = [0.0]
    for calls in range(1, agents + 4000):
        leaves = min(calls, agents) / handling + max(0, calls - agents) / patience
        logs.append(logs[-1] + math.log(arrivals / leaves))
    most = max(logs)
    states = [math.exp(one - most) for one in logs]
    total = math.fsum(states)
    queue = math.fsum((calls - agents) * share for calls, share in enumerate(states) if calls > agents) / total
    found = erlang_a(arrivals, handling, agents, 15, patience)
    assert found.waits == pytest.approx(math.fsum(states[agents:]) / total, rel=1e-7, abs=1e-12)
    assert found.mean_wait == pytest.approx(queue / arrivals, rel=1e-6, abs=1e-9)
    assert found.abandoned == pytest.approx(queue / patience / arrivals, rel=1e-6, abs=1e-12)


def test_answered_within_has_the_right_ends_and_grows() -> None:
    shares = [erlang_a(0.8, 60, 50, seconds, 120).answered_within for seconds in (0, 1, 5, 15, 60, 600)]
    whole = erlang_a(0.8, 60, 50, 0, 120)
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(1 - whole.waits)
    assert shares[-1] == pytest.approx(1 - whole.abandoned)


@pytest.mark.parametrize("arrivals", [0.0005, 0.02, 0.5, 5, 40])
@pytest.mark.parametrize("patience", [30, 120, math.inf])
def test_fewest_agents(arrivals: float, patience: float) -> None:
    agents = agents_needed(arrivals, 180, 0.95, 15, patience)
    assert erlang_a(arrivals, 180, agents, 15, patience).answered_within >= 0.95
    assert erlang_a(arrivals, 180, agents - 1, 15, patience).answered_within < 0.95
    assert agents <= agents_needed(arrivals, 180, 0.95, 15)


def test_extremes() -> None:
    assert agents_needed(0, 180, 0.95, 15) == 0
    assert erlang_a(1e-7, 1, 300, 15, 600).answered_within == 1
    assert erlang_a(1, 60, 0, 15, 30).abandoned == 1
    drowned = erlang_a(100, 180, 2000, 15, 600)
    assert drowned.answered_within == pytest.approx(0, abs=1e-9)
    assert drowned.abandoned == pytest.approx(1 - 2000 / 18_000)
    assert erlang_a(1, 60, 60, 15).mean_wait == math.inf
    for words in ((-1, 180, 15, 60), (math.nan, 180, 15, 60), (1, 0, 15, 60), (1, 180, -1, 60), (1, 180, 15, 0)):
        with pytest.raises(ValueError, match="must"):
            erlang_a(words[0], words[1], 3, words[2], words[3])
    with pytest.raises(ValueError, match="agents"):
        agents_needed(1e4, 180, 0.95, 15)
    with pytest.raises(ValueError, match="target"):
        agents_needed(1, 180, 1.0, 15)
    with pytest.raises(ValueError, match=str(MOST_AGENTS)):
        erlang_a(1, 180, MOST_AGENTS + 1, 15)
