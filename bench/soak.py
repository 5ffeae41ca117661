"""``python -m bench.soak``: an hour's worth of spoken calls at one voice server, faster than a telephone. Does it grow?

The voice server is the real process with the real engine; Asterisk's part is played over its two sockets.
"""

from __future__ import annotations

import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.progress import Progress

from bench.ears_sound import hiss
from bench.meter import resident_mb
from bench.soak_peer import Caller
from bench.spoken_load import sentences
from hotline.settings import CHECKOUT
from hotline.trial import Trial
from speech.wav import read

PAGE = CHECKOUT / "docs" / "benchmarks-soak.md"
LOOKS = 10
START_SECONDS = 60.0
WARM = 0.2
"""Of the calls: what is taken for good by then is no growth."""


@dataclass(frozen=True)
class Look:
    calls: int
    memory_mb: float
    threads: int
    files: int


def look(pid: int, calls: int) -> Look:
    threads, files = (len(os.listdir(f"/proc/{pid}/{what}")) for what in ("task", "fd"))
    return Look(calls, round(resident_mb(pid), 1), threads, files)


async def soak(trial: Trial, pid: int, calls: int, at_once: int, speed: float) -> tuple[list[Look], Counter[str]]:
    """All calls, ``at_once`` at any time; looks at the server between them, when none is under way."""
    noise = np.random.default_rng(1)
    quiet = hiss(noise, 20.0)
    voices = [hiss(noise, 0.4) + read(path) + hiss(noise, 2.0) for path in sentences()]
    decided: Counter[str] = Counter()
    looks: list[Look] = []
    waiting = iter(range(calls))
    done = 0

    async def caller(share: int) -> None:
        nonlocal done
        for _ in range(share):
            number = next(waiting)
            one = Caller(trial.agi, trial.speech, number, random.Random(number).choice(voices), quiet, speed)
            async with asyncio.timeout(60):
                await one.call()
            deaf = any(event.startswith("SPEECH,") for event in one.events)
            decided["keys alone: recognition was late" if deaf else one.decision.rpartition(":")[2] or "nobody"] += 1
            done += 1
            progress.update(bar, completed=done)

    with Progress() as progress:
        bar = progress.add_task("calls", total=calls)
        per_look = calls // LOOKS
        for _ in range(LOOKS):
            shares = [per_look // at_once + (number < per_look % at_once) for number in range(at_once)]
            async with asyncio.TaskGroup() as group:
                for share in shares:
                    group.create_task(caller(share))
            looks.append(look(pid, done))
    return looks, decided


@click.command()
@click.option("--calls", default=600, show_default=True, help="An hour of 3 lines with calls of 18 s.")
@click.option("--at-once", default=3, show_default=True, help="Times the speed: what the engine has to bear.")
@click.option("--speed", default=4.0, show_default=True, help="Times as fast as a telephone.")
@click.option("--engine", default="whisper", show_default=True)
@click.option("--write", is_flag=True, help=f"Write {PAGE.relative_to(CHECKOUT)}.")
def main(calls: int, at_once: int, speed: float, engine: str, write: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="hotline-soak-") as folder:
        trial = Trial(Path(folder), speech={"engine": engine, "max_calls": at_once})
        log = Path(folder) / "voice.log"
        with log.open("wb") as out:
            voice = subprocess.Popen(
                [sys.executable, "-m", "hotline.voice"], env=trial.environment, cwd=CHECKOUT, stdout=out, stderr=out
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while "listening with" not in log.read_text():
                if voice.poll() is not None or time.monotonic() > deadline:
                    raise click.ClickException("the voice server does not listen:\n" + log.read_text()[-2000:])
                time.sleep(0.1)
            began = time.monotonic()
            looks, decided = asyncio.run(soak(trial, voice.pid, calls, at_once, speed))
            seconds = time.monotonic() - began
        finally:
            voice.terminate()
            voice.wait(20)
    text = page(looks, decided, seconds, f"--calls {calls} --at-once {at_once} --speed {speed:g} --engine {engine}")
    click.echo(text)
    if write:
        PAGE.write_text(text, encoding="utf-8")


def page(looks: list[Look], decided: Counter[str], seconds: float, options: str) -> str:
    """The page of docs/."""
    warm = next(one for one in looks if one.calls >= looks[-1].calls * WARM)
    last = looks[-1]
    rows = "\n".join(f"| {one.calls} | {one.memory_mb} | {one.threads} | {one.files} |" for one in looks)
    growth = f"threads {last.threads - warm.threads:+d}, files {last.files - warm.files:+d}"
    ends = ", ".join(f"{by} {count}" for by, count in decided.most_common())
    return f"""# An hour of spoken calls at one voice server

`python -m bench.soak {options} --write`, {os.cpu_count()} cores, Python {platform.python_version()}.

The real voice server with the real engine; Asterisk's part is played over its two sockets, faster than a telephone.
Looked at between the calls, when none is under way.

| calls so far | memory, MB | threads | open files |
|---|---|---|---|
{rows}

{last.calls} calls in {seconds:.0f} s. Decided by: {ends}.
From the {warm.calls}th to the last: memory {last.memory_mb - warm.memory_mb:+.1f} MB, {growth}.
"""


if __name__ == "__main__":
    main()
