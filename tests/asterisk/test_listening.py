"""Callers speak on real calls: prompts, barge-in, coughs, keys, silence, and a pool that is full.

What is recognised is written by the tests (``tests/asterisk/spoken.py``); voice activity is the real one.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotline.trial import free_ports
from ivr.prompts import FOLDER as PROMPTS
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import Row, call_of, events
from tests.asterisk.sound import Samples, read_wav
from tests.asterisk.spoken import SENTENCE, Spoken, gap_after, heard_whole, sound_begins

pytestmark = pytest.mark.asterisk

WORDS = "我家停水两天了"
MOST_BARGE_IN = 0.2
RATE = 8000


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoken]:
    instance = Spoken(tmp_path_factory.mktemp("spoken"))
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()


@pytest.fixture
async def callers(spoken: Spoken) -> AsyncIterator[Phones]:
    async with Phones(spoken) as opened:
        yield opened


async def recorded(phones: Phones, number: str) -> tuple[Row, Samples, Samples]:
    """The call, what the caller said, and what he heard, by Asterisk's own recording of both."""
    call = await call_of(phones.instance, number, recording=True)
    samples, rate = read_wav(phones.instance.settings.recordings_dir / call["recording"]["path"])
    assert rate == RATE
    return call, samples[:, 0], samples[:, 1]


def heard_event(call: Row) -> Row:
    return next(entry["detail"] for entry in call["timeline"] if entry["event"] == "heard")


def prompt(name: str) -> Samples:
    return read_wav(PROMPTS / "zh" / f"{name}.wav")[0][:, 0]


async def test_a_voice_stops_the_greeting_and_its_words_lead_to_a_queue(
    spoken: Spoken, callers: Phones, record_property: Callable[[str, object], None]
) -> None:
    spoken.hears(WORDS, seconds=0.3)

    async def one(number: str, wait: float) -> tuple[int, int]:
        line = await callers.citizen(number, say=late(callers, wait))
        await line.wait("connected", 20, detail="help")
        await line.hangup()
        call, said, heard = await recorded(callers, number)
        begins = sound_begins(said, RATE)
        stops, _ = gap_after(heard, RATE, begins)
        event = heard_event(call)
        assert (event["end"], event["text"], event["engine"]) == ("words", WORDS, "scripted")
        assert (call["queue"], call["category"]) == ("help", "help")
        return round((stops - begins) * 1000), int(event["barge_ms"])

    moments = (1.5, 2.2, 3.1, 4.0)
    measured = await asyncio.gather(*(one(f"1397000000{n}", wait) for n, wait in enumerate(moments)))
    record_property("barge_in_ms", measured)
    print(f"barge-in, ms: in the recording and by the server: {measured}")
    assert max(max(pair) for pair in measured) <= MOST_BARGE_IN * 1000


