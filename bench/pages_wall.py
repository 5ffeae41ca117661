"""The wallboard under load: frames, the page's thread, how late it shows what happened, memory."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import CDPSession, Page

from bench.pages_rig import Rig
from bench.pages_server import Pace
from people.roles import Role

SCRIPT = Path(__file__).with_name("pages_wall.js").read_text(encoding="utf-8")
SETTLED_SECONDS = 5.0
"""The page has been opened by then, and its code is compiled."""
ROUGH_MS = 50.0
"""A gap between two frames that one sees: three frames of a screen with 60 a second."""
KEPT = ("heap_mb", "nodes", "listeners")
WARM = 0.2
"""After this part of the time memory must not grow any more."""


@dataclass(frozen=True)
class Memory:
    """After the garbage was collected. ``minutes``: of the floor's own time."""

    minutes: float
    heap_mb: float
    nodes: int
    listeners: int


@dataclass
class Watched:
    """``busy``: share of the time in which the page's thread works, and of that what scripts, styles and layout take.
    Gaps between frames and lateness in ms, ``long``: tasks of 50 ms and more, a minute."""

    name: str
    seconds: float
    events_per_second: float
    patches_per_second: float
    calls: int
    agents: int
    gaps: list[float]
    long: list[float]
    late: list[float]
    busy: float
    script: float
    style: float
    layout: float
    memory: list[Memory] = field(default_factory=list)

    @property
    def rough(self) -> float:
        """Share of the frames."""
        return sum(gap > ROUGH_MS for gap in self.gaps) / max(1, len(self.gaps))

    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "seconds": round(self.seconds, 1),
            "events_per_second": round(self.events_per_second, 1),
            "patches_per_second": round(self.patches_per_second, 2),
            "calls": self.calls,
            "agents": self.agents,
            "frame_ms": quantiles(self.gaps),
            "rough_percent": round(100 * self.rough, 3),
            "long_tasks_per_minute": round(60 * len(self.long) / self.seconds, 1),
            "longest_task_ms": round(max(self.long, default=0.0), 1),
            "late_ms": quantiles(self.late),
            "busy_percent": round(100 * self.busy, 1),
            "script_percent": round(100 * self.script, 1),
            "style_percent": round(100 * self.style, 1),
            "layout_percent": round(100 * self.layout, 1),
            "memory": [vars(one) for one in self.memory],
            "growth_per_hour": {
                name: round(growth(self.memory, name), 2) for name in ("heap_mb", "nodes", "listeners")
            },
        }


def quantiles(found: list[float]) -> dict[str, float]:
    if not found:
        return {}
    ordered = sorted(found)
    place = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    taken = {name: round(ordered[int(part * (len(ordered) - 1))], 1) for name, part in place.items()}
    return {**taken, "max": round(ordered[-1], 1)}


def growth(memory: list[Memory], name: str) -> float:
    """What an hour of the floor adds, by the straight line through what was found once everything was warm."""
    warm = memory[int(len(memory) * WARM) :]
    if len(warm) < 3:
        return 0.0
    line = statistics.linear_regression([one.minutes for one in warm], [float(getattr(one, name)) for one in warm])
    return 60 * line.slope


async def watch(
    rig: Rig, name: str, pace: Pace, seconds: float, *, slower: float = 1.0, looks: int = 0, picture: Path | None = None
) -> Watched:
    """``slower``: as if the processor were so many times slower. ``looks``: so often memory is looked at."""
    with rig.serving(pace):
        async with rig.visitor(Role.SUPERVISOR) as visitor, aiohttp.ClientSession() as asks:
            page, cdp = await visitor.tab()
            await page.add_init_script(SCRIPT)
            await cdp.send("Performance.enable")
            await page.goto(f"{rig.origin}/desk/wall")
            await page.locator(".agent").first.wait_for()
            await asyncio.sleep(SETTLED_SECONDS)
            if slower > 1:
                await cdp.send("Emulation.setCPUThrottlingRate", {"rate": slower})
                await asyncio.sleep(1)
            before, played, began = await _metrics(cdp), await _played(rig, asks), time.monotonic()
            await page.evaluate("() => void window.bench.take()")
            found: dict[str, list[float]] = {"gaps": [], "long": [], "late": []}
            memory: list[Memory] = []
            for _ in range(max(1, looks)):
                await asyncio.sleep(seconds / max(1, looks))
                for kind, some in (await page.evaluate("() => window.bench.take()")).items():
                    found[kind] += some
                if looks:
                    memory.append(await _memory(cdp, (time.monotonic() - began) * pace.speed / 60))
                    await page.evaluate("() => void window.bench.take()")  # not the pause that this made
            after, took, now = await _metrics(cdp), time.monotonic() - began, await _played(rig, asks)
            if picture is not None:
                await page.screenshot(path=picture)
            rows, agents = await _shown(page)
            if visitor.complaints:
                raise RuntimeError(visitor.complaints[0])

    def share(metric: str) -> float:
        return (after[metric] - before[metric]) / took

    return Watched(
        name=name,
        seconds=took,
        events_per_second=(now["events"] - played["events"]) / took,
        patches_per_second=(now["published"] - played["published"]) / took,
        calls=rows,
        agents=agents,
        **found,
        busy=share("TaskDuration"),
        script=share("ScriptDuration"),
        style=share("RecalcStyleDuration"),
        layout=share("LayoutDuration"),
        memory=memory,
    )


async def _metrics(cdp: CDPSession) -> dict[str, float]:
    answer = await cdp.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


async def _memory(cdp: CDPSession, minutes: float) -> Memory:
    await cdp.send("HeapProfiler.collectGarbage")
    found = await _metrics(cdp)
    return Memory(
        round(minutes, 2),
        round(found["JSHeapUsedSize"] / 1e6, 2),
        int(found["Nodes"]),
        int(found["JSEventListeners"]),
    )


async def _played(rig: Rig, asks: aiohttp.ClientSession) -> dict[str, int]:
    async with asks.get(f"{rig.origin}/bench/played") as answer:
        found: dict[str, int] = await answer.json()
        return found


async def _shown(page: Page) -> tuple[int, int]:
    floor = await page.evaluate(
        "async () => { const found = await (await fetch('/api/v1/floor')).json();"
        " return [found.calls.length, found.agents.length] }"
    )
    return int(floor[0]), int(floor[1])
