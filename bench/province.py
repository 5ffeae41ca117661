"""``python -m bench.province``: a year of a province in virtual time (docs/benchmarks-callbacks.md), call by call.

Thirteen hotlines, as a province has them, each with agents, trunk, dialler and backlog of its own, through the code of
``callback/simulation``; as many at once as there are cores, the largest first.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from multiprocessing import get_context
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np
from numpy.typing import NDArray

from bench.province_page import write
from callback.campaign import Rules
from callback.pacing import Pace
from callback.simulation.course import Course
from callback.simulation.engine import run
from callback.simulation.world import DAY, WEEK_PROFILE, Inbound, World
from callback.words import Outcome, TargetState

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-callbacks.md"
CALLS, CALLBACKS = 37_000_000, 11_000_000
YEAR = 365
START = datetime(2025, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
CITIES = {
    "苏州": 1274.8,
    "南京": 931.5,
    "徐州": 908.4,
    "南通": 772.7,
    "无锡": 746.2,
    "盐城": 671.0,
    "常州": 527.8,
    "宿迁": 498.6,
    "连云港": 459.9,
    "扬州": 456.0,
    "淮安": 455.6,
    "泰州": 451.3,
    "镇江": 321.0,
}
"""People in units of ten thousand, census of 2020: calls and callbacks are shared out by them."""
STORMS = {3: 1.86, 170: 1.86, 190: 1.86, 226: 1.86}
"""Days of the year on which the whole province calls 86 % more, as Binzhou did in a storm of 2021; no more agents."""
REVIEWED = (1.25, 1.25, 1.25, 1.25, 1.25, 0.375, 0.375)
"""Tickets that become due for a callback, Monday to Sunday."""
REVIEW_HOURS = (8.5 * 3600, 17.5 * 3600)
_done: SynchronizedArray[float]
"""Half hours simulated so far by each city, shared by the processes."""


@dataclass(frozen=True)
class City:
    name: str
    days: int
    world: World
    callbacks: int


@dataclass(frozen=True)
class Result:
    """Waits: seconds; below 0: gave up after so long."""

    city: City
    with_campaign: NDArray[np.float32]
    without: NDArray[np.float32]
    blocked: tuple[int, int]
    stormy: NDArray[np.float32]
    stormy_blocked: int
    targets: int
    left: int
    most_left: int
    attempts: int
    peak_lines: int
    mean_lines: float
    held_share: float
    outcomes: dict[Outcome, int]
    states: dict[TargetState, int]
    tasks: int
    wishes: int
    agent_seconds: float
    """On duty, over the year."""
    most_agents: int
    seconds: float
    """Of processor time."""


def cities(days: int, calls: int = CALLS, callbacks: int = CALLBACKS) -> list[City]:
    """Largest first. ``days``: of the year, from its first on; each city is as large as in the whole one."""
    weekday = START.weekday()
    year = sum(WEEK_PROFILE[(weekday + day) % 7] * STORMS.get(day, 1.0) for day in range(YEAR))
    part = sum(REVIEWED[(weekday + day) % 7] for day in range(days)) / sum(
        REVIEWED[(weekday + day) % 7] for day in range(YEAR)
    )
    everybody = sum(CITIES.values())
    found = []
    for number, (name, people) in enumerate(CITIES.items()):
        share = people / everybody
        inbound = Inbound(calls_per_day=calls * share / year, unusual_days=tuple(STORMS.items()))
        # Half as much again as the ordinary day's targets hold: 1.8 calls each of 40 s, in nine hours.
        lines = ceil(1.5 * callbacks * share / YEAR * 1.8 * 40 / (9 * 3600))
        pace = Pace(lines=lines, per_second=max(2.0, lines / 5), trunk_lines=0, reserve=0, waiting=1)
        world = World(start=START, pace=pace, rules=Rules(max_lines=lines), inbound=inbound, seed=number + 1)
        most = most_agents(world)
        pace = replace(
            pace, trunk_lines=ceil(1.3 * most) + lines, reserve=ceil(0.1 * most), waiting=max(1, round(0.05 * most))
        )
        world = replace(world, pace=pace)
        found.append(City(name, days, world, round(callbacks * share * part)))
    return found


def most_agents(world: World) -> int:
    return max(max(world.on_duty(weekday)) for weekday in range(7))


def due_on(city: City) -> Callable[[int], list[float]]:
    """When the tickets of a day become due."""
    chance = np.random.default_rng((city.world.seed, 3))
    weights = np.array([REVIEWED[(START.weekday() + day) % 7] for day in range(city.days)])
    counts = chance.multinomial(city.callbacks, weights / weights.sum())

    def times(day: int) -> list[float]:
        if day >= city.days:
            return []
        drawn = np.random.default_rng((city.world.seed, 4, day)).uniform(*REVIEW_HOURS, counts[day])
        found: list[float] = (np.sort(drawn) + day * DAY).tolist()
        return found

    return times


def simulate(number: int, city: City) -> Result:
    began = time.process_time()
    gc.disable()  # nothing here refers to itself: looking for it was a tenth of the time
    half_hours = 0

    def progress(now: float, left: int) -> None:
        nonlocal half_hours
        half_hours += 1
        _done[number] = half_hours

    until = float(city.days * DAY)
    course = run(city.world, due_on(city), until=until, stop_when_cleared=False, progress=progress)
    quiet = run(city.world, lambda day: [], until=until, stop_when_cleared=False, progress=progress)
    check(city, course)
    stormy, stormy_blocked = (
        np.isin(np.array(times) // DAY, list(STORMS)) for times in (course.entered, course.blocked)
    )
    hungry = course.hungry
    ringing = sum(slot.seconds for slot in course.slots if slot.line_seconds)
    waited = np.array(course.waited, dtype=np.float32)
    return Result(
        city=city,
        with_campaign=waited,
        without=np.array(quiet.waited, dtype=np.float32),
        blocked=(len(course.blocked), len(quiet.blocked)),
        stormy=waited[stormy],
        stormy_blocked=int(stormy_blocked.sum()),
        targets=course.targets,
        left=course.open_targets,
        most_left=max(slot.backlog for slot in course.slots),
        attempts=course.attempts,
        peak_lines=course.peak_lines,
        mean_lines=sum(slot.line_seconds for slot in course.slots) / ringing if ringing else 0.0,
        held_share=sum(hungry.held_seconds.values()) / ringing if ringing else 0.0,
        outcomes=course.outcomes,
        states=course.states,
        tasks=course.tasks,
        wishes=course.wishes,
        agent_seconds=sum(sum(city.world.on_duty((START.weekday() + day) % 7)) * 1800.0 for day in range(city.days)),
        most_agents=most_agents(city.world),
        seconds=time.process_time() - began,
    )


def check(city: City, course: Course) -> None:
    """Nobody lost, nothing above the cap. Raises AssertionError."""
    assert course.targets == city.callbacks, (city.name, course.targets)
    assert course.open_targets >= 0, city.name
    assert course.peak_lines <= city.world.pace.lines, (city.name, course.peak_lines)
    assert sum(course.outcomes.values()) == course.attempts, city.name


def _join(done: SynchronizedArray[float]) -> None:
    global _done
    _done = done


@click.command()
@click.option(
    "--scale", default=1.0, show_default=True, type=click.FloatRange(0.002, 1), help="Share of the year's days."
)
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 64))
@click.option("--write", "writes", is_flag=True, help="Write docs/benchmarks-callbacks.md.")
def command(scale: float, workers: int, writes: bool) -> None:
    """A year of a province: 37 million calls and 11 million callbacks, each by itself."""
    days = max(1, round(YEAR * scale))
    made = cities(days)
    began = time.monotonic()
    done = get_context("spawn").Array("d", len(made))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_join, initargs=(done,)) as pool:
        futures = [pool.submit(simulate, number, city) for number, city in enumerate(made)]
        results = _wait(futures, done, 2 * 48 * days * len(made), began)
    figures: dict[str, Any] = {"days": days, "workers": workers, "wall_s": time.monotonic() - began, "scale": scale}
    figures["storms"] = sum(day < days for day in STORMS)
    page = write(results, figures)
    click.echo(page)
    if writes:
        PAGE.write_text(page, "utf-8")


def _wait(futures: list[Future[Result]], done: SynchronizedArray[float], whole: int, began: float) -> list[Result]:
    """A line that is written over on a terminal, one every half minute elsewhere."""
    begin, end, pause = ("\r\033[K", "", 0.5) if sys.stderr.isatty() else ("", "\n", 30.0)
    left = set(futures)
    while left:
        share = sum(done[number] for number in range(len(done))) / whole
        finished = f"{len(futures) - len(left)} of {len(futures)} cities"
        told = f"{share:6.1%} of the half hours, {finished}, {time.monotonic() - began:.0f} s"
        click.echo(f"{begin}{told}{end}", nl=False, err=True)
        left = wait(left, timeout=pause).not_done
    click.echo(begin, nl=False, err=True)
    return [one.result() for one in futures]


if __name__ == "__main__":
    command()
