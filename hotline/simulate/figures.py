"""The report's figures: what the database says of the robots' calls, beside what the robots counted. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hotline.simulate.counted import Counted
from hotline.simulate.ends import Caller, End, end_of
from hotline.simulate.positions import Said

IN_TIME = 15.0
"""Seconds in line."""
FAR_OFF = 1
"""A position further from the truth is wrong: while it is said somebody may leave."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds in line of those who were answered; None: nobody was."""

    p50: float | None
    p95: float | None
    longest: float | None


@dataclass(frozen=True, slots=True)
class Minute:
    """``minute``: after the beginning, by the moment of the call."""

    minute: int
    calls: int
    ends: dict[str, int]
    longest_wait: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """``in_time``: answered within :data:`IN_TIME`. ``abandoned``: hung up while waiting in line. ``positions`` is how
    often one was said, ``positions_exact`` of them right, ``positions_wrong`` further off than one. ``disagreements``:
    where robots and database differ, each a line."""

    seconds: float
    calls: int
    ends: dict[str, int]
    in_time: int
    waits: Waits
    abandoned: int
    positions: int
    positions_exact: int
    positions_wrong: int
    minutes: tuple[Minute, ...]
    robots: Counted
    disagreements: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Nobody is lost, and the figures add up."""
        return not self.ends.get(End.LOST) and not self.positions_wrong and not self.disagreements


def report(callers: Sequence[Caller], said: Sequence[Said], robots: Counted, began: datetime, seconds: float) -> Report:
    waited = [one.wait for one in callers if one.wait is not None]
    return Report(
        seconds=round(seconds, 1),
        calls=len(callers),
        ends=_ends(callers),
        in_time=sum(wait <= IN_TIME for wait in waited),
        waits=Waits(percentile(waited, 0.5), percentile(waited, 0.95), percentile(waited, 1.0)),
        abandoned=sum(one.abandoned for one in callers),
        positions=len(said),
        positions_exact=sum(one.off == 0 for one in said),
        positions_wrong=sum(one.off > FAR_OFF for one in said),
        minutes=tuple(_minutes(callers, began)),
        robots=robots,
        disagreements=tuple(_disagreements(callers, robots)),
    )


def percentile(values: Iterable[float], share: float) -> float | None:
    """The nearest rank."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None


def _ends(callers: Iterable[Caller]) -> dict[str, int]:
    found = Counter(end_of(one) for one in callers)
    return {end.value: found[end] for end in End}


def _minutes(callers: Iterable[Caller], began: datetime) -> Iterable[Minute]:
    by_minute: dict[int, list[Caller]] = {}
    for one in callers:
        by_minute.setdefault(max(0, int((one.arrived_at - began).total_seconds() // 60)), []).append(one)
    for minute, mine in sorted(by_minute.items()):
        waits = [one.wait for one in mine if one.wait is not None]
        ends = {name: count for name, count in _ends(mine).items() if count}
        yield Minute(minute, len(mine), ends, percentile(waits, 1.0))


def _disagreements(callers: Sequence[Caller], robots: Counted) -> Iterable[str]:
    if robots.under_way:
        yield f"机器人通话未结束 {robots.under_way}"
    if robots.answered != len(callers):
        yield f"机器人接通 {robots.answered}，数据库有来电 {len(callers)}"
    talks = sum((one.human_at is not None) + (one.back_at is not None) for one in callers)
    # Whoever hangs up in the moment in which somebody answers was connected, or was not.
    if abs(robots.taken - talks) > max(1, len(callers) // 200):
        yield f"机器人座席接听 {robots.taken}，数据库记录 {talks}"
