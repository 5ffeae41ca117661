"""``make bench``: measures, prints a table, and with ``--write`` puts it into docs/benchmarks.md."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.load import may_send_raw
from bench.report import Report, Run, machine
from bench.rigs import KINDS, Rig
from bench.search import GRID, climb, nearest, scout
from bench.step import Place, Step, run_step
from hotline.asterisk import find_asterisk
from hotline.preflight import raise_file_limit
from hotline.settings import CHECKOUT, SettingsError
from hotline.trial import TrialError, free_ports

PAGE = CHECKOUT / "docs" / "benchmarks.md"
SCOUT_SECONDS = 10.0
MOST_LOOKS = 8
MOST_STEPS = 5
"""A climb. With three runs of three IVRs and 60 s a step this stays within three quarters of an hour."""
FIRST_GUESS = {"hotline": 80.0, "dialplan": 100.0, "process": 12.0}
Say = Callable[[str], None]


@click.command()
@click.option("--step-seconds", default=60.0, show_default=True, type=click.FloatRange(5, 600))
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1, 9))
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="Measure these IVRs only.")
@click.option("--rate", type=click.IntRange(1, 2000), help="Hold this one rate instead of looking for the highest.")
@click.option("--quick", is_flag=True, help="One run with steps of 10 s: to try it out, not to quote.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end instead of a table.")
def main(
    step_seconds: float, runs: int, only: tuple[str, ...], rate: int | None, quick: bool, write: bool, as_json: bool
) -> None:
    """How many calls per second this machine carries, against two plain alternatives."""
    if quick:
        step_seconds, runs = min(step_seconds, 10.0), 1

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    try:
        asterisk = find_asterisk()
        if asterisk.sipp is None:
            raise click.ClickException("SIPp is not on this machine: install sip-tester, then `make bench` again")
        raise_file_limit()
        with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
            bench = Bench(Path(folder), asterisk.sipp, step_seconds, say)
            found = bench.measure(list(only or KINDS), runs, rate)
    except (SettingsError, TrialError) as error:
        raise click.ClickException(str(error)) from error
    report = Report(step_seconds, found, machine(asterisk.version), _settings())
    if write:
        PAGE.write_text(report.markdown(), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        click.echo("\n".join(["", *report.table(), "", *report.verdict(), "", *report.costs()]))
    if not all(run.best for run in found):
        sys.exit(1)


def _settings() -> dict[str, str]:
    return {
        "key": "RFC 4733 (SIPp plays packets)" if may_send_raw() else "SIP INFO (SIPp may not use raw sockets here)",
        "recording": "on, MixMonitor option D, in all three",
        "channel event log (CEL) and queue_log": "on, in all three",
        "database": "embedded PostgreSQL, fsync and synchronous_commit on",
    }


class Bench:
    """Every IVR is started anew for every run, in a folder of its own, and removed afterwards."""

    def __init__(self, folder: Path, sipp: Path, step_seconds: float, say: Say) -> None:
        self._folder = folder
        self._sipp = sipp
        self._seconds = step_seconds
        self._say = say
        self._start: dict[str, int] = {}

    def measure(self, kinds: list[str], runs: int, rate: int | None) -> list[Run]:
        """Run by run, the IVRs one after the other within each, so that a slow minute of the machine hits all alike."""
        found = []
        for number in range(1, runs + 1):
            for kind in kinds:
                self._say(f"run {number} of {runs}: {kind}")
                found.append(self._run(kind, f"{kind}-{number}", rate))
                self._say(f"  → {found[-1].best} calls/s")
        return found

    def _run(self, kind: str, name: str, rate: int | None) -> Run:
        steps: list[Step] = []
        with Rigs(kind, self._folder / name) as rigs:

            def attempt(calls: int, seconds: float, kept: bool) -> bool:
                sip, media, probe = free_ports(3)
                rig = rigs.ready()
                place = Place(self._sipp, self._folder / "sipp", rig.settings.sip.citizen_address, sip, media, probe)
                step = run_step(rig, place, calls, seconds)
                self._say(f"  {time.strftime('%H:%M:%S')} {_line(step)}")
                if kept:
                    steps.append(step)
                if not step.passed:
                    rigs.discard()
                return step.passed

            if rate is not None:
                best = rate if attempt(rate, self._seconds, True) else 0
            else:
                if kind not in self._start:
                    seconds = min(SCOUT_SECONDS, self._seconds)
                    self._start[kind] = max(
                        0, scout(lambda one: attempt(one, seconds, False), FIRST_GUESS[kind], MOST_LOOKS) - 1
                    )
                index = climb(lambda one: attempt(one, self._seconds, True), self._start[kind], MOST_STEPS)
                best = 0 if index is None else GRID[index]
                self._start[kind] = max(0, (nearest(best) if best else self._start[kind] - 3) - 1)
        return Run(kind, best, steps)


class Rigs:
    """A fresh instance after every step that failed: callers left over from an overload would spoil the next."""

    def __init__(self, kind: str, home: Path) -> None:
        self._kind = kind
        self._home = home
        self._count = 0
        self._rig: Rig | None = None

    def __enter__(self) -> Rigs:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def ready(self) -> Rig:
        if self._rig is None:
            self._count += 1
            self._rig = Rig(self._kind, self._home.with_name(f"{self._home.name}-{self._count}"))
            self._rig.start()
        return self._rig

    def discard(self) -> None:
        if self._rig is not None:
            self._rig.stop()
            self._rig = None


def _line(step: Step) -> str:
    spent = ", ".join(f"{part} {ms:.1f}" for part, ms in step.cpu_ms.items() if ms)
    head = f"{step.rate:>4}/s for {step.seconds:g} s: {'passed' if step.passed else 'FAILED'}"
    heard = f"first prompt p95 {step.prompt_ms['p95']:.0f} ms, {step.peak} at once"
    why = "" if step.passed else " — " + "; ".join(step.failures)
    return f"{head}, {heard}, CPU ms a call: {spent}{why}"


if __name__ == "__main__":
    main()
