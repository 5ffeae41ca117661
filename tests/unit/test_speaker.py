"""Words become sound: what is made of a text, which recordings are taken, and what is said where there is no voice."""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from hotline.speaker import Speaker, breaths, joined, speak_into
from ivr.audio.sounds import Sounds
from ivr.prompts import FOLDER as PROMPTS
from ivr.render_kit import Kit, installed
from line import spoken
from line.faults import LineFault

SENTENCE = PROMPTS / "zh" / "to-agent.wav"


def wav(seconds: float = 1.0, rate: int = 8000, channels: int = 1, width: int = 2, loud: float = 0.3) -> bytes:
    written = io.BytesIO()
    samples = (np.sin(np.arange(round(seconds * rate) * channels) / 3) * loud * 32767).astype("<i2")
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes() if width == 2 else bytes(len(samples) * width))
    return written.getvalue()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("中山区停水已知悉，预计18时恢复。", ["中山区停水已知悉，预计18时恢复。"]),
        ("停水 已知悉", ["停水已知悉。"]),
        ("“停水”（部分区域）已知悉", ["停水，部分区域，已知悉。"]),
        ("18:30恢复，9:00开门", ["18点30分恢复，9点开门。"]),
        ("第一句。第二句！第三句", ["第一句。", "第二句！", "第三句。"]),
        (f"{'甲' * 40}，{'乙' * 40}。", [f"{'甲' * 40}，", f"{'乙' * 40}。"]),
        ("丙" * 130, ["丙" * 60 + "。", "丙" * 60 + "。", "丙" * 10 + "。"]),
        ("《》", []),
    ],
)
def test_a_text_is_spoken_breath_by_breath(text: str, parts: list[str]) -> None:
    assert breaths(text) == parts


def test_a_recording_is_kept_by_what_is_in_it(tmp_path: Path) -> None:
    kept = spoken.keep(tmp_path / "spoken", SENTENCE.read_bytes())
    again = spoken.keep(tmp_path / "spoken", SENTENCE.read_bytes())
    assert kept == again
    assert kept.seconds > 1
    assert [path.stem for path in (tmp_path / "spoken").iterdir()] == [kept.name]
    sound = spoken.sound_of(tmp_path / "spoken", kept.name)
    assert sound.startswith("/")
    assert Sounds(PROMPTS)[sound] == Sounds(PROMPTS)["to-agent"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "不是可用的录音"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "不是可用的录音"),
        (SENTENCE.read_bytes()[:30], "不是可用的录音"),
        (wav(rate=16000), "16000 Hz"),
        (wav(channels=2), "2 声道"),
        (wav(width=1), "8 位"),
        (wav(0.2), "0.2 秒"),
        (wav(61), "61.0 秒"),
        (wav(loud=0.001), "没有声音"),
        (bytes(spoken.MAX_BYTES + 1), "不得超过"),
    ],
)
def test_what_is_no_recording_of_ours_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(LineFault, match=why) as fault:
        spoken.keep(tmp_path / "spoken", content)
    assert fault.value.code == "sound"
    assert not (tmp_path / "spoken").exists()


def test_parts_are_joined(tmp_path: Path) -> None:
    one, two = tmp_path / "1.wav", tmp_path / "2.wav"
    one.write_bytes(wav(1))
    two.write_bytes(wav(2))
    with wave.open(io.BytesIO(joined([one, two]))) as file:
        assert file.getnframes() == 3 * 8000


def test_old_announcements_do_not_fill_the_memory(tmp_path: Path) -> None:
    sounds = Sounds(PROMPTS)
    for number in range(60):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(wav(0.1))
        assert sounds[str(path.with_suffix(""))]
    path.unlink()
    assert sounds[str(path.with_suffix(""))]
    assert len(sounds._spoken) == 50


def test_a_name_that_is_recorded_anew_is_heard_so(tmp_path: Path) -> None:
    sounds, path = Sounds(PROMPTS), tmp_path / "name.wav"
    for seconds, second in ((1, 1_000), (2, 2_000)):
        path.write_bytes(wav(seconds))
        os.utime(path, (second, second))
        assert len(sounds[str(path.with_suffix(""))]) == seconds * 50


async def test_without_a_voice_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LineFault, match="prompts build") as fault:
        await Speaker(tmp_path, lambda: None).speak("停水已知悉")
    assert fault.value.code == "no_voice"


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """A voice that says everything alike, and cannot say Latin letters."""
    script = tmp_path / "voice"
    script.write_text(
        "#!/usr/bin/env python3\n"
        "import json, shutil, sys\n"
        "for job in json.load(sys.stdin)['jobs']:\n"
        "    if 'X' in job['text']:\n"
        "        print(json.dumps({'id': job['id'], 'error': 'no sound for X'}))\n"
        "        sys.exit(1)\n"
        f"    shutil.copy({str(SENTENCE)!r}, job['path'])\n"
        "    print(json.dumps({'id': job['id'], 'seconds': 1}))\n"
    )
    script.chmod(0o755)
    return Kit(script, Path("model"), Path("styles"))


async def test_a_text_is_spoken_and_kept(tmp_path: Path, kit: Kit) -> None:
    speaker = Speaker(tmp_path / "spoken", lambda: kit)
    made = await speaker.speak("停水已知悉。预计18时恢复。")
    one = spoken.keep(tmp_path / "one", SENTENCE.read_bytes())
    assert made.seconds == pytest.approx(2 * one.seconds, abs=0.02)
    assert speaker.has(made.name)
    assert not speaker.has("0" * 32)
    assert not speaker.has("../one")


@pytest.mark.parametrize(("text", "why"), [("X区停水", "no sound for X"), ("《》", "没有可以读出来")])
def test_what_cannot_be_spoken_is_told(tmp_path: Path, kit: Kit, text: str, why: str) -> None:
    with pytest.raises(LineFault, match=why) as fault:
        speak_into(tmp_path / "spoken", text, kit)
    assert fault.value.code == "text"


def test_half_a_kit_is_none(tmp_path: Path) -> None:
    assert installed(tmp_path) is None
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").touch()
    (tmp_path / "venv.stamp").write_text("old")
    assert installed(tmp_path) is None
