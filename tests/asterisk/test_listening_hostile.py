"""Real Asterisk, many short turns of listening: strangers disturb none, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import threading
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from ivr.audio import wire
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Sounds
from ivr.audio.speech import Speech
from ivr.fastagi import FastAgiLeg, FastAgiServer
from ivr.leg import Heard
from speech.fake import FakeRecogniser, LoudActivity
from speech.pool import Ears
from tests.asterisk.bare import Bare, bare_asterisk

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]
SIDE_BY_SIDE = 20
ROUNDS = 10
STRANGERS = 100


class Server:
    """A voice server in this process whose calls listen once, for half a second."""

    def __init__(self, bare: Bare, folder: Path) -> None:
        self.audio = AudioServer(port=bare.audio)
        self.ears = Ears(FakeRecogniser(), threads=1, max_turns=SIDE_BY_SIDE, activity=LoudActivity)
        self.speech = Speech(self.audio, Sounds(folder), activity=LoudActivity)
        self.speech.ears = self.ears
        self.agi = FastAgiServer({"test": self.listen}, seconds=lambda sound: 1.0, port=bare.agi, speech=self.speech)
        self.heard: list[Heard] = []

    async def listen(self, leg: FastAgiLeg) -> None:
        self.heard.append(await leg.listen(["prompt"], silence_ms=200))
        await leg.set_variable("DECISION", "queue:general:other:key")

    async def calls(self, bare: Bare) -> None:
        """Twenty at once, each to its end."""
        self.heard.clear()
        for event in await asyncio.gather(*[await bare.call() for _ in range(SIDE_BY_SIDE)]):
            assert event["Response"] == "Success", event
        for _ in range(SIDE_BY_SIDE):
            after = await bare.events.get()
            assert (after["UserEvent"], after["Decision"]) == ("AfterAgi", "queue%3Ageneral%3Aother%3Akey")
        assert [(heard.end, heard.sounds_done) for heard in self.heard] == [("silence", 1)] * SIDE_BY_SIDE


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[tuple[Bare, Server]]:
    (home / "zh").mkdir()
    with wave.open(str(home / "zh" / "prompt.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4800))
    async with bare_asterisk(home / "asterisk") as bare, asyncio.timeout(100):
        server = Server(bare, home)
        await server.audio.start()
        await server.agi.start()
        try:
            yield bare, server
        finally:
            await server.agi.stop(1)
            await server.audio.stop()
            await server.ears.aclose()


async def attack(port: int, number: int) -> None:
    """One connection after the other: noise, half a name, a name nobody has, a huge length, nothing at all."""
    sent = (
        os.urandom(65536),
        wire.packet(wire.IDENTITY, bytes(16))[:7],
        wire.packet(wire.IDENTITY, uuid4().bytes) + wire.SILENCE * 100,
        b"\x10\xff\xff" + bytes(65535),
        b"",
    )[number % 5]
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                async with asyncio.timeout(2):
                    await reader.read()
            except TimeoutError:
                pass
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.5)


async def test_strangers_on_the_audio_port_disturb_no_call(tmp_path: Path) -> None:
    async with serving(tmp_path) as (bare, server):
        strangers = [asyncio.create_task(attack(bare.audio, number)) for number in range(STRANGERS)]
        try:
            while server.audio.stats.hostile < STRANGERS:
                await asyncio.sleep(0.05)
            for _ in range(2):
                await server.calls(bare)
        finally:
            for task in strangers:
                task.cancel()
            await asyncio.wait(strangers)
        assert server.audio.stats.stuck == 0


async def test_hundreds_of_turns_leave_nothing_behind(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    def held() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count(), len(asyncio.all_tasks())

    async with serving(tmp_path) as (bare, server):
        for _ in range(2):
            await server.calls(bare)
        before, memory = held(), resident()
        for _ in range(ROUNDS):
            await server.calls(bare)
        while server.audio.open or server.agi.stats.open:
            await asyncio.sleep(0.01)
        after, grown = held(), resident() - memory
        record_property("after", {"calls": ROUNDS * SIDE_BY_SIDE, "before": before, "after": after, "grown_kb": grown})
        print(f"{ROUNDS * SIDE_BY_SIDE} turns: files, threads, tasks {before} → {after}; memory +{grown} kB")
        assert all(now <= then for now, then in zip(after, before, strict=True))
        assert grown < 8000
        assert (server.ears.open_turns, server.audio.stats.stuck) == (0, 0)


def resident() -> int:
    """kB."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
