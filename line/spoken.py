"""Announcements and units' names as sound: one WAV file each below ``<home>/spoken``, named by what is in it. No
database.

What is there is as a telephone plays it, whoever made it: a voice, or somebody with a microphone.
"""

from __future__ import annotations

import array
import hashlib
import io
import os
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

from line.faults import LineFault

RATE = 8000
MIN_SECONDS, MAX_SECONDS = 0.5, 60.0
MAX_BYTES = 2 << 20
"""Of a file that is looked at: a minute is half of it."""
_LOUD = 300
"""Of 32768: a recording that is nowhere louder holds nothing that anybody would hear."""
_HOW = "须为 8 kHz、单声道、16 位的 WAV 文件（转换：ffmpeg -i 原文件 -ar 8000 -ac 1 -c:a pcm_s16le 新文件.wav）"


@dataclass(frozen=True, slots=True)
class Spoken:
    """``name``: of the file, without suffix."""

    name: str
    seconds: float


def name_of(text: str) -> str:
    """Of a recording that goes by the words in it, such as a unit's name, and is found by them."""
    return f"text-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def keep(folder: Path, wav: bytes, name: str | None = None) -> Spoken:
    """Check a recording and put it where calls find it, by ``name`` in the place of one that is there. Raises LineFault
    ``sound``, OSError."""
    samples = samples_of(wav)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples)
    if name is None:
        name = hashlib.sha256(written.getvalue()).hexdigest()[:32]
    _store(folder, path_of(folder, name), written.getvalue())
    return Spoken(name, round(len(samples) / 2 / RATE, 2))


def samples_of(wav: bytes) -> bytes:
    """16 bit, 8 kHz, one channel. Raises LineFault ``sound``."""
    if len(wav) > MAX_BYTES:
        raise LineFault("sound", f"录音文件不得超过 {MAX_BYTES >> 20} MB")
    try:
        with wave.open(io.BytesIO(wav)) as file:
            shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            samples: bytes = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise LineFault("sound", f"不是可用的录音：{_HOW}") from error
    if shape != (1, 2, RATE):
        raise LineFault("sound", f"录音是 {shape[2]} Hz、{shape[0]} 声道、{shape[1] * 8} 位：{_HOW}")
    samples = samples[: len(samples) // 2 * 2]
    seconds = len(samples) / 2 / RATE
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise LineFault("sound", f"录音长 {seconds:.1f} 秒，须在 {MIN_SECONDS} 至 {MAX_SECONDS:.0f} 秒之间")
    levels = array.array("h", samples)
    if max(max(levels), -min(levels)) < _LOUD:
        raise LineFault("sound", "录音里没有声音")
    return samples


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.wav"


def sound_of(folder: Path, name: str) -> str:
    """As Asterisk and :mod:`ivr.audio.sounds` play it: an absolute path, without suffix."""
    return str(folder.resolve() / name)


def _store(folder: Path, path: Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    number, part = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
