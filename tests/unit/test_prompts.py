"""Texts, recordings and the manifest between them; the recordings in the repository themselves."""

from __future__ import annotations

import array
import math
import stat
import sys
import wave
from pathlib import Path

import pytest

from datafile import DataFileError
from ivr.prompts import FOLDER, check, load_prompts, sound_file, stale
from ivr.render_build import adopt, build, forget, to_render
from ivr.render_kit import Kit, KitError
from ivr.render_text import spoken

TEXTS = """
voice: zf_xiaoxiao
speed: 1.0
pronunciation: {重听: chong2 ting1}
prompts:
  greeting: 您好，重听请按1。
  digits/1: 一
tones:
  beep: {hz: 880, ms: 400}
"""

# Stands in for the voice environment's python: "speaks" its own request into the file, refuses the word 坏.
FAKE_VOICE = f"""#!{sys.executable}
import json, pathlib, sys
for job in json.load(sys.stdin)["jobs"]:
    if "坏" in job.get("text", ""):
        print(json.dumps({{"id": job["id"], "error": "no sound for 坏"}}), flush=True)
        sys.exit(1)
    path = pathlib.Path(job["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(job, sort_keys=True), encoding="utf-8")
    print(json.dumps({{"id": job["id"], "seconds": 1.5}}), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "zh").mkdir()
    (tmp_path / "moh").mkdir()
    (tmp_path / "moh" / "calm.wav").write_bytes(b"RIFF")
    (tmp_path / "zh.yaml").write_text(TEXTS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    python = tmp_path_factory.mktemp("voice") / "python"
    python.write_text(FAKE_VOICE, encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return Kit(python, Path("model"), Path("styles"))


def render(folder: Path, kit: Kit, voice: str | None = None) -> list[str]:
    done: list[str] = []
    names = to_render(load_prompts(folder), (), voice, False, folder)
    build(kit, names, voice, lambda name, seconds: done.append(name), folder)
    return done


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "zh.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_nothing_is_recorded_at_first(folder: Path) -> None:
    prompts = load_prompts(folder)
    assert prompts.ids == {"greeting", "digits/1", "beep"}
    assert prompts.text("greeting") == "您好，重听请按1。"
    assert prompts.text("beep") == ""
    assert prompts.seconds("greeting") == 0.0
    assert list(stale(prompts, folder).values()) == ["no recording"] * 3
    with pytest.raises(KeyError):
        prompts.seconds("nobody")


def test_build_renders_only_what_changed(folder: Path, kit: Kit) -> None:
    assert set(render(folder, kit)) == {"greeting", "digits/1", "beep"}
    assert check(folder) == []
    assert load_prompts(folder).seconds("greeting") == 1.5
    assert render(folder, kit) == []
    change(folder, "您好", "早上好")
    assert [fault.split(":")[0] for fault in check(folder)] == ["greeting"]
    assert "您好，重听请按1。" in check(folder)[0]
    assert render(folder, kit) == ["greeting"]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("zf_xiaoxiao", "zf_xiaoyi", {"greeting", "digits/1"}),
        ("speed: 1.0", "speed: 0.9", {"greeting", "digits/1"}),
        ("speed: 1.0", "speed: 1.0\npace: {greeting: 1.2}", {"greeting"}),
        ("chong2", "zhong4", {"greeting"}),
        ("880", "440", {"beep"}),
    ],
)
def test_what_else_makes_a_recording_old(folder: Path, kit: Kit, old: str, new: str, changed: set[str]) -> None:
    render(folder, kit)
    change(folder, old, new)
    assert set(stale(load_prompts(folder), folder)) == changed


def test_check_names_files_that_do_not_belong(folder: Path, kit: Kit) -> None:
    render(folder, kit)
    sound_file(folder, "beep").write_bytes(b"other")
    sound_file(folder, "digits/1").unlink()
    (folder / "zh" / "old.wav").touch()
    (folder / "zh" / "greeting.mp3").touch()
    (folder / "moh" / "calm.wav").unlink()
    assert [fault.split(":")[0] for fault in check(folder)] == [
        "digits/1", "beep", "zh/greeting.mp3", "zh/old.wav", "moh",
    ]  # fmt: skip


def test_forget_removes_recordings_of_dropped_prompts(folder: Path, kit: Kit) -> None:
    render(folder, kit)
    change(folder, "  digits/1: 一\n", "")
    assert check(folder) == ["digits/1: recorded, but not in zh.yaml any more"]
    assert forget(folder) == ["digits/1"]
    assert check(folder) == []
    assert forget(folder) == []


def test_what_was_rendered_before_a_failure_is_kept(folder: Path, kit: Kit) -> None:
    change(folder, "digits/1: 一", "digits/1: 坏")
    with pytest.raises(KitError, match="digits/1: no sound for 坏"):
        render(folder, kit)
    assert set(load_prompts(folder).rendered) == {"greeting"}


def test_adopt_takes_a_recording_made_elsewhere(folder: Path, kit: Kit) -> None:
    render(folder, kit)
    path = sound_file(folder, "greeting")
    with pytest.raises(KitError, match=r"greeting\.wav"):
        adopt("greeting", folder)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4000))
    assert [fault.split(" (")[0] for fault in check(folder)] == ["greeting: recording altered"]
    assert adopt("greeting", folder) == 0.25
    assert check(folder) == []
    assert render(folder, kit) == []


def test_only_force_and_unknown_names(folder: Path, kit: Kit) -> None:
    render(folder, kit)
    prompts = load_prompts(folder)
    assert to_render(prompts, ["beep"], None, True, folder) == {"beep": "asked for"}
    assert to_render(prompts, ["beep"], None, False, folder) == {}
    assert set(to_render(prompts, (), "zm_yunxi", False, folder)) == {"greeting", "digits/1"}
    with pytest.raises(KitError, match="no such prompt: nobody"):
        to_render(prompts, ["nobody"], None, False, folder)
    with pytest.raises(KitError, match="no such voice"):
        to_render(prompts, (), "af_heart", False, folder)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("greeting:", "../greeting:", 6),
        ("greeting:", "Greeting:", 6),
        ("digits/1: 一", "digits/1: ''", 7),
        ("chong2 ting1", "chongting", 4),
        ("speed: 1.0", "speed: 9", 3),
        ("speed: 1.0", "speed: 1.0\npace: {hello: 1.2}", 6),
        ("hz: 880", "hz: 20000", 9),
    ],
)
def test_faults_name_file_and_line(folder: Path, old: str, new: str, line: int) -> None:
    change(folder, old, new)
    with pytest.raises(DataFileError, match=rf"zh\.yaml:{line}: "):
        load_prompts(folder)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("这里是12345热线", "这里是幺二三四五热线"),
        ("直接拨打110。", "直接拨打幺幺零。"),
        ("119、120、122", "幺幺九、幺二零、幺二二"),
        ("咨询请按1", "咨询请按一"),
        ("等候15分钟或20分钟，10秒", "等候十五分钟或二十分钟，十秒"),
        ("07", "零七"),
    ],
)
def test_numbers_are_read_as_people_say_them(text: str, read: str) -> None:
    assert spoken(text) == read


# The recordings kept in the repository


def test_recordings_are_those_of_the_texts() -> None:
    assert check(FOLDER) == []


def test_recordings_sound_equally_loud() -> None:
    """16-bit mono at 8 kHz, peaks below -1 dBFS, speech level equal within 1 dB."""
    levels: list[float] = []
    for name in load_prompts().ids - {"digits/pause"}:
        samples = read_wav(sound_file(FOLDER, name))
        assert max(map(abs, samples)) < 32767 * 10 ** (-1 / 20), name
        levels.append(speech_level(samples))
    assert max(levels) - min(levels) < 1.0


def test_sentences_begin_and_end_in_silence() -> None:
    prompts = load_prompts()
    for name, text in prompts.texts.prompts.items():
        samples = read_wav(sound_file(FOLDER, name))
        before, after = (50, 150) if text[-1] in "。！？" else (10, 150) if text[-1] in "，" else (10, 30)
        assert not any(samples[: before * 8]), name
        assert not any(samples[-after * 8 :]), name
        assert any(samples[before * 8 : before * 8 + 240]), name


def test_music_is_quiet_and_long() -> None:
    (music,) = (FOLDER / "moh").glob("*.wav")
    samples = read_wav(music)
    assert 60 <= len(samples) / 8000 <= 90
    assert 20 * math.log10(math.sqrt(sum(s * s for s in samples) / len(samples)) / 32767) == pytest.approx(-22, abs=0.5)


def test_repository_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 10_000_000


def read_wav(path: Path) -> array.array[int]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000), path
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def speech_level(samples: array.array[int]) -> float:
    """dBFS of the 10 ms frames within 25 dB of the loudest."""
    frames = [samples[at : at + 80] for at in range(0, len(samples) - 79, 80)]
    power = [sum(s * s for s in frame) / 80 / 32767**2 for frame in frames]
    active = [value for value in power if value > max(power) * 10**-2.5]
    return 10 * math.log10(sum(active) / len(active))
