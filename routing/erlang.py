"""Erlang A (M/M/n+M): how many agents a stream of calls needs when callers give up. Pure; times in seconds.

Calls arrive at random (Poisson), talk and patience are exponential, first come is first served. What a caller would
have to wait, V, has the density (Baccelli and Hebuterne 1981)::

    v(x) = λ·p(n-1)·exp(f(x)),   f(x) = λ·(1-e^(-θx))/θ - nμx,   λ arrivals, 1/μ handling, 1/θ patience

``exp(f)`` passes every float in a large centre under overload, so it is taken relative to the peak of ``f`` and
integrated only where it is above ``e^-45`` of it. An infinite patience is Erlang C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_AGENTS = 100_000
_NEGLIGIBLE = 45.0
_PANELS = 48
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True)
class Service:
    """What callers get. Shares are of all who call, those who give up included."""

    answered_within: float
    """Answered, and not later than asked for."""
    waits: float
    """Not answered at once."""
    abandoned: float
    mean_wait: float
    """Seconds, of all callers, those who give up included; infinite where Erlang C never comes to rest."""
    occupancy: float
    """Share of the agents' time that is spent on calls."""


def erlang_a(
    arrivals_per_second: float, handling_s: float, agents: int, within_s: float, patience_s: float = math.inf
) -> Service:
    """Raises ValueError for numbers that mean nothing."""
    check(arrivals_per_second, handling_s, within_s, patience_s)
    if not 0 <= agents <= MOST_AGENTS:
        raise ValueError(f"agents must be within 0..{MOST_AGENTS}")
    if arrivals_per_second == 0:
        return Service(1.0, 0.0, 0.0, 0.0, 0.0)
    if agents == 0:
        return Service(0.0, 1.0, 0.0 if math.isinf(patience_s) else 1.0, patience_s, 0.0)
    leaving = 0.0 if math.isinf(patience_s) else 1.0 / patience_s
    load = arrivals_per_second * handling_s
    if leaving == 0 and load >= agents:
        return Service(0.0, 1.0, 0.0, math.inf, 1.0)
    free = _free_states(load, agents)
    if math.isinf(free):
        return Service(1.0, 0.0, 0.0, 0.0, load / agents)
    wait = _Wait(arrivals_per_second, agents / handling_s, leaving)
    # p(n-1), relative to the peak of the density: 1 = p(n-1)·(free + λ·e^peak·everyone)
    if wait.peak > 700:
        scaled, at_once = 1.0 / (arrivals_per_second * wait.everyone(math.inf)), 0.0
    else:
        top = math.exp(wait.peak)
        at_once = free / (free + arrivals_per_second * top * wait.everyone(math.inf))
        scaled = top * at_once / free
    waits = 1.0 - at_once
    served_in_time = at_once + scaled * arrivals_per_second * wait.patient(within_s)
    if leaving == 0:
        mean = waits / (agents / handling_s - arrivals_per_second)
        abandoned = 0.0
    else:
        abandoned = min(1.0, max(0.0, waits - scaled * arrivals_per_second * wait.patient(math.inf)))
        mean = abandoned / leaving
    return Service(min(1.0, served_in_time), waits, abandoned, mean, load * (1 - abandoned) / agents)


def agents_needed(
    arrivals_per_second: float, handling_s: float, target: float, within_s: float, patience_s: float = math.inf
) -> int:
    """The fewest agents with whom the share ``target`` of the callers is answered within ``within_s``.

    Raises ValueError where :data:`MOST_AGENTS` do not suffice.
    """
    check(arrivals_per_second, handling_s, within_s, patience_s)
    if not 0 < target < 1:
        raise ValueError("target must be between 0 and 1")
    if arrivals_per_second == 0:
        return 0

    def enough(agents: int) -> bool:
        return erlang_a(arrivals_per_second, handling_s, agents, within_s, patience_s).answered_within >= target

    low, high = 0, max(1, math.ceil(arrivals_per_second * handling_s))
    while not enough(high):
        low, high = high, high * 2
        if high > MOST_AGENTS:
            raise ValueError(f"more than {MOST_AGENTS} agents would be needed")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def check(arrivals_per_second: float, handling_s: float, within_s: float, patience_s: float) -> None:
    if not (math.isfinite(arrivals_per_second) and arrivals_per_second >= 0):
        raise ValueError("arrivals must be a number, 0 or more")
    if not (math.isfinite(handling_s) and handling_s > 0):
        raise ValueError("handling time must be a number of seconds above 0")
    if not (math.isfinite(within_s) and within_s >= 0):
        raise ValueError("the time to answer within must be 0 seconds or more")
    if not patience_s > 0:
        raise ValueError("patience must be above 0 seconds")


def _free_states(load: float, agents: int) -> float:
    """Probability of a free agent relative to that of exactly one; infinite: as good as certain."""
    total = 1.0
    for busy in range(1, agents):
        total = 1.0 + total * busy / load
        if total > 1e300:
            return math.inf
    return total


class _Wait:
    """``exp(f(x) - peak)`` and its integrals."""

    def __init__(self, arrivals: float, capacity: float, leaving: float) -> None:
        self._arrivals, self._capacity, self._leaving = arrivals, capacity, leaving
        top = 0.0 if arrivals <= capacity else math.log(arrivals / capacity) / leaving
        self.peak = self._at(top)
        self._low = 0.0 if self.peak <= _NEGLIGIBLE else self._edge(0.0, top)
        far = max(top, 1.0 / capacity)
        while self._counts(far):
            far *= 2
        self._high = self._edge(far, top)

    def everyone(self, until: float) -> float:
        return self._integral(until, lambda x: np.exp(self._f(x) - self.peak))

    def patient(self, until: float) -> float:
        return self._integral(until, lambda x: np.exp(self._f(x) - self.peak - self._leaving * x))

    def _f(self, x: Floats) -> Floats:
        grows = x if self._leaving == 0 else -np.expm1(-self._leaving * x) / self._leaving
        return np.asarray(self._arrivals * grows - self._capacity * x)

    def _at(self, x: float) -> float:
        """``f``, of one number: ten times as fast."""
        grows = x if self._leaving == 0 else -math.expm1(-self._leaving * x) / self._leaving
        return self._arrivals * grows - self._capacity * x

    def _counts(self, x: float) -> bool:
        return self._at(x) > self.peak - _NEGLIGIBLE

    def _edge(self, outside: float, inside: float) -> float:
        """Where the density becomes negligible, between a point where it is and one where it is not."""
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (outside, middle) if self._counts(middle) else (middle, inside)
        return outside

    def _integral(self, until: float, density: Callable[[Floats], Floats]) -> float:
        end = min(until, self._high)
        if end <= self._low:
            return 0.0
        half = (end - self._low) / _PANELS / 2
        centres = self._low + half * (2 * np.arange(_PANELS) + 1)
        return float((density(centres[:, None] + half * _NODES[None, :]) * _WEIGHTS[None, :]).sum() * half)
