"""The real engines: Vosk with its Korean model (library, graph and grammar are the same for every language), Whisper.

``make test`` fetches both models. ``korean_thanks.wav`` says 감사합니다, spoken by espeak-ng.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from speech import engines, wav
from speech.audio import pcm16
from speech.catalogue import VOSK_KO
from speech.offline import hear
from speech.pool import Ears
from speech.port import EngineError, Grammar
from speech.vosk_engine import VoskRecogniser
from speech.whisper_engine import Scribe, WhisperRecogniser
from tests.speech.whisper import need_model, need_whisper

HERE = Path(__file__).parent
SPOKEN = HERE.parent / "speech" / "wav"
CLOSED = ("네", "아니오", "감사합니다")


@pytest.fixture(scope="module")
def vosk() -> VoskRecogniser:
    return VoskRecogniser(need_model(VOSK_KO), threads=1)


@pytest.fixture(scope="module")
def whisper() -> WhisperRecogniser:
    return WhisperRecogniser(need_whisper(), threads=1)


@pytest.fixture
def thanks() -> bytes:
    return wav.read(HERE / "korean_thanks.wav")


def hiss(seconds: float, level_db: float) -> bytes:
    rng = np.random.default_rng(1)
    return pcm16((rng.standard_normal(int(seconds * 8000)) * 10 ** (level_db / 20)).astype(np.float32))


def test_a_closed_step_hears_its_phrases_only(vosk: VoskRecogniser, thanks: bytes) -> None:
    hearing = hear(vosk, thanks, CLOSED)
    assert "감사합니다" in hearing.text
    assert hearing.partials
    assert set(hearing.text.split()) <= set(CLOSED)
    assert hearing.partials[0].at < len(thanks) / 16000


def test_a_phrase_outside_the_vocabulary_is_named(vosk: VoskRecogniser) -> None:
    assert engines.unheard(vosk, CLOSED) == ()
    assert engines.unheard(vosk, ["네", "퀟둙"]) == ("퀟둙",)
    with pytest.raises(EngineError, match="퀟둙"):
        vosk.open(Grammar(("퀟둙",)))


def test_a_phrase_outside_the_vocabulary_costs_no_other(vosk: VoskRecogniser, thanks: bytes) -> None:
    assert "감사합니다" in hear(vosk, thanks, ("퀟둙", *CLOSED)).text


def test_one_free_recogniser_serves_turn_after_turn(vosk: VoskRecogniser, thanks: bytes) -> None:
    used = []
    for _ in range(3):
        utterance = vosk.open()
        used.append(utterance._recogniser)
        assert utterance.feed(thanks)
        assert utterance.finish()
        utterance.close()
        dropped = vosk.open()
        used.append(dropped._recogniser)
        dropped.feed(thanks[:6400])
        dropped.close()
        dropped.close()
        with pytest.raises(EngineError, match="the turn is over"):
            dropped.feed(thanks)
    assert all(recogniser is used[0] for recogniser in used)


async def test_many_turns_on_threads(vosk: VoskRecogniser, thanks: bytes) -> None:
    ears = Ears(vosk, threads=2, max_turns=8, max_lag=30.0)
    try:
        turns = [ears.open(CLOSED) for _ in range(8)]
        for begin in range(0, len(thanks), 3200):
            for ear in turns:
                ear.feed(thanks[begin : begin + 3200])
        words = await asyncio.gather(*(ear.finish() for ear in turns))
        assert all("감사합니다" in text for text in words)
    finally:
        await ears.aclose()


def test_no_model_of_its_own_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is no model of its"):
        VoskRecogniser(tmp_path)
    with pytest.raises(EngineError, match=r"has no tokenizer\.json"):
        WhisperRecogniser(tmp_path, 1)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EngineError, match="whisper: "):
        WhisperRecogniser(tmp_path, 1)


def test_whisper_hears_mandarin_in_simplified_characters(whisper: WhisperRecogniser) -> None:
    recording = sorted(SPOKEN.glob("c*.wav"))[0]
    hearing = hear(whisper, wav.read(recording))
    assert len(hearing.text) > 4
    assert len(hearing.alternatives) == 4
    assert not set("".join((hearing.text, *hearing.alternatives))) & set("請問這個裡國學說話電")


@pytest.mark.parametrize("pcm", [b"", bytes(3200), bytes(16000 * 3), hiss(3, -30), hiss(3, -50)])
def test_whisper_makes_nothing_up(whisper: WhisperRecogniser, pcm: bytes) -> None:
    assert whisper.hear(pcm) == ""


def test_whisper_on_several_threads(whisper: WhisperRecogniser) -> None:
    pcm = wav.read(sorted(SPOKEN.glob("h*.wav"))[0])
    heard: list[str] = []
    threads = [threading.Thread(target=lambda: heard.append(whisper.hear(pcm))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 3
    assert all(heard)


@pytest.fixture
def scribe(whisper: WhisperRecogniser, monkeypatch: pytest.MonkeyPatch) -> Scribe:
    monkeypatch.setattr("speech.whisper_engine.load", lambda models_dir, threads: whisper)
    return Scribe(HERE, 1)


def test_a_recording_is_written_down_in_stretches_with_their_times(scribe: Scribe) -> None:
    one, two = (wav.read(file) for file in sorted(SPOKEN.glob("s*.wav"))[:2])
    pause = bytes(16000 * 3)
    segments = scribe.transcribe(pause + one + pause + two)
    assert all(segment.text for segment in segments)
    assert [segment.start for segment in segments] == sorted(segment.start for segment in segments)
    between = 3 + len(one) / 16000
    assert 2 < segments[0].start < between
    assert between + 2 < segments[-1].end <= between + 3 + len(two) / 16000
    assert scribe.transcribe(pause) == []
