"""Callbacks on a real hotline with robot citizens: ``python -m bench.callbacks``.

Two questions: whether outbound calls hold their cap, and never more, for as long as anybody is left to be rung; and
what citizens who call in feel of a campaign at its cap. Both are answered from Asterisk's own event log afterwards.
Within the hours in which people may be rung (08:00-21:00 in China): a campaign rings at no other time.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import text

from bench.callbacks_log import (
    Span,
    callers,
    filled,
    longest_wait,
    mean,
    our_calls,
    peak,
    read_log,
    yielded_after,
)
from bench.callbacks_page import Pace, Surge, page, show
from callback.campaign import EARLIEST, LATEST
from hotline.agent_state import login, logout
from hotline.db import open_engine
from hotline.phone import PhoneBank
from hotline.preflight import raise_file_limit
from hotline.robot_network import RobotNetwork
from hotline.robots import parse_rule
from hotline.secrets import load_secrets
from hotline.settings import CHECKOUT
from hotline.trial import Trial, free_ports
from tickets.number import CHINA

PAGE = CHECKOUT / "docs" / "benchmarks-callbacks-real.md"
HOURS = "08:00-21:00"
WAYS = ("139*0=busy", "139*5=no-answer", "139*=r2,w4,h")
"""A tenth of the citizens is busy, a tenth does not answer (10 s), the others pick up after 2 s and go after 4 more."""
PER_SECOND = 6.0
CALLERS, AGENTS, TALK_SECONDS = 20, 5, 4.0
SETTLE_SECONDS = 5.0
"""Between a campaign's reaching its cap and the callers."""


@click.command()
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.5, 60))
@click.option("--lines", default=20, show_default=True, type=click.IntRange(2, 100))
@click.option("--pairs", default=3, show_default=True, type=click.IntRange(1, 20), help="Surges with and without.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks-callbacks-real.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(minutes: float, lines: int, pairs: int, write: bool, as_json: bool) -> None:
    """Pace against cap, and what callers feel of a campaign."""
    if not EARLIEST <= datetime.now(CHINA).time() < LATEST:
        raise click.ClickException(f"people may be rung between {HOURS} (Asia/Shanghai) only, in a trial, too")
    raise_file_limit()
    pace, surges = asyncio.run(_measure(minutes * 60, lines, pairs))
    if as_json:
        click.echo(json.dumps({"pace": asdict(pace), "surges": [asdict(one) for one in surges]}))
    else:
        show(pace, surges)
    if write:
        command = f"python -m bench.callbacks --minutes {minutes:g} --lines {lines} --pairs {pairs} --write"
        PAGE.write_text(page(command, pace, surges), encoding="utf-8")


async def _measure(seconds: float, lines: int, pairs: int) -> tuple[Pace, list[Surge]]:
    async with _hotline(lines) as trial:
        pace = await hold_pace(trial, lines, seconds)
    surges = []
    for turn in range(pairs):
        # The order changes, so that a slow minute of the machine favours neither.
        for campaign in (False, True) if turn % 2 == 0 else (True, False):
            async with _hotline(lines) as trial:
                surges.append(await surge(trial, lines, campaign))
    return pace, surges


@asynccontextmanager
async def _hotline(lines: int) -> AsyncIterator[Trial]:
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        address = f"127.0.0.11:{free_ports(1)[0]}"
        trial = Trial(Path(folder) / "home", callback=settings(address, lines))
        await asyncio.to_thread(trial.start)
        try:
            async with RobotNetwork(Path(folder) / "robots", address, [parse_rule(way) for way in WAYS]):
                yield trial
        finally:
            await asyncio.to_thread(trial.stop)


def settings(address: str, lines: int) -> dict[str, object]:
    """``[callback]`` of the trial."""
    return {"test_network": address, "lines": lines, "per_second": PER_SECOND}


async def hold_pace(trial: Trial, lines: int, seconds: float, *more: str) -> Pace:
    """Run a campaign that has more than enough people for ``seconds``, then pause it. ``more``: options of its plan."""
    # At most one call every 6 s of a line (its shortest but for the busy ones), with half as many again.
    people = round(lines * seconds / 5 * 1.5) + lines
    name = await begin(trial, lines, people, *more)
    # Whatever is being rung when it is paused may ring for its 10 s.
    await asyncio.sleep(seconds)
    left = await _waiting(trial)
    assert left, "the list was too short"
    last = time.time()
    await asyncio.to_thread(trial.hotline, "callback", "pause", name)
    spans = await _all_over(trial)
    within = filled(spans, lines, last)
    return Pace(lines, len(spans), within.seconds, mean(spans, within), peak(spans))


async def begin(trial: Trial, lines: int, people: int, *more: str) -> str:
    """A campaign of ``people`` numbers, started."""
    name = "试跑"
    file = trial.home / "numbers.csv"
    file.write_text("号码\n" + "".join(f"139{n:08}\n" for n in range(people)))
    plan = ["--kind", "list", "--file", str(file), "--lines", str(lines), "--attempts", "1", "--ring-seconds", "10"]
    await asyncio.to_thread(trial.hotline, "callback", "plan", name, *plan, *(more or ("--hours", HOURS)))
    await asyncio.to_thread(trial.hotline, "callback", "start", name)
    return name


async def surge(trial: Trial, lines: int, campaign: bool) -> Surge:
    """Twenty callers at once, who want a person by key; five agents, each with 4 s for every one of them."""
    if campaign:
        await begin(trial, lines, lines * 40)
        async with asyncio.timeout(60):
            while await _lines(trial) < lines:
                await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLE_SECONDS)
    came = await _lines(trial)
    await _callers(trial)
    if campaign:
        await asyncio.to_thread(trial.hotline, "callback", "pause", "试跑")
        await _all_over(trial)
    log = read_log(trial.settings.cel_file)
    found = callers(log)
    assert len(found) == CALLERS, f"{len(found)} of {CALLERS} callers reached an agent"
    waits = tuple(round(one.wait, 3) for one in found)
    return Surge(campaign, waits, came, round(yielded_after(our_calls(log), longest_wait(found)), 3))


