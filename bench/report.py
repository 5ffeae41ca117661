"""What the benchmark found, as JSON and as docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.step import Step

NAMES = {
    "hotline": "this project: FastAGI voice server, worker, PostgreSQL",
    "dialplan": "pure dialplan (`Read()`), no Python, nothing written but Asterisk's log",
    "process": "a process per call: AGI script with pyst2, nothing written but Asterisk's log",
}
TARGETS = {"dialplan": 0.8, "process": 6.0}
"""This project's rate divided by that of the other."""


@dataclass
class Run:
    """One climb of one IVR. ``best``: calls a second, 0 when no step passed."""

    kind: str
    best: int
    steps: list[Step]

    @property
    def best_step(self) -> Step | None:
        return next((step for step in self.steps if step.passed and step.rate == self.best), None)


@dataclass
class Report:
    step_seconds: float
    runs: list[Run]
    machine: Mapping[str, str]
    settings: Mapping[str, str]

    def median(self, kind: str) -> float:
        return float(statistics.median([run.best for run in self.runs if run.kind == kind] or [0]))

    def ratios(self) -> dict[str, float]:
        """This project's median divided by each other's."""
        return {kind: round(self.median("hotline") / self.median(kind), 2) for kind in TARGETS if self.median(kind) > 0}

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": dict(self.machine),
            "settings": dict(self.settings),
            "step_seconds": self.step_seconds,
            "median": {kind: self.median(kind) for kind in NAMES},
            "ratios": self.ratios(),
            "targets": TARGETS,
            "runs": [
                {
                    "kind": run.kind,
                    "best": run.best,
                    "steps": [step.as_json() for step in run.steps],
                }
                for run in self.runs
            ],
        }

    def table(self) -> list[str]:
        lines = [
            "| IVR | calls/s held, each run | median | first prompt p95 | at once | CPU cores | memory of Asterisk |",
            "|---|---|---|---|---|---|---|",
        ]
        for kind, name in NAMES.items():
            if step := self._typical(kind):
                each = ", ".join(str(run.best) for run in self.runs if run.kind == kind)
                lines.append(
                    f"| {name} | {each} | **{self.median(kind):g}** | {step.prompt_ms['p95']:.0f} ms | {step.peak}"
                    f" | {step.cores:.2f} | {step.memory_mb.get('asterisk', 0):.0f} MB |"
                )
        return lines

    def costs(self) -> list[str]:
        parts = ("asterisk", "asterisk's children", "voice", "worker", "postgres", "sipp")
        lines = [
            "| CPU ms a call | Asterisk | scripts | voice server | worker | PostgreSQL | sum | SIPp |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for kind in NAMES:
            if step := self._typical(kind):
                spent = [step.cpu_ms.get(part, 0.0) for part in parts]
                cells = [f"{one:.1f}" for one in (*spent[:-1], sum(spent[:-1]), spent[-1])]
                lines.append(f"| {kind}, at {step.rate}/s | " + " | ".join(cells) + " |")
        return lines

    def verdict(self) -> list[str]:
        return [
            f"- {self.ratios()[kind]:g} × {kind} (aim: at least {aim:g})"
            for kind, aim in TARGETS.items()
            if kind in self.ratios()
        ]

    def _typical(self, kind: str) -> Step | None:
        """The best step of the run that is the median, or next to it."""
        runs = sorted((run for run in self.runs if run.kind == kind and run.best_step), key=lambda run: run.best)
        return runs[(len(runs) - 1) // 2].best_step if runs else None

    def markdown(self) -> str:
        typical = self._typical("hotline")
        rows = {table: count / typical.calls for table, count in typical.rows.items()} if typical else {}
        runs = max(1, sum(run.kind == "hotline" for run in self.runs))
        return _PAGE.format(
            command=f".venv/bin/python -m bench --step-seconds {self.step_seconds:g} --runs {runs} --write",
            seconds=self.step_seconds,
            table="\n".join(self.table()),
            verdict="\n".join(self.verdict()),
            costs="\n".join(self.costs()),
            rows=", ".join(f"{table} {count:.1f}" for table, count in rows.items()),
            machine="\n".join(f"- {name}: {value}" for name, value in self.machine.items()),
            settings="\n".join(f"- {name}: {value}" for name, value in self.settings.items()),
            steps="\n".join(self._steps()),
        )

    def _steps(self) -> list[str]:
        lines = ["| run | IVR | calls/s | result |", "|---|---|---|---|"]
        number = dict.fromkeys(NAMES, 0)
        for run in self.runs:
            number[run.kind] += 1
            for step in run.steps:
                result = "passed" if step.passed else "; ".join(step.failures)
                lines.append(f"| {number[run.kind]} | {run.kind} | {step.rate} | {result} |")
        return lines


def machine(asterisk_version: Sequence[int]) -> dict[str, str]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": f"{model}, {len(os.sched_getaffinity(0))} cores; SIPp and the probe run on them, too",
        "memory": f"{memory:.0f} GB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "Asterisk": ".".join(map(str, asterisk_version)),
    }


_PAGE = """\
# Benchmark

Other pages: [tickets](benchmarks-tickets.md), [recognition](benchmarks-ears.md),
spoken calls with [Whisper](benchmarks-spoken-whisper.md) and [Vosk](benchmarks-spoken-vosk.md),
[an hour of them](benchmarks-soak.md), [callbacks on a real hotline](benchmarks-callbacks-real.md),
[the year of a province, simulated](benchmarks-callbacks.md), [the live state of the floor](benchmarks-floor.md),
[the web pages](benchmarks-pages.md).

Written by `{command}` (`make bench` measures with 60 s and three runs and only
shows it; `--quick` tries it out in five minutes).
How many calls a second three IVRs carry on one machine, under the same SIPp load, one after the other, on the same
Asterisk with the same configuration.

{table}

This project carries:

{verdict}

{costs}

Database rows written a call: {rows}.

## What a call is

Answer, recording, the greeting; the key `2` after 2.5 s (RFC 4733); decision; the queue `complaint`, where one agent is
logged in and on a break; the caller hangs up 0.7 s later: 3.3 s. The caller sends two packets of voice at once and the
key, and otherwise listens. All three IVRs record (MixMonitor with `D`, both sides), write the same channel events (CEL)
and use the very same dialplan for recording and queue (`asterisk_conf/extensions.conf.j2`); only who talks to the
caller differs (`bench/bench.conf`). Only this project writes calls, timelines, tickets and converted recordings.

## When a step passes

- The rate is held for {seconds:g} s, and no call fails. A call fails, too, when it does not reach the queue by its key.
- The first prompt begins within 300 ms of the answer for 95 % of the calls of a second caller program
  (`bench/probe.py`, 3 calls/s beside the load; times stamped by the kernel).
- This project only: at the end of the window the database is at most 2 s behind Asterisk's log and at most 15 s behind
  with converting recordings (5 s of which are waited on purpose), and the same holds after the last call:
  every call is there, ended, decided by key, with its ticket.

Rates rise in steps of 5 % until a step fails. CPU is counted from /proc, threads and ended children included.

## Settings

{settings}

## Machine

{machine}

## Every step

{steps}
"""
