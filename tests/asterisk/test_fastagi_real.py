"""The leg on a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from ivr.fastagi import FastAgiLeg, FastAgiServer
from ivr.leg import CallerHungUp, LegError, Played
from tests.asterisk.bare import Bare, bare_asterisk

pytestmark = pytest.mark.asterisk

Step = Callable[[FastAgiLeg], Awaitable[object]]


class Voice:
    """Runs the step that a test sets for each call and hands back what it returned or raised."""

    def __init__(self, bare: Bare) -> None:
        self.bare = bare
        self.server = FastAgiServer(
            {"test": self.run}, seconds=lambda sound: float(sound.rpartition("-")[2]), port=bare.agi
        )
        self.step: Step = lambda leg: leg.wait_digit(10)
        self.results: asyncio.Queue[object] = asyncio.Queue()

    async def run(self, leg: FastAgiLeg) -> None:
        try:
            self.results.put_nowait(await self.step(leg))
        except (CallerHungUp, LegError) as error:
            self.results.put_nowait(error)
            raise

    async def of(self, step: Step, caller: str = "silent", number: str = "") -> object:
        self.step = step
        ringing = await self.bare.call(caller, number)
        result = await self.results.get()
        await ringing
        return result


@asynccontextmanager
async def voice_server(bare: Bare) -> AsyncIterator[Voice]:
    voice = Voice(bare)
    await voice.server.start()
    try:
        async with asyncio.timeout(30):
            yield voice
    finally:
        await voice.server.stop(0.5)


@pytest.fixture
async def voice(tmp_path: Path) -> AsyncIterator[Voice]:
    async with bare_asterisk(tmp_path) as bare, voice_server(bare) as opened:
        yield opened


async def test_a_call(voice: Voice) -> None:
    bare = voice.bare
    short, long = bare.sound(0.4), bare.sound(6)

    async def whole(leg: FastAgiLeg) -> object:
        return await leg.play(short), dict(leg.query), leg.call_id, leg.caller, leg.caller_presentation

    expected = (Played(None, 400), {"city": "市"}, "call-1.", "13900001111", "allowed")
    assert await voice.of(whole, number="13900001111") == expected

    cut = await voice.of(lambda leg: leg.play(long), "key")
    assert isinstance(cut, Played)
    assert cut.digit == "7"
    assert 500 < cut.offset_ms < 2500

    assert await voice.of(lambda leg: leg.wait_digit(3000), "key") == "7"
    assert await voice.of(lambda leg: leg.wait_digit(50)) is None
    assert isinstance(await voice.of(lambda leg: leg.wait_digit(5000), "impatient"), CallerHungUp)
    while not bare.events.empty():
        bare.events.get_nowait()

    async def decide(leg: FastAgiLeg) -> object:
        await leg.set_variable("DECISION", 'a "b" \\c, ${EPOCH} 市')
        await leg.user_event("KEY", key="*", text='a,b"c 市')
        with pytest.raises(LegError):
            await leg.play("no-such-sound-1")
        return await leg.wait_digit(50)

    assert await voice.of(decide) is None
    after = await bare.events.get()
    assert unquote(after["Decision"]) == 'a "b" \\c, ${EPOCH} 市'
    log = (bare.home / "log" / "cel-custom" / "cel.csv").read_text()
    assert log == 'KEY,"{""extra"":""key=%2A&text=a%2Cb%22c+%E5%B8%82""}"\n'


async def test_a_hangup_in_mid_command(voice: Voice) -> None:
    long = voice.bare.sound(10)
    assert isinstance(await voice.of(lambda leg: leg.play(long), "impatient"), CallerHungUp)


async def test_the_limit_moves_with_the_steps_and_catches_a_frozen_server(voice: Voice) -> None:
    bare = voice.bare
    long = bare.sound(5)
    loop = asyncio.get_running_loop()
    stuck_since: list[float] = []

    async def freeze(leg: FastAgiLeg) -> object:
        assert await leg.play(long) == Played(None, 5000)  # longer than the dialplan's own 3 s
        stuck_since.append(loop.time())
        await asyncio.sleep(6)
        return await leg.wait_digit(10)

    result = asyncio.create_task(voice.of(freeze))
    event = await bare.events.get()
    assert event["UserEvent"] == "Watchdog"
    assert 1.0 < loop.time() - stuck_since[0] < 2.5
    assert isinstance(await result, CallerHungUp)


async def test_a_line_break_in_a_caller_number_cannot_pass_for_a_header(voice: Voice) -> None:
    async def headers(leg: FastAgiLeg) -> object:
        return dict(leg.headers)

    voice.step = headers
    for number in ("139%0Aagi_extension: 110", "139%0A%0A200 result=49%0A"):
        ringing = await voice.bare.call(number=number)
        assert (await voice.bare.events.get())["Decision"] == ""
        await ringing
    assert voice.server.stats.hostile == 1  # a header given twice
    result = voice.results.get_nowait()  # the headers end early, and lack what would have followed
    assert isinstance(result, dict)
    assert result["agi_callerid"] == "139"
    assert "agi_extension" not in result
