"""The pure parts of recognition: words, grammar, samples, what is decoded at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech import engines
from speech.audio import pcm16, samples, to_16k
from speech.fake import FakeRecogniser, LoudActivity
from speech.gate import Gate
from speech.grammar import split
from speech.port import FRAME_BYTES, EngineError
from speech.text import tidy, unlooped, without_inventions
from speech.vad import VoiceActivity

VOCABULARY = {"人工", "咨询", "满意", "不", "基本", "转", "工", "单", "本", "基", "thank", "you"}


def knows(word: str) -> bool:
    return word in VOCABULARY


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("人工", ("人工",)),
        ("转人工", ("转", "人工")),
        ("不满意", ("不", "满意")),
        ("基本满意", ("基本", "满意")),
        ("基本 满意", ("基本", "满意")),
        ("thank you", ("thank", "you")),
        ("工单", ("工", "单")),
    ],
)
def test_a_phrase_is_split_into_as_few_known_words_as_may_be(phrase: str, words: tuple[str, ...]) -> None:
    assert split(phrase, knows) == words


def test_a_word_that_cannot_be_split_is_named() -> None:
    with pytest.raises(
        EngineError, match=r"'转接线员': '转接线员' is not made of words of the model \(not even 接 线 员\)"
    ):
        split("转接线员", knows)
    with pytest.raises(EngineError, match=r"'満': '満' is not made of words of the model$"):
        split("満", knows)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("我 家 停水 了", "我家停水了"),
        ("我 要 english please", "我要 english please"),
        ("[unk] 人工 <UNK> [4] 服务", "人工服务"),
        ("我家停水了\ufffd", "我家停水了"),
        ("", ""),
    ],
)
def test_words_without_marks_and_without_blanks_in_chinese(written: str, read: str) -> None:
    assert tidy(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("选共选共选共选共选", "选共"),
        ("孩子发高烧了孩子发高烧了孩子发高烧了孩子", "孩子发高烧了"),
        ("着火了着火了着火了快来人", "着火了快来人"),
        ("我的电话是13888888888", "我的电话是13888888888"),
        ("八八八八八八八", "八八八八八八八"),
        ("请帮我转接人工请帮我转接人工", "请帮我转接人工请帮我转接人工"),
        ("谢谢谢谢", "谢谢谢谢"),
    ],
)
def test_what_is_said_again_and_again_is_said_once(written: str, read: str) -> None:
    assert unlooped(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", ""),
        ("字幕由志愿者提供", ""),
        ("字幕由Amara.org社区提供", ""),
        ("字幕志愿者 李宗盛", ""),
        ("字幕 by 索兰娅", ""),
        ("中文字幕组", ""),
        ("优优独播剧场——YoYo Television Series Exclusive", ""),
        ("我家着火了快来人，请不吝点赞 订阅", "我家着火了快来人"),
        ("谢谢观看。我家着火了，快来人！", "我家着火了，快来人！"),
        ("我家停水了 谢谢大家收看", "我家停水了"),
        ("我要投诉字幕组侵权", "我要投诉字幕组侵权"),
        ("公交车上的字幕看不清", "公交车上的字幕看不清"),
        ("建议网站做一个英文版可以订阅", "建议网站做一个英文版可以订阅"),
        ("我要 english please", "我要 english please"),
        ("", ""),
    ],
)
def test_only_what_whisper_makes_up_is_dropped(written: str, read: str) -> None:
    assert without_inventions(written) == read


def test_16_khz_is_the_same_sound() -> None:
    times = np.arange(8000) / 8000
    tone = (0.5 * np.sin(2 * np.pi * 3000 * times)).astype(np.float32)
    up = to_16k(pcm16(tone))
    assert len(up) == 2 * len(tone)
    spectrum = np.abs(np.fft.rfft(up[1000:15000] * np.hanning(14000)))
    hertz = 16000 / 14000
    assert abs(spectrum.argmax() * hertz - 3000) < 2
    image = spectrum[int(4900 / hertz) : int(5100 / hertz)].max()
    assert 20 * np.log10(image / spectrum.max()) < -60


def test_samples_and_back() -> None:
    pcm = np.array([0, 1, -1, 32767, -32768], "<i2").tobytes()
    assert pcm16(samples(pcm)) == pcm
    assert pcm16(np.array([2.0, -2.0], np.float32)) == np.array([32767, -32768], "<i2").tobytes()


def test_a_gate_keeps_what_is_around_a_voice_and_takes_any_pieces() -> None:
    quiet, loud = bytes(FRAME_BYTES), b"\x00\x10" * 160
    sound = quiet * 50 + loud * 10 + quiet * 100 + loud * 5
    whole = Gate(LoudActivity(), 300, 500)
    kept = whole.pass_on(sound)
    assert kept == quiet * 15 + loud * 10 + quiet * 24 + quiet * 15 + loud * 5
    pieces = Gate(LoudActivity(), 300, 500)
    assert b"".join(pieces.pass_on(sound[at : at + 500]) for at in range(0, len(sound), 500)) == kept
    assert whole.heard
    assert not Gate(LoudActivity(), 300, 500).heard


def noise(seconds: float, level_db: float) -> bytes:
    rng = np.random.default_rng(1)
    return pcm16((rng.standard_normal(int(seconds * 8000)) * 10 ** (level_db / 20)).astype(np.float32))


def voiced(activity: VoiceActivity, pcm: bytes) -> list[bool]:
    return [activity.is_speech(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


@pytest.mark.parametrize("level", [-60, -40, -25])
def test_hiss_is_no_voice(level: float) -> None:
    assert not any(voiced(VoiceActivity(), noise(5, level)))


def test_a_tone_and_clicks_are_no_voice() -> None:
    times = np.arange(3 * 8000) / 8000
    ringing = pcm16((0.3 * np.sin(2 * np.pi * 450 * times)).astype(np.float32))
    clicks = np.zeros(3 * 8000, np.float32)
    clicks[::4000] = 0.9
    # A tone's first moment is like a vowel's.
    assert sum(voiced(VoiceActivity(), ringing)) < 10
    assert not any(voiced(VoiceActivity(), pcm16(clicks)))


def test_engines_by_name() -> None:
    assert engines.NAMES == ("vosk", "whisper")


def test_no_model_no_engine(tmp_path: Path) -> None:
    assert engines.load("none", tmp_path, 2) is None
    assert engines.load("auto", tmp_path, 2) is None
    with pytest.raises(EngineError, match=r"vosk: no model: `hotline models fetch vosk-model-small-cn-0.22`"):
        engines.load("vosk", tmp_path, 2)
    with pytest.raises(EngineError, match="whisper: no model: `hotline models fetch whisper-base`"):
        engines.load("whisper", tmp_path, 2)
    with pytest.raises(EngineError, match="sphinx: no such engine"):
        engines.load("sphinx", tmp_path, 2)


def test_why_auto_passes_an_engine_over_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "vosk-model-small-cn-0.22"
    place.mkdir()
    (place / "manifest.json").write_text('{"am/final.mdl": "00"}')
    assert engines.load("auto", tmp_path, 1) is None
    vosk, whisper = (record.getMessage() for record in caplog.records)
    assert vosk.startswith("vosk: vosk-model-small-cn-0.22 is damaged")
    assert whisper.startswith("whisper: no model")


def test_an_engine_without_a_vocabulary_hears_any_phrase() -> None:
    assert engines.unheard(FakeRecogniser(), ["퀟둙"]) == ()


def test_capacity_is_at_least_one() -> None:
    assert engines.capacity(FakeRecogniser(), 8) == 1
