"""What ``bench.tickets`` found, as a table for the terminal and as a page."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Answer:
    """Milliseconds; ``plans``: what the database did, ``faults``: whole tables it read."""

    name: str
    median: float
    worst: float
    plans: list[str]
    faults: list[str]


_HEAD = """\
# A book of {count:,} tickets 百万工单

`python -m bench.tickets --count {count} --write`: an embedded PostgreSQL with the configuration of `hotline run` (64 MB
of shared buffers) on {cores} cores, filled in {filled:.0f} s ({size}). Each question is asked {runs} times with other
values; milliseconds from Python to Python, reading the rows' lives included. The plans are those that the database
reports (auto_explain) once the statements are prepared; the run fails if one of them reads a whole table. "of n": what
a filter looked at.

| question | median ms | worst ms | rows by index |
|---|---:|---:|---|
"""


def page(answers: list[Answer], count: int, filled: float, runs: int, size: str) -> str:
    head = _HEAD.format(count=count, filled=filled, size=size, cores=os.cpu_count(), runs=runs)
    lines = []
    for one in answers:
        told = [plan for plan in dict.fromkeys(one.plans) if plan != "ModifyTable"]
        lines.append(f"| {one.name} | {one.median:.1f} | {one.worst:.1f} | {'<br>'.join(told)} |\n")
    return head + "".join(lines)


def show(answers: list[Answer], plans: bool) -> None:
    table = Table(title="tickets")
    for name in ("question", "median ms", "worst ms", *(["plan"] if plans else [])):
        table.add_column(name, justify="right" if name.endswith("ms") else "left", overflow="fold")
    for one in answers:
        shown = [one.name, f"{one.median:.1f}", f"{one.worst:.1f}"]
        table.add_row(*shown, *(["\n".join(one.plans)] if plans else []))
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)
