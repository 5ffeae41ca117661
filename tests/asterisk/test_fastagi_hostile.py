"""200 hostile sockets on the FastAGI port while 20 calls go on."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.fastagi import FastAgiLeg, FastAgiServer
from ivr.fastagi_probe import probe
from ivr.leg import CallerHungUp
from tests.asterisk.bare import Bare, bare_asterisk

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]

CALLS = 20
REPLIES = 60
"""Timed replies in each call."""
UNNOTICED = 0.02
"""Seconds of delay that no caller notices, whatever the ratio; below it a busy machine's noise decides."""


class Timed:
    """A dialogue that times its replies; the hostile "calls" that end in mid-command are not counted."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.finished = 0

    async def run(self, leg: FastAgiLeg) -> None:
        clock = asyncio.get_running_loop().time
        try:
            for _ in range(REPLIES):
                begin = clock()
                await leg.set_variable("DECISION", "queue:general:other:key")
                if leg.call_id != "hostile":
                    self.seconds.append(clock() - begin)
                await leg.wait_digit(50)
            self.finished += 1
        except CallerHungUp:
            assert leg.call_id == "hostile"
            raise


@asynccontextmanager
async def hostile(port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("hostile_sockets.py")), str(port), "200"
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def live_calls(bare: Bare, timed: Timed) -> float:
    """20 calls at once, each to its end; the 99th percentile of their replies in seconds."""
    timed.seconds, timed.finished = [], 0
    ringing = [await bare.call() for _ in range(CALLS)]
    for event in await asyncio.gather(*ringing):
        assert event["Response"] == "Success"
    for _ in range(CALLS):
        after = await bare.events.get()
        assert (after["UserEvent"], after["Decision"]) == ("AfterAgi", "queue%3Ageneral%3Aother%3Akey")
    assert timed.finished == CALLS
    assert len(timed.seconds) == CALLS * REPLIES
    return statistics.quantiles(timed.seconds, n=100)[98]


async def test_live_calls_do_not_notice(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    timed = Timed()
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(100):
        server = FastAgiServer({"test": timed.run}, seconds=lambda sound: 1.0, port=bare.agi)
        await server.start()
        await live_calls(bare, timed)  # warm
        quiet, attacked = [], []
        for _ in range(3):
            quiet.append(await live_calls(bare, timed))
            before = server.stats.hostile
            async with hostile(bare.agi):
                while server.stats.hostile < before + 200:
                    assert await probe("127.0.0.1", bare.agi)
                    await asyncio.sleep(0.05)
                attacked.append(await live_calls(bare, timed))
                assert await probe("127.0.0.1", bare.agi)
        record_property("p99_ms", {"quiet": [q * 1000 for q in quiet], "attacked": [a * 1000 for a in attacked]})
        print(f"p99 of {CALLS * REPLIES} replies, s: quiet {quiet}, attacked {attacked}, {server.stats}")
        # The best round of each is the one that other work on this machine disturbed least.
        assert min(attacked) < max(2 * min(quiet), UNNOTICED)
        assert server.stats.failed == 0
        await server.stop(2)
        assert server.stats.open == 0
