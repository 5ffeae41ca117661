"""Chance, drawn ahead in blocks: reading a list is cheaper than asking a generator for each call.

Every stream has a generator of its own, seeded by what it is for, so that the callers of a day are the same with and
without a campaign.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from math import log

import numpy as np
from numpy.typing import NDArray

from callback.simulation.world import DAY, HALF_HOUR, Inbound, Network, Survey, World
from callback.words import Outcome

_BLOCK = 32_768
_CALLERS, _ATTEMPTS = 1, 2
OUTCOMES = (
    Outcome.ANSWERED,
    Outcome.BUSY,
    Outcome.UNALLOCATED,
    Outcome.CONGESTION,
    Outcome.REJECTED,
    Outcome.NO_ANSWER,
)
_QUICK = {Outcome.BUSY: 3.0, Outcome.UNALLOCATED: 4.0, Outcome.CONGESTION: 1.0}
"""Seconds until the network says so."""


class Manner(IntEnum):
    """What somebody does who answered."""

    RATES = 0
    DISSATISFIED = 1
    AGENT = 2
    OPTS_OUT = 3
    BROKEN = 4
    SILENT = 5


@dataclass(frozen=True, slots=True)
class Callers:
    """The citizens who call in on one day, by arrival; seconds since the simulation's start."""

    arrivals: list[float]
    handling: list[float]
    patience: list[float]


def callers(world: World, day: int) -> Callers:
    """``day`` 0 is the one of the start, and begins at its midnight."""
    inbound = world.inbound
    chance = np.random.default_rng((world.seed, _CALLERS, day))
    times = dict(inbound.unusual_days).get(day, 1.0)
    weekday = (world.start.weekday() + day) % 7
    expected = np.array(inbound.expected(weekday)) * times
    counts = chance.poisson(expected)
    half_hours = np.repeat(np.arange(len(counts)), counts)
    arrivals = np.sort((half_hours + chance.random(half_hours.size)) * HALF_HOUR) + day_begins(world, day)
    handling = _handling(inbound, chance, arrivals.size)
    patience = chance.exponential(inbound.patience_s, arrivals.size)
    first = int(np.searchsorted(arrivals, 0.0))
    return Callers(arrivals[first:].tolist(), handling[first:].tolist(), patience[first:].tolist())


def day_begins(world: World, day: int) -> float:
    """The midnight before, in seconds since the start (the first is not after 0). Beijing time knows no summer time."""
    clock = world.start
    return day * DAY - (clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6)


def _handling(inbound: Inbound, chance: np.random.Generator, count: int) -> NDArray[np.float64]:
    if inbound.handling_spread == 0:
        return chance.exponential(inbound.handling_s, count)
    return _lognormal(chance, inbound.handling_s, inbound.handling_spread, count)


def _lognormal(chance: np.random.Generator, mean: float, spread: float, count: int) -> NDArray[np.float64]:
    """``spread``: standard deviation over mean."""
    variance = log(1 + spread * spread)
    return chance.lognormal(log(mean) - variance / 2, variance**0.5, count)


def attempts(world: World, part: int = 0) -> Iterator[tuple[Outcome, float, Manner, float, float]]:
    """Without end: what comes of an attempt, the seconds that it holds a line, what who answered does, and the seconds
    that an agent would talk with them and that they would wait for it."""
    network, survey, ring_limit = world.network, world.survey, float(world.rules.ring_seconds)
    chance = np.random.default_rng((world.seed, _ATTEMPTS, part))
    while True:
        outcomes = _choices(chance, _outcome_shares(network))
        manners = _choices(chance, _manner_shares(survey))
        seconds = _seconds(world, chance, outcomes, ring_limit)
        talks = _handling(world.inbound, chance, _BLOCK)
        yield from zip(
            [OUTCOMES[one] for one in outcomes.tolist()],
            seconds.tolist(),
            [Manner(one) for one in manners.tolist()],
            talks.tolist(),
            chance.exponential(world.inbound.patience_s, _BLOCK).tolist(),
            strict=True,
        )


def _choices(chance: np.random.Generator, shares: tuple[float, ...]) -> NDArray[np.int64]:
    """The last choice takes what the others leave."""
    return np.searchsorted(np.cumsum(shares), chance.random(_BLOCK), side="right")


def _outcome_shares(network: Network) -> tuple[float, ...]:
    return (network.answered, network.busy, network.unallocated, network.congestion, network.rejected)


def _manner_shares(survey: Survey) -> tuple[float, ...]:
    dissatisfied = survey.rated * survey.dissatisfied
    return (survey.rated - dissatisfied, dissatisfied, survey.agent, survey.opted_out, survey.broken)


def _seconds(
    world: World, chance: np.random.Generator, outcomes: NDArray[np.int64], ring_limit: float
) -> NDArray[np.float64]:
    rings = np.clip(chance.gamma(2.0, world.network.ring_s / 2, _BLOCK), 1.0, ring_limit)
    talks = np.clip(_lognormal(chance, world.survey.talk_s, 0.5, _BLOCK), 2.0, 900.0)
    seconds = np.full(_BLOCK, ring_limit)
    for number, outcome in enumerate(OUTCOMES):
        here = outcomes == number
        if outcome is Outcome.ANSWERED:
            seconds[here] = (rings + talks)[here]
        elif outcome is Outcome.REJECTED:
            seconds[here] = rings[here]
        elif outcome in _QUICK:
            seconds[here] = _QUICK[outcome] * (0.5 + chance.random(int(here.sum())))
    return seconds
