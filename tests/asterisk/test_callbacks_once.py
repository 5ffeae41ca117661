"""Nobody is rung twice for one attempt, nobody is forgotten, whatever dies. The citizens' network keeps the count."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hotline.ami import DIALLER
from hotline.asterisk import ask, control_socket
from hotline.robots import RobotCall
from tests.asterisk.callbacks import LOOK_SECONDS, YESTERDAY, CallingHotline, Records, Row, records
from tests.asterisk.calling_hotline import INSTEAD

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

PEOPLE = 200
ROUNDS = 10
TRAPS = {1: "before", 3: "after", 5: "before", 6: "after", 8: "after"}
"""In these rounds a dialler dies at that very moment, in the others at any."""
LINES = 20


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallingHotline]:
    instance = CallingHotline(tmp_path_factory.mktemp("once"), callback={"lines": LINES, "per_second": 10.0})
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def found(hotline: CallingHotline) -> AsyncIterator[Records]:
    async with records(hotline) as opened:
        yield opened


class Second:
    """Another dialler of the same hotline."""

    def __init__(self, hotline: CallingHotline) -> None:
        self._hotline = hotline
        self._start()

    def _start(self) -> None:
        arguments = [word for module in INSTEAD["dialler_part"] for word in (module,)]
        with (self._hotline.home / "second.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments], env=self._hotline.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def keep(self) -> None:
        """Start it again where it died."""
        if self.process.poll() is not None:
            self._start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._start()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def second_dialler(hotline: CallingHotline) -> AsyncIterator[Second]:
    second = Second(hotline)
    try:
        yield second
    finally:
        second.end()


async def test_dialler_killed_ten_times_and_the_manager_connection_cut_ten_times(
    hotline: CallingHotline, found: Records, tmp_path: Path
) -> None:
    numbers = [f"138{n:08}" for n in range(PEOPLE)]
    async with hotline.robots(["138*1=busy", "138*2=r5,w1,h", "138*=r0.3,w2,h"]) as network:
        begin(hotline, "两百人", numbers, tmp_path)
        killed = cut = 0
        async with second_dialler(hotline) as second:
            for turn in range(ROUNDS):
                await attempts_are(found, (turn + 1) * PEOPLE // (ROUNDS + 2))
                if turn in TRAPS:
                    await spring(hotline, second, TRAPS[turn])
                elif turn % 2:
                    second.kill()
                else:
                    kill_first(hotline)
                killed += 1
                cut += await cut_ami(hotline)
            assert killed == ROUNDS
            assert cut >= ROUNDS
            targets = await everybody(hotline, found, second, 150)
        calls = network.calls()
    attempts = await found.attempts()
    assert_once(numbers, calls, targets, attempts)
    # Those that died before they asked, at least, were found out.
    lost = [row for row in attempts if row["outcome"] == "not_dialled"]
    assert len(lost) >= sum(trap == "before" for trap in TRAPS.values())
    assert len({row["dialler"] for row in attempts}) > 2


async def test_a_clock_that_jumps(hotline: CallingHotline, found: Records, tmp_path: Path) -> None:
    """An hour forward, then an hour back, with calls under way: what was written down lies in the past or to come."""
    numbers = [f"137{n:08}" for n in range(40)]
    old = {row["id"] for row in await found.attempts()}
    async with hotline.robots(["137*=r3,w1,h"]) as network:
        begin(hotline, "四十人", numbers, tmp_path)
        async with second_dialler(hotline) as second:
            for count, hours in ((5, -1), (20, 1)):
                await attempts_are(found, len(old) + count)
                jump = timedelta(hours=hours)
                assert await found.change("UPDATE outbound_pace SET filled_at = filled_at + :jump", jump=jump)
                assert await found.change(
                    "UPDATE callback_attempts SET claimed_at = claimed_at + :jump WHERE outcome IS NULL", jump=jump
                )
            targets = await everybody(hotline, found, second, 60)
        calls = network.calls()
    assert_once(numbers, calls, targets, [row for row in await found.attempts() if row["id"] not in old])


def begin(hotline: CallingHotline, name: str, numbers: list[str], folder: Path) -> None:
    file = folder / "numbers.csv"
    file.write_text("\n".join(["号码", *numbers]) + "\n")
    planned = hotline.hotline(
        "callback", "plan", name, "--kind", "list", "--file", str(file), "--lines", str(LINES), "--ring-seconds", "10",
        *YESTERDAY,
    )  # fmt: skip
    assert planned["to_ring"] == len(numbers)
    hotline.hotline("callback", "start", name)


async def attempts_are(found: Records, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await found.attempts()) < count:
            await asyncio.sleep(LOOK_SECONDS)


def kill_first(hotline: CallingHotline) -> None:
    """The supervisor starts it again by itself."""
    pid = hotline.state()["parts"]["dialler"]["pid"]
    with contextlib.suppress(ProcessLookupError):  # it may just be starting again
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


async def spring(hotline: CallingHotline, second: Second, name: str) -> None:
    hotline.trap(name)
    async with asyncio.timeout(60):
        while (hotline.home / "traps" / name).exists():
            await asyncio.sleep(LOOK_SECONDS)
            second.keep()


async def cut_ami(hotline: CallingHotline) -> bool:
    """Asterisk throws the diallers' manager connections out. Whether there was one."""
    control = control_socket(hotline.settings)
    async with asyncio.timeout(30):
        while True:
            shown = await ask(control, "manager show connected")
            sessions = re.findall(rf"^\s*{DIALLER}\s+\S+\s+\d+\s+\d+\s+(\d+)", shown, re.M)
            for session in sessions:
                await ask(control, f"manager kick session {session}")
            if sessions:
                return True
            await asyncio.sleep(LOOK_SECONDS)


async def everybody(hotline: CallingHotline, found: Records, second: Second, seconds: float) -> dict[str, Row]:
    """Once everybody was rung. Those that nobody dialled need not wait for their minute."""
    again = "UPDATE callback_targets SET next_at = now() WHERE state = 'waiting' AND attempts = 0 AND next_at > now()"

    def rung(targets: dict[str, Row]) -> bool:
        second.keep()
        return all(row["attempts"] > 0 and row["state"] != "calling" for row in targets.values())

    async with asyncio.timeout(seconds):
        while not rung(targets := await found.targets()):
            await found.change(again)
            await asyncio.sleep(LOOK_SECONDS)
    return targets


def assert_once(numbers: list[str], calls: list[RobotCall], targets: dict[str, Row], attempts: list[Row]) -> None:
    rings = Counter(call.number for call in calls)
    assert [number for number in numbers if rings[number] != 1] == []
    assert rings.keys() == set(numbers)
    counted = Counter(row["number"].removeprefix("+86") for row in attempts if row["outcome"] != "not_dialled")
    assert counted == rings
    assert all(targets[number]["attempts"] == 1 for number in numbers)
    assert all(row["applied"] and row["freed_at"] is not None for row in attempts)
    assert "unknown" not in {row["outcome"] for row in attempts}
