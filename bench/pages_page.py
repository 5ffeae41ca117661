"""What ``bench.pages`` found, as a page."""

from __future__ import annotations

import os
import platform

from bench.pages_rig import CITY
from bench.pages_server import AGENTS, QUEUES
from bench.pages_wall import KEPT, Watched, growth, quantiles
from bench.pages_weight import LINE_DELAY_MS, LINE_MBIT, Visit

_HEAD = """\
# What the pages weigh, and whether the wallboard stays smooth 网页的分量

Written by `python -m bench.pages --write` on {cores} cores ({machine}, Python {python}), with the server, its database
and Chromium (no GPU, {width} × {height}) all on them. The built pages, answered by the real web server over HTTP/1.1
from the sample city {city}; only the telephone side is played.
"""
_WEIGHT = """
## Weight and time to use 打开要多久

Median of {runs}. Time: from the beginning of the navigation until the content that needs the API's answer is drawn and
everything the API was asked before that is answered. "First": nothing in the browser's cache; "again": opened once
before. On the wire: with headers, packed as the server sends it; unpacked: contents alone. "Nothing packed or kept":
the same page, no compression, no cache. "Slow": the processor as if {slower:g} times slower; "line": {mbit} Mbit/s and
{delay} ms there and back.

| page | requests, first / again | on the wire, KB, first / again | unpacked, KB | first, ms | again | slow: first | slow: again | slow: nothing packed or kept | line: first | line: again | line: nothing packed or kept |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""  # noqa: E501
_WALL = """
## The wallboard under load 话务大屏

{agents} agents, {queues} queues; about 60 calls at a time, each of them short, so that there is much to draw. Frames:
the time from one to the next, of a screen with 60 a second; "seen": frames that took longer than 50 ms. Busy: the
page's thread, which without events draws the clocks and asks for each frame because the bench does. Late: from an event
in the web server to the frame on which it is drawn, with the {gather} ms for which the server gathers.

| | events/s | told/s | calls | frame ms p50 / p95 / max | seen | tasks ≥ 50 ms a minute | busy | late ms p50 / p95 / max |
|---|---:|---:|---:|---|---:|---:|---:|---|
"""  # noqa: E501
_HOUR = """
## An hour of it 一小时

{events:,} events, {told:,} times told, in {seconds:.0f} s: {speed:.0f} times as many of both a second as in life, so
frames are not those of the table above. After each collection of garbage:

| minute | JS heap, MB | DOM nodes | listeners |
|---:|---:|---:|---:|
"""


def page(weights: dict[str, dict[str, Visit]], walls: list[Watched], runs: int) -> str:
    head = _HEAD.format(
        cores=os.cpu_count(), machine=platform.machine(), python=platform.python_version(), width=1366, height=768,
        city=CITY,
    )  # fmt: skip
    return head + (_weight(weights, runs) if weights else "") + _wall(walls[:-1]) + _hour(walls[-1])


def _weight(weights: dict[str, dict[str, Visit]], runs: int) -> str:
    lines = [_WEIGHT.format(runs=runs, slower=4, mbit=LINE_MBIT, delay=LINE_DELAY_MS)]
    for name, ways in weights.items():
        first, again = ways["first"], ways["again"]
        cells = [
            name,
            f"{first.requests} / {again.requests}",
            f"{first.wire / 1000:.1f} / {again.wire / 1000:.1f}",
            f"{first.unpacked / 1000:.1f}",
            *(f"{ways[way].milliseconds:.0f}" for way in ways),
        ]
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _wall(walls: list[Watched]) -> str:
    lines = [_WALL.format(agents=AGENTS, queues=len(QUEUES), gather=50)]
    for one in walls:
        cells = [
            one.name,
            f"{one.events_per_second:.0f}",
            f"{one.patches_per_second:.1f}",
            str(one.calls),
            _three(one.gaps),
            f"{100 * one.rough:.2f} %",
            f"{60 * len(one.long) / one.seconds:.1f}",
            f"{100 * one.busy:.0f} %",
            _three(one.late) if one.late else "",
        ]
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _hour(one: Watched) -> str:
    seconds = one.seconds
    speed = one.memory[-1].minutes * 60 / seconds
    head = _HOUR.format(
        events=round(one.events_per_second * seconds), told=round(one.patches_per_second * seconds),
        seconds=seconds, speed=speed,
    )  # fmt: skip
    rows = [f"| {row.minutes:.1f} | {row.heap_mb:.2f} | {row.nodes} | {row.listeners} |\n" for row in one.memory[1::2]]
    heap, nodes, listeners = (growth(one.memory, name) for name in KEPT)
    return (
        head
        + "".join(rows)
        + f"\nThe straight line through what was found after the first fifth: {heap:+.2f} MB, {nodes:+.0f} nodes,"
        f" {listeners:+.0f} listeners an hour. The number of calls on the screen, and with it that of nodes, goes up"
        " and down.\n"
    )


def _three(found: list[float]) -> str:
    told = quantiles(found)
    return " / ".join(f"{told[name]:.0f}" for name in ("p50", "p95", "max")) if told else ""
