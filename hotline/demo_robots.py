"""Robots that call the hotline for a demonstration: a process of its own, ``python -m hotline.demo_robots NUMBER…``.

Test citizens like those of ``hotline call``, so there are none once a real trunk is set. They press a key, wait for a
person, stay a while and hang up. Never an emergency number. At most :data:`LINES` at once, for :data:`HOURS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotline.phone import Line, PhoneBank, PhoneError, phone_python
from hotline.preflight import supervisor_runs
from hotline.process import Process, remembered
from hotline.rules import load_rules
from hotline.settings import CHECKOUT, Settings, load_settings

LINES = 2
HOURS = 2.0
NUMBERS = 8
KEYS = ("w4,1", "w4,2", "w4,3", "w6,1", "w5,0", "")
"""What they press; nothing: they wait until they are put through."""
TALK_SECONDS = (20.0, 60.0)
WAIT_SECONDS = 90.0
PAUSE_SECONDS = (5.0, 25.0)
MOST_FAULTS = 5
_NICE = 10
_END_SECONDS = 12.0
_PID = "demo-robots.pid"
_LOG = "demo-robots.log"


class Robots:
    """The process, whichever of ours started it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.run_dir / _PID
        self._until = settings.run_dir / "demo-robots.until"
        self._child: subprocess.Popen[bytes] | None = None

    def why_not(self) -> str:
        """Why none can call, in Chinese; empty if they can."""
        if self._settings.sip.trunk.host:
            return "已接入运营商线路，机器人不能来电"
        try:
            phone_python()
        except PhoneError:
            return "这台机器上没有机器人用的 SIP 电话"
        return ""

    def running(self) -> datetime | None:
        """Until when they call; None if none does."""
        if remembered(self._file) is None:
            return None
        try:
            return datetime.fromisoformat(self._until.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def start(self, numbers: list[str]) -> None:
        """Raises OSError."""
        until = datetime.now(UTC) + timedelta(hours=HOURS)
        self._until.write_text(until.isoformat(), encoding="ascii")
        self._settings.log_dir.mkdir(parents=True, exist_ok=True)
        with (self._settings.log_dir / _LOG).open("wb") as out:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "hotline.demo_robots", *numbers],
                cwd=CHECKOUT,
                env={**os.environ, "HOTLINE_HOME": str(self._settings.home)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(self._child.pid, self._child)
        process.remember(self._file)
        process.close()

    async def stop(self) -> bool:
        """Whether there were any. They hang up first."""
        pid = remembered(self._file)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            process = Process(pid, self._child if self._child is not None and self._child.pid == pid else None)
            try:
                process.signal(signal.SIGTERM)
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.signal(signal.SIGKILL, group=True)
                await process.wait()
            finally:
                process.close()
        self._file.unlink(missing_ok=True)
        return True


def new_numbers() -> list[str]:
    """E.164, of a block in which nobody's telephone is known to be."""
    return [f"+861990000{one:04}" for one in random.sample(range(10_000), NUMBERS)]


async def call_on(settings: Settings, numbers: list[str], stop: asyncio.Event, seconds: float) -> int:
    """Until ``stop``, or for so long; returns how many called. Raises PhoneError when there is no telephone."""
    dialled = sorted(load_rules().flows)[0]
    resting = list(numbers)
    called = 0

    async def one_line(bank: PhoneBank) -> None:
        nonlocal called
        faults = 0
        while not stop.is_set() and faults < MOST_FAULTS:
            number = resting.pop(random.randrange(len(resting)))
            try:
                line = await bank.call(
                    dialled,
                    bind=settings.sip.citizen_address,
                    from_user=number.removeprefix("+86"),
                    keys=random.choice(KEYS),
                    tone=440.0,
                )
                called += 1
                await _stay(line, stop)
                faults = 0
            except (PhoneError, TimeoutError):
                faults += 1
            finally:
                resting.append(number)
            await _rest(stop, random.uniform(*PAUSE_SECONDS))

    async with PhoneBank(settings.sip.bind, settings.sip.port) as bank:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for _ in range(LINES):
                    group.create_task(one_line(bank))
    return called


async def _stay(line: Line, stop: asyncio.Event) -> None:
    """Wait for a person, talk, hang up; or give up. Raises PhoneError for a call that did not come about."""
    waits = asyncio.ensure_future(stop.wait())
    talks = asyncio.ensure_future(_talk(line))
    try:
        await asyncio.wait({waits, talks}, return_when=asyncio.FIRST_COMPLETED)
        if talks.done():
            talks.result()
    finally:
        for one in (waits, talks):
            one.cancel()
        await line.hangup()


async def _talk(line: Line) -> None:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            seen = 0
            while (event := await line.next(seen)) is not None:
                seen += 1
                if event.event == "connected" and (event.detail or "").isdigit():
                    break
            else:
                return
    except TimeoutError:
        return
    await asyncio.sleep(random.uniform(*TALK_SECONDS))


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _main(settings: Settings, numbers: list[str]) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    watching = asyncio.create_task(_end_with_the_hotline(settings.run_dir, stop))
    began = time.monotonic()
    try:
        called = await call_on(settings, numbers, stop, HOURS * 3600)
    finally:
        watching.cancel()
    print(json.dumps({"called": called, "seconds": round(time.monotonic() - began)}))


async def _end_with_the_hotline(run_dir: Path, stop: asyncio.Event) -> None:
    if not supervisor_runs(run_dir):
        return  # somebody else keeps the parts: then the calls fail
    while supervisor_runs(run_dir):
        await asyncio.sleep(2.0)
    stop.set()


if __name__ == "__main__":
    os.nice(_NICE)
    asyncio.run(_main(load_settings(), sys.argv[1:]))
