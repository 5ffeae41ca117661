"""What a simulation assumes. Times in seconds; shares are of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache
from math import inf

from callback.campaign import Rules
from callback.pacing import Pace
from routing.erlang import agents_needed

HALF_HOUR, DAY = 1800, 86_400
HALF_HOURS = 48

# fmt: off
DAY_PROFILE = (
    4, 3, 3, 2, 2, 2, 2, 2, 2, 3, 4, 6,  # from 00:00: the quietest hour has a seventieth of the busiest
    10, 16, 28, 48, 86, 118, 136, 142, 138, 128, 108, 84,  # from 06:00
    70, 68, 76, 92, 112, 122, 124, 118, 108, 96, 80, 66,  # from 12:00
    58, 54, 52, 50, 46, 42, 36, 30, 24, 18, 12, 8,  # from 18:00
)
# fmt: on
"""Weights of the half hours of a day: two humps, and a quiet night."""
WEEK_PROFILE = (1.12, 1.08, 1.06, 1.05, 1.04, 0.85, 0.80)
"""Monday to Sunday; the mean is one."""


@dataclass(frozen=True, slots=True)
class Network:
    """What comes of an attempt, drawn anew for each; who does not answer for another reason lets it ring."""

    answered: float = 0.45
    busy: float = 0.06
    unallocated: float = 0.02
    congestion: float = 0.01
    rejected: float = 0.10
    ring_s: float = 12.0
    """Mean time until somebody answers."""

    def __post_init__(self) -> None:
        shares = (self.answered, self.busy, self.unallocated, self.congestion, self.rejected)
        if not all(0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError("the rates are shares of all calls: each within 0 and 1, together at most 1")
        if not 1 <= self.ring_s <= 60:
            raise ValueError("the time until somebody answers is 1 to 60 seconds")


@dataclass(frozen=True, slots=True)
class Survey:
    """Those who answer."""

    talk_s: float = 45.0
    rated: float = 0.70
    """Give an answer that counts."""
    dissatisfied: float = 0.08
    """Of these: are not satisfied, and say that nothing was solved."""
    agent: float = 0.02
    """Ask for a person, and talk with one as long as a caller does."""
    opted_out: float = 0.01
    broken: float = 0.002
    """Our own part fails before the first question."""

    def __post_init__(self) -> None:
        shares = (self.rated, self.agent, self.opted_out, self.broken)
        if not all(0 <= share <= 1 for share in (*shares, self.dissatisfied)) or sum(shares) > 1 + 1e-9:
            raise ValueError("what those who answer do: each share within 0 and 1, together at most 1")
        if not 1 <= self.talk_s <= 600:
            raise ValueError("the survey takes 1 to 600 seconds")


@dataclass(frozen=True, slots=True)
class Inbound:
    """Citizens who call in."""

    calls_per_day: float = 0.0
    handling_s: float = 180.0
    """Talk and wrap-up; a line is counted as taken for both."""
    handling_spread: float = 0.9
    """Standard deviation of the handling time over its mean (lognormal); 0: exponential, as Erlang A has it."""
    patience_s: float = 120.0
    """Mean, exponential."""
    menu_s: float = 15.0
    """Announcement and menu: a line without an agent, the same for each."""
    agents: int = 0
    """At every hour; 0: as many as Erlang A asks for in each half hour of an ordinary day of that weekday, those
    included whom our calls put through."""
    target: float = 0.95
    within_s: float = 15.0
    day_profile: tuple[float, ...] = DAY_PROFILE
    week_profile: tuple[float, ...] = WEEK_PROFILE
    unusual_days: tuple[tuple[int, float], ...] = ()
    """Day of the simulation (0 is the first), and how many times the calls of an ordinary one; no more agents."""

    def __post_init__(self) -> None:
        if len(self.day_profile) != HALF_HOURS or len(self.week_profile) != 7:
            raise ValueError("48 half hours and 7 weekdays")
        numbers = (self.calls_per_day, self.handling_spread, self.menu_s, self.agents, *self.day_profile)
        if min(*numbers, *self.week_profile) < 0 or not sum(self.day_profile) > 0:
            raise ValueError("calls, times and agents cannot be negative")
        if not (0 < self.handling_s < inf and 0 < self.patience_s < inf and 0 < self.target < 1):
            raise ValueError("handling time and patience are above 0, the target is between 0 and 1")

    def expected(self, weekday: int) -> tuple[float, ...]:
        """Calls in each half hour of an ordinary day."""
        whole = self.calls_per_day * self.week_profile[weekday] / sum(self.day_profile)
        return tuple(whole * weight for weight in self.day_profile)


@dataclass(frozen=True, slots=True)
class World:
    """``start``: aware, and the moment of time 0."""

    start: datetime
    pace: Pace
    rules: Rules = field(default_factory=Rules)
    network: Network = Network()
    survey: Survey = Survey()
    inbound: Inbound = Inbound()
    seed: int = 1

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("the start needs a zone")

    def on_duty(self, weekday: int) -> tuple[int, ...]:
        """Agents in each half hour; at least one, since the number is answered day and night."""
        inbound = self.inbound
        if inbound.agents:
            return (inbound.agents,) * HALF_HOURS
        put_through = self._put_through()
        return tuple(
            _agents(inbound, calls / HALF_HOUR + put_through * self._rings(half_hour))
            for half_hour, calls in enumerate(inbound.expected(weekday))
        )

    def _put_through(self) -> float:
        """How many of those whom we ring want an agent, a second, with every line of ours in use."""
        network, survey = self.network, self.survey
        quick = 3 * network.busy + 4 * network.unallocated + network.congestion + network.ring_s * network.rejected
        others = network.busy + network.unallocated + network.congestion + network.rejected
        in_vain = self.rules.ring_seconds * max(0.0, 1 - network.answered - others)
        seconds = network.answered * (network.ring_s + survey.talk_s) + quick + in_vain
        calls = min(min(self.pace.lines, self.rules.max_lines) / max(1.0, seconds), self.pace.per_second)
        return calls * network.answered * survey.agent

    def _rings(self, half_hour: int) -> bool:
        begins = half_hour * HALF_HOUR
        return any(
            _seconds(window.start) < begins + HALF_HOUR and begins < _seconds(window.end)
            for window in self.rules.windows
        )


def _seconds(of_day: time) -> int:
    return of_day.hour * 3600 + of_day.minute * 60


@lru_cache(maxsize=4096)
def _agents(inbound: Inbound, calls_per_second: float) -> int:
    needed = agents_needed(calls_per_second, inbound.handling_s, inbound.target, inbound.within_s, inbound.patience_s)
    return max(1, needed)
