"""What ``bench.callbacks`` found, as a table for the terminal and as a page."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Pace:
    """``mean`` lines over ``seconds``, from when the cap was reached first until nobody was left to be rung."""

    cap: int
    calls: int
    seconds: float
    mean: float
    peak: int

    @property
    def share(self) -> float:
        return self.mean / self.cap


@dataclass(frozen=True)
class Surge:
    """``waits``: seconds from answer to agent, of each caller. ``yielded``: seconds from the first who waited to the
    last call that was begun all the same. ``lines``: outbound, when the callers came."""

    campaign: bool
    waits: tuple[float, ...]
    lines: int = 0
    yielded: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.waits)


def medians(surges: Sequence[Surge]) -> tuple[float, float]:
    """Of all waits without, and with a campaign."""
    pooled = [[wait for one in surges if one.campaign is campaign for wait in one.waits] for campaign in (False, True)]
    return statistics.median(pooled[0]), statistics.median(pooled[1])


_PAGE = """\
# Callbacks on a real hotline 回访实测

Written by `{command}`
on {cores} cores: a whole hotline (Asterisk, database, dialler, worker, voice server), and the citizens on an Asterisk
of their own, both on this machine. A tenth is busy, a tenth does not answer for 10 s, the others pick up
after 2 s, hear the survey and go after 4 s more. All figures are read afterwards from Asterisk's event log, to which a
line is taken from its channel's first moment to its last.

## Pace against cap

| cap | calls | seconds | most lines at once | mean lines | share of the cap |
|---:|---:|---:|---:|---:|---:|
| {cap} | {calls} | {seconds:.0f} | {peak} | {mean:.2f} | {share:.1%} |

From when the cap was reached first until the campaign was paused, with people left to be rung all the time. Aims: never
above the cap, at least 95 % of it.

## What callers feel of a campaign at its cap

{callers} citizens call in at once, ask for a person by key, and are served by five agents, each with 4 s for every
caller. Seconds from answer to agent, in pairs one after the other on a fresh hotline each; "yields": seconds from the
first who waits until the last outbound call is begun, 0 where none is.

| run | campaign | lines when they came | median wait | longest wait | yields |
|---:|---|---:|---:|---:|---:|
{rows}
Median of all: {without:.2f} s without, {beside:.2f} s with a campaign: {change:+.1%}.
Aims: within 10 %; yields within 2 s.
"""


def page(command: str, pace: Pace, surges: Sequence[Surge]) -> str:
    without, beside = medians(surges)
    rows = "".join(f"| {' | '.join(_row(number, one))} |\n" for number, one in enumerate(surges, start=1))
    return _PAGE.format(
        command=command,
        cores=os.cpu_count(),
        cap=pace.cap,
        calls=pace.calls,
        seconds=pace.seconds,
        peak=pace.peak,
        mean=pace.mean,
        share=pace.share,
        callers=len(surges[0].waits),
        rows=rows,
        without=without,
        beside=beside,
        change=beside / without - 1,
    )


def show(pace: Pace, surges: Sequence[Surge]) -> None:
    console = Console()
    console.print(
        f"cap {pace.cap}: {pace.calls} calls in {pace.seconds:.0f} s, at most {pace.peak} lines, on average"
        f" {pace.mean:.2f} ({pace.share:.1%})"
    )
    table = Table(title="callers")
    for name in ("run", "campaign", "lines", "median wait", "longest wait", "yields"):
        table.add_column(name, justify="right")
    for number, one in enumerate(surges, start=1):
        table.add_row(*_row(number, one))
    console.print(table)
    without, beside = medians(surges)
    console.print(f"median {without:.2f} s without, {beside:.2f} s with a campaign ({beside / without - 1:+.1%})")


def _row(number: int, one: Surge) -> tuple[str, ...]:
    yields = f"{one.yielded:.2f}" if one.campaign else "–"
    return (
        str(number),
        "yes" if one.campaign else "no",
        str(one.lines),
        f"{one.median:.2f}",
        f"{max(one.waits):.2f}",
        yields,
    )