def late(phones: Phones, seconds: float) -> Path:
    """The sentence, after so much silence."""
    path = phones.instance.home / f"late-{seconds}.wav"
    with wave.open(str(SENTENCE)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(bytes(int(seconds * RATE) * 2) + source.readframes(source.getnframes()))
    return path


def cough(phones: Phones, seconds: float, ms: int) -> Path:
    """A little of a voice, after so much silence."""
    path = phones.instance.home / f"cough-{seconds}.wav"
    samples, _ = read_wav(SENTENCE)
    begin = int(sound_begins(samples[:, 0], RATE) * RATE)
    piece = (samples[begin : begin + ms * RATE // 1000, 0] * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(bytes(int(seconds * RATE) * 2) + piece)
    return path


async def test_what_the_prompt_does_while_nobody_says_a_word(spoken: Spoken, callers: Phones) -> None:
    """It is heard as it was recorded, to its end: by who is silent, who coughs, and who makes a longer noise."""
    spoken.hears("", seconds=0.2)

    async def one(number: str, *, to: str = "agents", **script: Any) -> tuple[Row, Samples, Samples]:
        line = await callers.citizen(number, **script)
        await line.wait("connected", 60, detail=to)
        await line.hangup()
        return await recorded(callers, number)

    silent, coughing, noisy = await asyncio.gather(
        one("13970000010"),
        one("13970000011", say=cough(callers, 2.0, 150), keys="w14,1", to="consultation"),
        one("13970000012", say=late(callers, 2.0), keys="w16,1", to="consultation"),
    )
    call, _, heard = silent
    for name in ("greeting", "say-or-press", "menu-main"):
        assert heard_whole(heard, prompt(name)) > 0.99
    assert call["notice"] == "full"
    for call, said, heard in (coughing, noisy):
        begins = sound_begins(said, RATE)
        stops, goes_on = gap_after(heard, RATE, begins, shortest=0.2)
        assert stops - begins <= MOST_BARGE_IN
        assert goes_on - begins < (1.2 if call is coughing[0] else 5)
        assert heard_whole(heard, prompt("greeting")[-RATE // 2 :]) > 0.99, "to its end"
        assert heard_whole(heard, prompt("say-or-press")) > 0.99


async def test_keys_count_while_somebody_speaks(spoken: Spoken, callers: Phones) -> None:
    spoken.hears(WORDS)
    line = await callers.citizen("13970000030", say=SENTENCE, loop=True, keys="w2,1")
    await line.wait("connected", 15, detail="consultation")
    await line.hangup()
    call = await call_of(spoken, "13970000030")
    assert "key" in events(call)


@pytest.mark.parametrize("typed", ["110", "119"])
async def test_an_emergency_number_typed_over_the_greeting(spoken: Spoken, callers: Phones, typed: str) -> None:
    """Its first key ends the listening, and the next two come while it ends."""
    spoken.hears("")
    number = f"13970001{typed}"
    line = await callers.citizen(number, keys=f"w1.5,{typed}")
    await line.wait("connected", 10, detail=typed)
    await line.hangup()
    assert (await call_of(spoken, number))["emergency"] == typed


async def test_danger_is_heard_before_the_sentence_is_over(make_spoken: Callable[..., Spoken]) -> None:
    instance = make_spoken()
    instance.hears("着火了着火了快来人啊", partials=[(0.6, "着火了")], streaming=True)
    instance.start()
    async with Phones(instance) as phones:
        line = await phones.citizen("13970000040", say=late(phones, 2.0))
        await line.wait("connected", 15, detail="119")
        await line.hangup()
        call = await call_of(instance, "13970000040")
        assert (call["emergency"], heard_event(call)["end"]) == ("119", "alarm")


async def test_who_did_not_mean_it_takes_it_back_while_it_rings(make_spoken: Callable[..., Spoken]) -> None:
    (port,) = free_ports(1)
    instance = make_spoken(emergency={"trunks": [f"127.0.0.3:{port}"], "ring_seconds": 20, "ask_trunks": False})
    instance.hears("着火了快来人啊", seconds=0.2)
    instance.start()
    async with Phones(instance) as phones:
        centre = await phones.centre("127.0.0.3", port, answer_after=None)
        line = await phones.citizen("13970000050", say=late(phones, 1.0))
        ringing = await centre.incoming.get()
        await line.do("keys", keys="w1,*")
        await line.wait("connected", 10, detail="emergency")
        await ringing.ended(5)
        await line.hangup()
        # Typed, it cannot be taken back by a key that slipped.
        typed = await phones.citizen("13970000051", keys="w1,119")
        again = await centre.incoming.get()
        await typed.do("keys", keys="w1,*")
        await again.do("answer")
        await typed.wait("connected", 10, detail="119")
        await typed.hangup()
    call = await call_of(instance, "13970000050")
    assert (call["emergency"], call["queue"]) == ("119", "emergency")
    assert "cancelled" in events(call)
    assert "cancelled" not in events(await call_of(instance, "13970000051"))


async def test_who_did_not_mean_it_takes_it_back_while_it_is_announced(make_spoken: Callable[..., Spoken]) -> None:
    instance = make_spoken()
    instance.hears("着火了快来人啊", seconds=0.2)
    instance.start()
    async with Phones(instance) as phones:
        waiting = await phones.citizen("13970000053", keys="w1,9")
        await waiting.wait("connected", 15, detail="emergency")
        line = await phones.citizen("13970000052", say=late(phones, 1.0), keys="w6,0")
        await line.wait("connected", 15, detail="emergency")
        agent = await phones.agent("1001")
        first = await taken(agent)
        assert first.events[0].detail == "13970000052", "ahead of others, as while it rings"
        await first.hangup()
        await waiting.hangup()
    call = await call_of(instance, "13970000052")
    assert (call["emergency"], call["queue"]) == ("119", "emergency")
    assert "cancelled" in events(call)


async def test_beyond_the_pool_callers_are_served_by_keys(make_spoken: Callable[..., Spoken]) -> None:
    instance = make_spoken(speech={"max_calls": 1})
    instance.start()
    async with Phones(instance) as phones:
        first = await phones.citizen("13970000060")
        second = await phones.citizen("13970000061", keys="w2,3")
        await second.wait("connected", 10, detail="help")
        await first.do("keys", keys="1")
        await first.wait("connected", 10, detail="consultation")
        await first.hangup()
        await second.hangup()
    # Whichever of the two came second.
    told = ["speech" in str((await call_of(instance, f"1397000006{last}"))["timeline"]) for last in (0, 1)]
    assert sorted(told) == [False, True]


@pytest.fixture
def make_spoken(tmp_path: Path) -> Iterator[Callable[..., Spoken]]:
    """Written, not yet started: what it hears is to be said first."""
    made: list[Spoken] = []

    def make(**settings: dict[str, object]) -> Spoken:
        made.append(Spoken(tmp_path / f"home{len(made)}", **settings))
        return made[-1]

    yield make
    for instance in made:
        instance.stop()
