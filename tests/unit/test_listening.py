"""A turn of listening over real sockets: voice, keys and prompt at the same time, whatever goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agi_scripts import survey
from ivr.agi_leg import FastAgiLeg
from ivr.leg import CallerHungUp, Heard, LegError, Manner
from speech.fake import Script
from tests.unit.agi_peer import Dialogues
from tests.unit.audio_peer import PROMPT_MS, QUIET, Desk, desk

WORDS = "我家停水了"


async def result(dialogues: Dialogues) -> Heard:
    heard = await dialogues.results.get()
    assert isinstance(heard, Heard), heard
    return heard


async def test_words_after_the_prompt(tmp_path: Path) -> None:
    async with desk(tmp_path, Script(WORDS, alternatives=("别的",))) as server:
        call, dialogues = await server.listening()
        voice = await call.voice()
        await voice.until(lambda frame: frame[:2] == bytes([PROMPT_MS // 20, 1]))
        prompt = [frame[0] for frame in voice.heard if frame != QUIET]
        assert prompt == list(range(1, PROMPT_MS // 20 + 1)), "every frame once, in order"
        voice.send("s100 v800 s700")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.text, heard.sounds_done, heard.played_ms) == ("words", WORDS, 1, PROMPT_MS)
        assert heard.alternatives == ("别的",)
        assert heard.barge_in_ms is None
        assert heard.decided_ms is not None
        assert heard.engine == "fake"
        assert voice.hung_up
        assert server.ears.open_turns == 0


async def test_a_voice_over_the_prompt_stops_it_and_without_words_it_goes_on_from_a_little_before(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, Script(""), Script(WORDS)) as server:
        call, dialogues = await server.listening(sounds=["prompt", "prompt"])
        voice = await call.voice()
        await voice.until(lambda frame: frame[0] == 15)
        voice.send("v100")
        await voice.until(lambda frame: frame == QUIET)
        paused_at = voice.heard[-2][0]
        assert paused_at <= 15 + 4
        voice.send("v300 s700")
        await voice.until(lambda frame: frame != QUIET)
        assert voice.heard[-1][0] == max(1, paused_at + 1 - 20)
        voice.send("v500 s700")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.text, heard.sounds_done) == ("words", WORDS, 0)
        assert heard.barge_in_ms is not None
        assert 0 < heard.barge_in_ms < 200
        assert heard.played_ms < PROMPT_MS


async def test_the_voice_is_brought_in_pieces_and_nothing_is_lost_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.audio.listening.PIECE_SECONDS", 0.15)
    async with desk(tmp_path, Script(WORDS)) as server:
        call, dialogues = await server.listening()
        voice = await call.voice()
        heard = []
        for piece in range(3):
            await voice.listen_on()
            assert voice.hung_up
            heard += voice.heard
            before, voice = voice, await call.voice_again()
            if piece == 1:
                before.press("x")
                voice.send("v500")
        prompt = [frame[0] for frame in heard if frame != QUIET]
        assert prompt == list(range(1, len(prompt) + 1))
        voice.send("v300 s700")
        await voice.listen_on()
        last = await call.voice_again()
        await last.listen_on()
        assert last.heard == [], "sent away at once"
        call.returned()
        outcome = await result(dialogues)
        assert (outcome.end, outcome.text) == ("words", WORDS)
        assert server.audio.stats.hostile == 0


async def test_silence(tmp_path: Path) -> None:
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening(sounds=[], silence_ms=500)
        voice = await call.voice()
        voice.send("s520")
        await voice.listen_on()
        call.returned()
        assert (await result(dialogues)).end == "silence"
        assert server.recogniser.grammars == [], "nothing was decoded"


async def test_a_telephone_that_sends_nothing_is_silent_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening(sounds=[], silence_ms=200)
        voice = await call.voice()
        await voice.listen_on()
        call.returned()
        assert (await result(dialogues)).end == "silence"


async def test_somebody_speaks_but_no_words(tmp_path: Path) -> None:
    async with desk(tmp_path, Script("")) as server:
        call, dialogues = await server.listening(sounds=[])
        voice = await call.voice()
        voice.send("v500 s700")
        await voice.listen_on()
        call.returned()
        assert (await result(dialogues)).end == "unusable"


async def test_the_alarm_ends_it_before_the_sentence_does(tmp_path: Path) -> None:
    script = Script("着火了快来人啊", ((0.4, "着火了"),))
    async with desk(tmp_path, script, streaming=True) as server:
        call, dialogues = await server.listening(alarm=lambda text: "着火" in text)
        voice = await call.voice()
        voice.send("v800")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.text, heard.decided_ms) == ("alarm", "着火了", None)


async def test_a_key_ends_it_and_those_after_it_are_not_lost(tmp_path: Path) -> None:
    async def step(leg: FastAgiLeg) -> object:
        heard = await leg.listen(["prompt"], silence_ms=1000)
        return heard, await leg.wait_digit(1000), (await leg.play("prompt", "0")).digit, await leg.wait_digit(1000)

    async with desk(tmp_path) as server:
        dialogues = Dialogues(step)
        call = await server.call(dialogues)
        voice = await call.voice()
        await voice.until(lambda frame: frame != QUIET)
        voice.send("v100")
        voice.press("1190x")
        await voice.listen_on()
        call.returned()
        await call.peer.until("WAIT FOR DIGIT")
        call.peer.send("200 result=0\n")
        outcome = await dialogues.results.get()
        assert isinstance(outcome, tuple)
        heard, second, third, fourth = outcome
        assert (heard.end, heard.key, heard.text) == ("key", "1", "")
        assert (second, third, fourth) == ("1", "0", None)


async def test_a_key_in_the_last_moment_is_no_silence(tmp_path: Path) -> None:
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening(sounds=[], silence_ms=100)
        voice = await call.voice()
        voice.send("s120")
        voice.press("1")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.key) == ("key", "1")


async def test_an_announcement_plays_on_under_the_caller_s_voice(tmp_path: Path) -> None:
    async def step(leg: FastAgiLeg) -> object:
        return await leg.listen(["prompt"], silence_ms=0, manner=Manner(holds_up=False))

    async with desk(tmp_path, Script("不用了")) as server:
        dialogues = Dialogues(step)
        call = await server.call(dialogues)
        voice = await call.voice()
        voice.send("v300")
        await voice.until(lambda frame: frame[:2] == bytes([PROMPT_MS // 20, 1]))
        prompt = [frame[0] for frame in voice.heard if frame != QUIET]
        assert prompt == list(range(1, PROMPT_MS // 20 + 1))
        voice.send("v600 s660")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.text, heard.barge_in_ms) == ("words", "不用了", None)


async def test_a_closed_step_tells_its_phrases(tmp_path: Path) -> None:
    async with desk(tmp_path, Script("对")) as server:
        call, dialogues = await server.listening(sounds=[], phrases=["对", "不对"])
        voice = await call.voice()
        voice.send("v400 s700")
        await voice.listen_on()
        call.returned()
        assert (await result(dialogues)).text == "对"
        grammar = server.recogniser.grammars[0]
        assert grammar is not None
        assert grammar.phrases == ("对", "不对")


async def test_an_engine_that_fails_leaves_the_call_to_its_keys(tmp_path: Path) -> None:
    async def step(leg: FastAgiLeg) -> object:
        before = leg.can_listen
        heard = await leg.listen([], silence_ms=1000)
        assert (before, leg.can_listen) == (True, False)
        assert (await leg.listen([], silence_ms=1000)).end == "lost"
        return heard

    async with desk(tmp_path, Script("", fails=True)) as server:
        dialogues = Dialogues(step)
        call = await server.call(dialogues)
        voice = await call.voice()
        voice.send("v500 s700")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.why) == ("lost", "engine")
        assert server.ears.open_turns == 0


async def test_when_all_turns_are_taken(tmp_path: Path) -> None:
    async with desk(tmp_path, max_turns=1) as server:
        taken = server.ears.open()
        _, dialogues = await server.listening()
        heard = await result(dialogues)
        assert (heard.end, heard.why) == ("lost", "full")
        taken.close()


@pytest.mark.parametrize(("turns", "ours"), [(1, 0), (2, 1), (3, 1), (4, 2)])
async def test_half_of_the_turns_are_left_to_who_calls_in(tmp_path: Path, turns: int, ours: int) -> None:
    """However many of ours began while nobody else was there; who calls in takes whatever there is."""

    async def step(leg: FastAgiLeg) -> Heard:
        with pytest.raises(LegError, match="no survey"):
            await survey.endpoint({})(leg)
        assert leg.can_listen == (ours > 0)
        taken = [server.ears.open(yields=True) for _ in range(ours)]
        assert not leg.can_listen
        heard = await leg.listen(("prompt",), silence_ms=1000)
        taken += [server.ears.open() for _ in range(turns - ours)]
        assert not server.ears.has_room()
        for ear in taken:
            ear.close()
        return heard

    async with desk(tmp_path, max_turns=turns) as server:
        dialogues = Dialogues(step)
        await server.call(dialogues)
        heard = await result(dialogues)
        assert (heard.end, heard.why) == ("lost", "full")


async def test_a_turn_taken_between_two_of_one_caller(tmp_path: Path) -> None:
    async with desk(tmp_path, Script(""), max_turns=1) as server:
        call, dialogues = await server.listening()
        voice = await call.voice()
        await voice.until(lambda frame: frame != QUIET)
        (mine,) = server.ears._open
        mine.close()
        other = server.ears.open()
        voice.send("v160 s400")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.why) == ("lost", "full")
        other.close()


@pytest.mark.parametrize("connected", [True, False])
async def test_asterisk_is_back_although_nothing_ended(tmp_path: Path, connected: bool) -> None:
    """Its connection broke, or never came to be."""
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening()
        voice = await call.voice()
        if connected:
            await voice.until(lambda frame: frame != QUIET)
        voice.close()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.why) == ("lost", "closed")
        assert server.ears.open_turns == 0


async def test_a_hangup_gives_everything_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening()
        voice = await call.voice()
        await voice.until(lambda frame: frame != QUIET)
        call.peer.send("HANGUP\n")
        assert isinstance(await dialogues.results.get(), CallerHungUp)
        assert server.ears.open_turns == 0
        await voice.listen_on()
        voice.close()
        await gone(server)


async def gone(server: Desk) -> None:
    while server.audio.open:
        await asyncio.sleep(0)


async def test_a_missing_recording_is_passed_over(tmp_path: Path) -> None:
    async with desk(tmp_path) as server:
        call, dialogues = await server.listening(sounds=["no-such-sound", "prompt"])
        voice = await call.voice()
        await voice.until(lambda frame: frame != QUIET)
        voice.press("7")
        await voice.listen_on()
        call.returned()
        heard = await result(dialogues)
        assert (heard.end, heard.key, heard.sounds_done) == ("key", "7", 1)
