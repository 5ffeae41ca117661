"""What the live floor costs: ``python -m bench.floor``.

Plays an hour (by default) of a busy exchange through the fold and to its viewers as fast as it goes: made calls in the
shape of a recorded one, state taken four times a second, every viewer sent what changed. Beside it, what it would cost
to send everybody the whole state each time.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import json
import os
import platform
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from hotline.settings import CHECKOUT
from people.masking import mask_phone
from routing.ami_wire import Event
from routing.floor import Fold
from routing.floor_plan import Now, Plan, Seated, Sitting
from routing.floor_rows import Floor, TodayNow
from routing.live import MemberRow, QueueStatus
from web.floor import Floors, Viewer

PAGE = CHECKOUT / "docs" / "benchmarks-floor.md"
STREAM = CHECKOUT / "tests" / "replay" / "asterisk-22-floor" / "events.jsonl"
QUEUES = {f"queue-{letter}": f"队列{letter}" for letter in "abcdefghi"}
BEGIN = datetime(2026, 11, 22, 1, tzinfo=UTC)
TICKS = 4
"""A second."""
WRAPUP = 10.0
BUSY = 0.7
"""Of the agents' time."""
WARM = 0.2
"""After this part of the time memory must not grow any more."""


@dataclass
class Cost:
    """Processor seconds, and bytes sent to all viewers."""

    fold: float = 0.0
    patches: float = 0.0
    snapshots: float = 0.0
    patch_bytes: int = 0
    snapshot_bytes: int = 0
    sampled: int = 0
    events: int = 0
    most_ms: float = 0.0
    memory: list[int] = field(default_factory=list)


def template() -> list[tuple[float, Event]]:
    """The recorded call that an agent answers, holds and ends: seconds after its beginning, and what was told."""
    found: list[tuple[float, Event]] = []
    for text in STREAM.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line.get("mark") == "after held":
            break
        event = line.get("event", {})
        if event and not event["Event"].startswith(("QueueMember", "PeerStatus")):
            found.append((line["at"], event))
    return [(at - found[0][0], event) for at, event in found]


def renamed(event: Event, names: dict[str, str]) -> Event:
    return {key: names.get(value, value) for key, value in event.items()}


class Exchange:
    """Calls that come at random, each for an agent who is free. ``busy``: that share of the agents' time."""

    def __init__(
        self, agents: list[str], per_second: float, queues: Sequence[str] = tuple(QUEUES), busy: float = BUSY
    ) -> None:
        self._random = random.Random(1)
        self._template = template()
        self._agents, self._free_at = agents, dict.fromkeys(agents, 0.0)
        self._queues = queues
        self._calls_per_second = per_second / len(self._template)
        self._talk = max(1.0, busy * len(agents) / self._calls_per_second - WRAPUP)
        self._ids = itertools.count(1)

    def events(self, seconds: float) -> Iterator[tuple[float, Event]]:
        """In order."""
        due: list[tuple[float, int, Event]] = []
        order = itertools.count()
        at = 0.0
        while at < seconds:
            at += self._random.expovariate(self._calls_per_second)
            for later, event in self._call(at):
                heapq.heappush(due, (later, next(order), event))
            while due and due[0][0] <= at:
                later, _, event = heapq.heappop(due)
                yield later, event

    def _call(self, at: float) -> Iterator[tuple[float, Event]]:
        free = [one for one in self._agents if self._free_at[one] <= at]
        if not free:
            return
        agent = self._random.choice(free)
        talk = self._talk * self._random.uniform(0.5, 1.5)
        self._free_at[agent] = at + talk + 20 + WRAPUP
        number = next(self._ids)
        first = self._template[0][1]
        other = next(event for _, event in self._template if event.get("Channel", "").startswith("PJSIP/1001"))
        names = {
            first["Uniqueid"]: f"hotline-{number}.0",
            first["Channel"]: f"PJSIP/citizen-{number:08x}",
            first["CallerIDNum"]: f"139{number:08d}",
            other["Uniqueid"]: f"hotline-{number}.1",
            other["Channel"]: f"PJSIP/{agent}-{number:08x}",
            "1001": agent,
            "PJSIP/1001": f"PJSIP/{agent}",
            "consultation": self._random.choice(self._queues),
        }
        held = next(later for later, event in self._template if event["Event"] == "Hold")
        for later, event in self._template:
            yield at + later + (talk if later >= held else 0.0), renamed(event, names)


def resident() -> int:
    """Bytes of memory in use."""
    text = Path("/proc/self/statm").read_text()
    return int(text.split()[1]) * 4096


