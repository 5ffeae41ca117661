"""Recognition beside the event loop: order, bounds, faults. No engine, no voice, no waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from speech.fake import FakeRecogniser, FakeUtterance, LoudActivity, Script
from speech.pool import Ear, Ears, Full
from speech.port import EngineError, Grammar, Recogniser

LOUD = b"\x00\x10" * 160
QUIET = bytes(320)
SECOND = 50
"""Frames."""


@asynccontextmanager
async def pool(recogniser: FakeRecogniser, *, max_turns: int = 4, max_lag: float = 1.0) -> AsyncIterator[Ears]:
    ears = Ears(recogniser, threads=2, max_turns=max_turns, max_lag=max_lag, activity=LoudActivity)
    try:
        yield ears
    finally:
        await ears.aclose()
        assert recogniser.open_utterances == 0
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("ears-")]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


async def say(ear: Ear, frame: bytes, frames: int) -> None:
    """As fast as it is decoded."""
    for _ in range(frames):
        ear.feed(frame)
        await until(lambda: ear.lag < 0.5)


class SlowRecogniser(FakeRecogniser):
    """Decodes only when it is let."""

    def __init__(self, *, streaming: bool = True) -> None:
        super().__init__([Script("一"), Script("二")], streaming=streaming)
        self.may_go_on = threading.Event()
        self.fed: list[int] = []

    def open(self, grammar: Grammar | None = None) -> FakeUtterance:
        recogniser, utterance = self, super().open(grammar)
        hear = utterance.feed

        def feed(pcm: bytes) -> str:
            recogniser.fed.append(len(pcm))
            assert recogniser.may_go_on.wait(10)
            return hear(pcm)

        utterance.feed = feed  # type: ignore[method-assign]
        return utterance


async def test_partials_come_on_the_event_loop_and_the_words_at_the_end() -> None:
    partials: list[tuple[str, int]] = []
    async with pool(FakeRecogniser([Script("家里着火了", ((0.2, "家里"), (0.6, "家里着火")))])) as ears:
        ear = ears.open(on_partial=lambda words: partials.append((words, threading.get_ident())))
        await say(ear, LOUD, SECOND)
        assert await ear.finish() == "家里着火了"
        assert partials
        assert {words for words, _ in partials} <= {"家里", "家里着火"}
        assert {thread for _, thread in partials} == {threading.get_ident()}
        assert ears.open_turns == 0
        assert ears.decoded_s == pytest.approx(1.0)


async def test_alternatives_come_with_the_words() -> None:
    async with pool(FakeRecogniser([Script("找火了", alternatives=("着火了", "找货了"))])) as ears:
        ear = ears.open()
        await say(ear, LOUD, SECOND)
        assert await ear.finish() == "找火了"
        assert ear.alternatives == ("着火了", "找货了")


async def test_silence_is_not_decoded_and_opens_no_recogniser() -> None:
    recogniser = FakeRecogniser([Script("你好")])
    async with pool(recogniser) as ears:
        ear = ears.open(["你好"])
        await say(ear, QUIET, 3 * SECOND)
        assert recogniser.grammars == []
        await say(ear, LOUD, SECOND // 5)
        await say(ear, QUIET, 3 * SECOND)
        assert await ear.finish() == "你好"
        assert recogniser.grammars == [Grammar(("你好",))]
        assert ears.decoded_s == pytest.approx(0.3 + 0.2 + 0.48, abs=0.03), "lead, voice, tail"


async def test_a_turn_without_a_voice_has_no_words() -> None:
    async with pool(FakeRecogniser([Script("字幕由")])) as ears:
        ear = ears.open()
        ear.feed(QUIET * SECOND)
        assert await ear.finish() == ""


async def test_past_its_number_of_turns_it_is_full_until_one_ends() -> None:
    async with pool(FakeRecogniser(), max_turns=2) as ears:
        first, _ = ears.open(), ears.open()
        with pytest.raises(Full, match="2 turns are open"):
            ears.open()
        first.close()
        first.close()
        ears.open()
        assert ears.open_turns == 2


async def test_no_new_turn_while_one_is_behind_and_a_hopeless_one_fails() -> None:
    recogniser = SlowRecogniser()
    async with pool(recogniser, max_lag=1.0) as ears:
        ear = ears.open()
        for _ in range(SECOND):
            ear.feed(LOUD)
        assert ear.lag == pytest.approx(1.0)
        assert ears.worst_lag == ear.lag
        with pytest.raises(Full, match=r"1\.0 s behind"):
            ears.open()
        for _ in range(2 * SECOND):
            ear.feed(LOUD)
        with pytest.raises(EngineError, match="fallen behind"):
            await ear.finish()
        recogniser.may_go_on.set()


async def test_what_piled_up_is_decoded_in_larger_pieces() -> None:
    recogniser = SlowRecogniser()
    async with pool(recogniser) as ears:
        ear = ears.open()
        for _ in range(SECOND // 5):
            ear.feed(LOUD)
        await until(lambda: bool(recogniser.fed))
        for _ in range(SECOND):
            ear.feed(LOUD)
        recogniser.may_go_on.set()
        await until(lambda: ear.lag < 0.2)
        assert recogniser.fed[:3] == [3200, 8000, 8000]
        assert await ear.finish() == "一"


async def test_a_dropped_turn_is_not_decoded_and_tells_nothing_more() -> None:
    recogniser = SlowRecogniser()
    partials: list[str] = []
    async with pool(recogniser) as ears:
        ear = ears.open(on_partial=partials.append)
        for _ in range(SECOND):
            ear.feed(LOUD)
        await until(lambda: bool(recogniser.fed))
        ear.close()
        ear.feed(LOUD * SECOND)
        assert ears.open_turns == 0
        recogniser.may_go_on.set()
        await until(lambda: recogniser.open_utterances == 0)
        assert len(recogniser.fed) == 1
        with pytest.raises(EngineError, match="dropped"):
            await ear.finish()
    assert partials == []


async def test_an_engine_that_breaks_down_costs_its_turn_alone() -> None:
    async with pool(FakeRecogniser([Script("", fails=True), Script("二")])) as ears:
        bad, good = ears.open(), ears.open()
        bad.feed(LOUD * SECOND)
        with pytest.raises(EngineError, match="fake: as the script says"):
            await bad.finish()
        good.feed(LOUD * SECOND)
        assert await good.finish() == "二"


async def test_a_fault_of_the_engine_is_an_engine_error(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeRecogniser):
        def open(self, grammar: Grammar | None = None) -> FakeUtterance:
            raise ZeroDivisionError("x")

    async with pool(Broken()) as ears:
        ear = ears.open()
        ear.feed(LOUD * SECOND)
        with pytest.raises(EngineError, match="fake: x"):
            await ear.finish()
    assert "ZeroDivisionError" in caplog.text


async def test_an_engine_that_hears_at_the_end_is_not_behind_before_it() -> None:
    recogniser = SlowRecogniser(streaming=False)
    async with pool(recogniser) as ears:
        ear = ears.open(on_partial=lambda words: pytest.fail("it has no partial results"))
        for _ in range(10 * SECOND):
            ear.feed(LOUD)
        assert ear.lag == 0.0
        assert recogniser.grammars == []
        words = asyncio.create_task(ear.finish())
        await until(lambda: bool(recogniser.fed))
        assert 0 < ear.lag < 10
        recogniser.may_go_on.set()
        assert await words == "一"
        assert recogniser.fed == [10 * SECOND * 320]
        assert ear.lag == 0.0


async def test_closing_the_pool_ends_whoever_waits() -> None:
    recogniser = SlowRecogniser(streaming=False)
    async with pool(recogniser) as ears:
        ear = ears.open()
        ear.feed(LOUD * SECOND)
        words = asyncio.create_task(ear.finish())
        await until(lambda: bool(recogniser.fed))
        closing = asyncio.create_task(ears.aclose())
        with pytest.raises(EngineError, match="dropped"):
            await words
        recogniser.may_go_on.set()
        await closing
        with pytest.raises(Full):
            ears.open()


async def test_a_listener_who_stops_waiting_gives_the_turn_back() -> None:
    recogniser = SlowRecogniser()
    async with pool(recogniser) as ears:
        ear = ears.open()
        ear.feed(LOUD * SECOND)
        words = asyncio.create_task(ear.finish())
        await until(lambda: bool(recogniser.fed))
        words.cancel()
        with pytest.raises(asyncio.CancelledError):
            await words
        assert ears.open_turns == 0
        recogniser.may_go_on.set()


async def test_turns_get_their_share() -> None:
    """One that has a lot to catch up with does not keep the others waiting."""
    order: list[str] = []

    class Noting(FakeRecogniser):
        def open(self, grammar: Grammar | None = None) -> FakeUtterance:
            utterance = super().open(grammar)
            name = grammar.phrases[0] if grammar else ""

            def feed(pcm: bytes) -> str:
                order.append(name)
                return ""

            utterance.feed = feed  # type: ignore[method-assign]
            return utterance

    ears = Ears(Noting(), threads=1, max_turns=4, max_lag=4.0, activity=LoudActivity)
    with ears._changed:  # nobody decodes before all is there
        slow, quick = ears.open(["slow"]), ears.open(["quick"])
        slow.feed(LOUD * SECOND * 2)
        quick.feed(LOUD * (SECOND // 5))
    await until(lambda: slow.lag == 0 and quick.lag == 0)
    await ears.aclose()
    assert order == ["slow", "quick", "slow", "slow", "slow"]


@pytest.mark.parametrize("script", [Script("一"), Script("", fails=True)])
async def test_a_turn_that_is_over_is_not_decoded_again_while_the_loop_is_late(
    monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    decodes: list[bool] = []
    decode = Ear._decode

    def counted(ear: Ear, recogniser: Recogniser, pcm: bytes, last: bool) -> int:
        decodes.append(last)
        return decode(ear, recogniser, pcm, last)

    monkeypatch.setattr(Ear, "_decode", counted)
    async with pool(FakeRecogniser([script])) as ears:
        ear = ears.open()
        ear.feed(LOUD)
        words = asyncio.ensure_future(ear.finish())
        await asyncio.sleep(0)
        # The loop stands still until the threads have nothing to do.
        while len(decodes) < 2 and (ear._queued or not decodes):
            with ears._changed:
                pass
        outcome = (await asyncio.gather(words, return_exceptions=True))[0]
        assert isinstance(outcome, EngineError) if script.fails else outcome == "一"
    assert decodes == [True]