async def _callers(trial: Trial) -> None:
    """All at once, each until an agent has talked to it."""
    agents = [str(1001 + n) for n in range(AGENTS)]
    passwords = load_secrets(trial.settings).agents
    async with PhoneBank("127.0.0.1", trial.sip) as bank:
        for agent in agents:
            script: dict[str, Any] = {"answer_after": 0.2, "for": TALK_SECONDS}
            await bank.register(agent, passwords[agent], **script)
            await login(trial.settings, agent)
        address = trial.settings.sip.citizen_address
        lines = [
            await bank.call("12345", bind=address, from_user=f"1380000{n:04}", keys="w1.5,0") for n in range(CALLERS)
        ]
        for line in lines:
            await line.ended(120)
        for agent in agents:
            await logout(trial.settings, agent)


async def _lines(trial: Trial) -> int:
    async with open_engine(trial.settings, pool_size=1) as engine, engine.connect() as connection:
        query = text("SELECT count(*) FROM callback_attempts WHERE freed_at IS NULL")
        return int(await connection.scalar(query) or 0)


async def _waiting(trial: Trial) -> int:
    async with open_engine(trial.settings, pool_size=1) as engine, engine.connect() as connection:
        query = text("SELECT count(*) FROM callback_targets WHERE state = 'waiting' AND attempts = 0")
        return int(await connection.scalar(query) or 0)


async def _all_over(trial: Trial) -> list[Span]:
    """The calls of ours, once none is under way."""
    async with asyncio.timeout(60):
        while await _lines(trial):
            await asyncio.sleep(0.2)
    return our_calls(read_log(trial.settings.cel_file))


if __name__ == "__main__":
    main()
