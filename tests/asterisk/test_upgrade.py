"""A new version takes over while twenty callers are everywhere and others arrive: nobody notices."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hotline.phone import Line
from hotline.rules import FLOWS
from ivr.prompts import FOLDER as PROMPTS
from tests.asterisk.phones import Phones
from tests.asterisk.records import all_calls, all_tickets, call_of, events
from tests.asterisk.sound import Samples, level, read_wav, tone_share
from tests.asterisk.spoken import SENTENCE, Spoken, sound_begins

pytestmark = [pytest.mark.asterisk, pytest.mark.alone, pytest.mark.timeout(240)]
TALK, QUEUE, MENU, SILENT = 4, 6, 7, 3
TONE = 880
CALLED = 25
"""Seconds that each of them lasts."""
QUEUES = ("help", "consultation", "complaint", "agents")
EVERY = 0.5
"""Seconds between two callers who arrive during the upgrade."""
GREETED = 5.0
"""Seconds that the greeting lasts."""
NOTICED = 0.3
"""Seconds of silence that somebody notices who listens to music or to a voice."""


class Renewed(Spoken):
    program = "tests.asterisk.renewed_hotline"


class Upgrade:
    """``hotline upgrade`` as an operator runs it."""

    def __init__(self, instance: Renewed) -> None:
        self._instance = instance
        self.lines: list[str] = []
        self.error = ""

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hotline", "upgrade",
            env=self._instance.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def until(self, beginning: str) -> None:
        assert self.process.stdout is not None
        while not any(line.startswith(beginning) for line in self.lines):
            line = await self.process.stdout.readline()
            assert line, (await self.end(), self.lines, self.error)
            self.lines.append(line.decode().strip())

    async def end(self) -> int:
        out, err = await self.process.communicate()
        self.lines += [line.strip() for line in out.decode().splitlines()]
        self.error = err.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@pytest.fixture(scope="module")
def renewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewed]:
    instance = Renewed(tmp_path_factory.mktemp("renewed"), speech={"transcripts": False})
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def callers(renewed: Renewed) -> AsyncIterator[Phones]:
    async with Phones(renewed) as opened:
        yield opened


def new_version(instance: Renewed) -> None:
    """Who presses 3 gets to the queue of those who press 1; and the dialplan is another one."""
    shutil.copytree(FLOWS, instance.home / "flows")
    flow = instance.home / "flows" / "12345.yaml"
    changed = flow.read_text().replace('"3": {label: 求助, queue: help,', '"3": {label: 求助, queue: consultation,')
    assert changed != flow.read_text()
    flow.write_text(changed)
    settings = instance.home / "settings.toml"
    settings.write_text(settings.read_text().replace("[emergency]\n", "[emergency]\nring_seconds = 7\n"))


async def in_talk_and_queue(phones: Phones, folder: Path) -> list[Line]:
    for number in range(TALK):
        await phones.agent(f"100{number + 1}", tone=TONE)
    talk = [await phones.citizen(f"1391111{n:04d}", keys="w0.3,1", record=folder / f"talk{n}.wav") for n in range(TALK)]
    for line in talk:
        await connected(line, "10")
    queue = [
        await phones.citizen(f"1391112{n:04d}", keys="w0.3,2", record=folder / f"queue{n}.wav") for n in range(QUEUE)
    ]
    for line in queue:
        await line.wait("connected", 30, detail="complaint")
    return [*talk, *queue]


async def in_menu(phones: Phones, folder: Path) -> tuple[list[Line], list[Line]]:
    """Without a word so far, and by keys; all have heard the greeting by now."""
    silent = [await phones.citizen(f"1391114{n:04d}", record=folder / f"silent{n}.wav") for n in range(SILENT)]
    menu = [await phones.citizen(f"1391113{n:04d}", keys="w6.5,*") for n in range(MENU)]
    for n in range(MENU):
        await call_of(phones.instance, f"1391113{n:04d}", until="key")
    return menu, silent


async def connected(line: Line, beginning: str, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not any(e.event == "connected" and (e.detail or "").startswith(beginning) for e in line.events):
            await line.next(len(line.events))


async def arriving(phones: Phones, upgraded: asyncio.Event) -> list[Line]:
    """Two a second, until the upgrade is over. They press 3, and hang up in the queue they get to."""
    lines = []
    for n in itertools.count():
        lines.append(await phones.dial(f"1391115{n:04d}", keys="w1.2,3", seconds=CALLED))
        try:
            async with asyncio.timeout(EVERY):
                await upgraded.wait()
            return lines
        except TimeoutError:
            pass
    raise AssertionError


async def test_nobody_notices(renewed: Renewed, callers: Phones, tmp_path: Path) -> None:
    renewed.hears("我家停水两天了")
    in_long_legs = await in_talk_and_queue(callers, tmp_path)
    before = {part: renewed.pid(part) for part in renewed.state()["parts"]}
    supervisor = renewed.state()["pid"]
    new_version(renewed)
    (renewed.home / "hold").touch()
    upgrade, upgraded = Upgrade(renewed), asyncio.Event()
    await upgrade.start()
    await upgrade.until("asterisk  reloaded")
    coming = asyncio.create_task(arriving(callers, upgraded))
    menu, silent = await in_menu(callers, tmp_path)
    (renewed.home / "hold").unlink()
    await upgrade.until("voice     new")
    # The old server serves these to the end, by its own menu.
    for line in menu:
        await line.do("keys", keys="3")
    for line in silent:
        await line.do("say", file=str(SENTENCE))
    await upgrade.until("worker    new")
    upgraded.set()
    arrived = await coming
    assert await upgrade.end() == 0, (upgrade.lines, upgrade.error)
    after = {part: renewed.pid(part) for part in renewed.state()["parts"]}
    assert renewed.state()["pid"] == supervisor
    assert {part for part in before if before[part] == after[part]} == {"asterisk", "postgres"}
    assert any(line.startswith("asterisk  reloaded") and "extensions.conf" in line for line in upgrade.lines)

    by_old = [await reached(line) for line in (*menu, *silent)]
    numbers = [*(f"1391113{n:04d}" for n in range(MENU)), *(f"1391114{n:04d}" for n in range(SILENT))]
    strays = [number for number, queue in zip(numbers, by_old, strict=True) if queue != "help"]
    assert not strays, [(await call_of(renewed, number, until="key"))["timeline"] for number in strays]
    by_keys = await callers.citizen("13911160000", keys="w1.5,3")
    assert await reached(by_keys) == "consultation"
    by_words = await callers.citizen("13911160001", say=SENTENCE)
    assert await reached(by_words) == "help"
    came_to = [await reached(line) for line in arrived]
    assert came_to == sorted(came_to, reverse=True), "the old menu first, then the new one"
    assert set(came_to) == {"help", "consultation"}, "some of either came while it went on"

    twenty = [*in_long_legs, *menu, *silent]
    assert len(twenty) == 20
    assert not [line.name for line in twenty if line.over]
    for line in (*twenty, by_keys, by_words):
        await line.hangup()
    everybody = [*twenty, *arrived, by_keys, by_words]
    for line in everybody:
        assert (await line.ended(CALLED + 10))["hangup_by"] == "caller"

    calls = await all_calls(renewed, len(everybody), seconds=60)
    assert len(calls) == len(everybody)
    assert not [call["number"] for call in calls if "fallback" in events(call)]
    assert all(call["recording"] is not None for call in calls)
    assert len(await all_tickets(renewed)) == len(everybody) == len({call["ticket"] for call in calls})
    for n in range(TALK):
        assert tone_without_a_gap(tmp_path / f"talk{n}.wav")
    music = longest_silence(PROMPTS / "moh" / "calm.wav")
    assert max(longest_silence(tmp_path / f"queue{n}.wav") for n in range(QUEUE)) < music + 1.0, "the menu before it"
    prompts = max(longest_silence(PROMPTS / "zh" / f"{name}.wav") for name in ("greeting", "say-or-press"))
    for n in range(SILENT):
        begins = sound_begins(*mono(tmp_path / f"silent{n}.wav"))
        assert longest_silence(tmp_path / f"silent{n}.wav", begins, begins + GREETED) < prompts + NOTICED


async def test_the_old_one_goes_on_if_the_new_one_is_not_fit(renewed: Renewed, callers: Phones) -> None:
    before = {part: renewed.pid(part) for part in renewed.state()["parts"]}
    (renewed.home / "sabotage").touch()
    line = await callers.citizen("13911170000", keys="w0.3,2")
    assert await reached(line) == "complaint"
    failing = Upgrade(renewed)
    await failing.start()
    assert await failing.end() == 1
    assert "voice ended with exit code 1: sabotaged" in failing.error, failing.lines
    (renewed.home / "sabotage").unlink()
    assert {part: renewed.pid(part) for part in renewed.state()["parts"]} == before
    settings = renewed.home / "settings.toml"
    good = settings.read_text()
    settings.write_text(good.replace("[agi]\nport = ", "[agi]\nport = 1"))
    refused = Upgrade(renewed)
    await refused.start()
    assert await refused.end() == 1
    assert "agi.port" in refused.error
    settings.write_text(good)
    assert not line.over
    late = await callers.citizen("13911170001", keys="w1.5,1")
    assert await reached(late) == "consultation"
    for number, one in (("13911170000", line), ("13911170001", late)):
        await one.hangup()
        assert "fallback" not in events(await call_of(renewed, number))


async def reached(line: Line) -> str:
    """Which of the queues it came to first, or what happened to it instead."""
    try:
        async with asyncio.timeout(30):
            for seen in itertools.count():
                event = await line.next(seen)
                if event is None:
                    break
                if event.event == "connected" and event.detail in QUEUES:
                    return str(event.detail)
    except TimeoutError:
        pass
    return f"{line.name}: {[(event.event, event.detail) for event in line.events]}"


def tone_without_a_gap(path: Path) -> bool:
    """From the first moment of the agent's tone to the last: it is in every fifth of a second."""
    samples, rate = read_wav(path)
    size = rate // 5
    heard = [tone_share(samples[at : at + size, 0], rate, TONE) > 0.5 for at in range(0, len(samples) - size, size)]
    first, last = heard.index(True), len(heard) - heard[::-1].index(True)
    return all(heard[first:last]) and last - first > 25


def longest_silence(path: Path, begins: float = 0.0, ends: float = 1e6) -> float:
    """Seconds, within these."""
    samples, rate = mono(path)
    size = rate // 50
    silent = [level(samples[at : at + size]) < 0.002 for at in range(0, len(samples) - size, size)]
    part = silent[round(begins * 50) : round(ends * 50)]
    return max((len(list(run)) for quiet, run in itertools.groupby(part) if quiet), default=0) / 50


def mono(path: Path) -> tuple[Samples, int]:
    samples, rate = read_wav(path)
    return samples[:, 0], rate