def play(agents: int, per_second: float, seconds: float, supervisors: int) -> Cost:
    extensions = [str(100_000 + number) for number in range(agents)]
    plan = Plan(
        QUEUES, {one: Seated(f"座席{one}") for one in extensions}, dict.fromkeys(QUEUES, WRAPUP), mask=mask_phone
    )
    fold, floors, cost = Fold(plan), Floors(), Cost()
    members = tuple(
        MemberRow(queue, f"PJSIP/{one}", one, 0, False, "", False, 1, 0) for one in extensions for queue in QUEUES
    )
    fold.load(Now(QueueStatus((), members, ()), (), frozenset(extensions)), BEGIN)
    fold.set_ready(True)
    fold.set_seats({one: Sitting(one, one) for one in extensions})
    viewers = [Viewer(one, numbers=True) for one in extensions]
    viewers += [Viewer(f"s{number}", all_calls=True, numbers=True) for number in range(supervisors)]
    sent: list[Floor | None] = [None] * len(viewers)
    events = Exchange(extensions, per_second).events(seconds)
    ahead: tuple[float, Event] | None = next(events, None)
    for tick in range(int(seconds * TICKS)):
        now = tick / TICKS
        at = BEGIN + timedelta(seconds=now)
        batch: list[Event] = []
        while ahead is not None and ahead[0] <= now:
            batch.append(ahead[1])
            ahead = next(events, None)
        began = time.process_time()
        for event in batch:
            fold.apply(event, at)
        if tick % (5 * TICKS) == 0:
            fold.set_today(TodayNow(offered=tick))
        floor = fold.take(at)
        folded = time.process_time()
        floors.publish(floor, at)
        for number, who in enumerate(viewers):
            sent[number], text = floors.news(who, sent[number])
            cost.patch_bytes += len(text) if tick else 0
        told = time.process_time()
        cost.events += len(batch)
        cost.fold += folded - began
        cost.patches += told - folded
        cost.most_ms = max(cost.most_ms, 1000 * (told - began)) if tick else 0.0
        if tick % (10 * TICKS) == 5 * TICKS:
            _whole(floors, floor, at, viewers, cost)
        if tick % max(1, int(seconds * TICKS / 50)) == 0:
            gc.collect()
            cost.memory.append(resident())
    return cost


def _whole(floors: Floors, floor: Floor, at: datetime, viewers: list[Viewer], cost: Cost) -> None:
    """The same moment, sent whole to each; whoever sees the same shares the text, as with changes."""
    floors.publish(floor, at)
    began = time.process_time()
    made: dict[int, bytes] = {}
    for who in viewers:
        seen = floors.view(who)
        if id(seen) not in made:
            made[id(seen)] = floors.snapshot(who).model_dump_json().encode()
        cost.snapshot_bytes += len(made[id(seen)])
    cost.snapshots += time.process_time() - began
    cost.sampled += 1


def told(cost: Cost, agents: int, seconds: float, supervisors: int) -> dict[str, Any]:
    ticks = seconds * TICKS
    whole = cost.snapshots / max(1, cost.sampled) * ticks
    whole_bytes = cost.snapshot_bytes / max(1, cost.sampled) * ticks
    warm = cost.memory[int(len(cost.memory) * WARM)]
    return {
        "agents": agents,
        "viewers": agents + supervisors,
        "seconds": seconds,
        "events_per_second": round(cost.events / seconds, 1),
        "fold_core_percent": round(100 * cost.fold / seconds, 2),
        "patches_core_percent": round(100 * cost.patches / seconds, 2),
        "snapshots_core_percent": round(100 * whole / seconds, 2),
        "slowest_ms": round(cost.most_ms, 1),
        "patch_bytes_per_viewer_second": round(cost.patch_bytes / seconds / (agents + supervisors)),
        "snapshot_bytes_per_viewer_second": round(whole_bytes / seconds / (agents + supervisors)),
        "memory_mb_warm": round(warm / 1e6, 1),
        "memory_mb_end": round(cost.memory[-1] / 1e6, 1),
    }


def page(found: dict[str, Any]) -> str:
    cheaper = found["snapshots_core_percent"] / max(0.01, found["patches_core_percent"])
    smaller = found["snapshot_bytes_per_viewer_second"] / max(1, found["patch_bytes_per_viewer_second"])
    return f"""# What the live view of the telephones costs 话务现场的开销

Written by `python -m bench.floor --write` on {os.cpu_count()} cores ({platform.machine()}, Python
{platform.python_version()}). {found["seconds"] / 3600:g} h of an exchange with {found["agents"]} agents and
{found["events_per_second"]} events a second, played as fast as it goes; {found["viewers"]} pages look on: each agent's,
and supervisors' that see every call. The calls have the shape of a recorded one. The state is told at most {TICKS}
times a second, as in the web server.

| | share of a core | bytes a second to each page |
|---|---|---|
| events into the state | {found["fold_core_percent"]} % | |
| what changed, to every page | {found["patches_core_percent"]} % | {found["patch_bytes_per_viewer_second"]:,} |
| the whole state each time | {found["snapshots_core_percent"]} % | {found["snapshot_bytes_per_viewer_second"]:,} |

Changes cost {cheaper:.1f} times less to make than the whole state each time, and are {smaller:.0f} times smaller. The
longest single step took {found["slowest_ms"]} ms. Memory: {found["memory_mb_warm"]} MB after a fifth of the time,
{found["memory_mb_end"]} MB at the end. Writing to the sockets is not in it.
"""


@click.command()
@click.option("--agents", default=200, show_default=True, type=click.IntRange(10, 5000))
@click.option("--events", default=50.0, show_default=True, type=click.FloatRange(1, 2000), help="A second.")
@click.option("--seconds", default=3600.0, show_default=True, type=click.FloatRange(60, 86_400))
@click.option("--supervisors", default=10, show_default=True, type=click.IntRange(1, 500))
@click.option("--write", is_flag=True, help="Write docs/benchmarks-floor.md.")
def main(agents: int, events: float, seconds: float, supervisors: int, write: bool) -> None:
    """How much of a core the live view takes."""
    found = told(play(agents, events, seconds, supervisors), agents, seconds, supervisors)
    click.echo(json.dumps(found))
    if write:
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
