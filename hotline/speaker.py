"""Words become sound outside the prompts: by the voice that speaks the prompts, or from a recording that somebody made.

The voice is what ``hotline prompts build`` uses, in its environment; where it is not, a recording has to be given.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

from datafile import DataFileError
from ivr.prompts import load_prompts
from ivr.render_build import speak
from ivr.render_kit import Kit, KitError, cache_folder, installed
from line import spoken
from line.faults import LineFault
from line.spoken import Spoken

LONGEST = 60
"""Characters spoken in one breath: the model takes some two hundred."""
NO_VOICE = (
    "本机没有语音合成组件：请先在服务器上运行 hotline prompts build，或改用录音（hotline announce on --wav 文件）"
)
_ENDS = "。！？；"
_SILENT = str.maketrans(dict.fromkeys("“”‘’\"'《》〈〉【】「」", None) | dict.fromkeys("（）()—-–·/", "，"))
_CLOCK = re.compile(r"(?<![0-9:])([0-9]{1,2})[:：]([0-5][0-9])(?![0-9:：])")


class Speaker:
    """One text at a time: it takes a processor for some seconds."""

    def __init__(self, folder: Path, kit: Callable[[], Kit | None] = lambda: installed(cache_folder())) -> None:
        self._folder, self._kit = folder, kit
        self._turn = asyncio.Lock()

    async def speak(self, text: str) -> Spoken:
        """Raises LineFault ``no_voice``, ``text``, ``sound``, OSError."""
        async with self._turn:
            return await asyncio.to_thread(self._speak, text)

    async def keep(self, wav: bytes) -> Spoken:
        """A recording that was made elsewhere. Raises LineFault ``sound``, OSError."""
        return await asyncio.to_thread(spoken.keep, self._folder, wav)

    def has(self, name: str) -> bool:
        return bool(re.fullmatch("[0-9a-f]{32}", name)) and spoken.path_of(self._folder, name).is_file()

    def _speak(self, text: str) -> Spoken:
        kit = self._kit()
        if kit is None:
            raise LineFault("no_voice", NO_VOICE)
        return speak_into(self._folder, text, kit)


def speak_into(folder: Path, text: str, kit: Kit, name: str | None = None) -> Spoken:
    """``name``: of the file, as with :func:`line.spoken.keep`. Raises LineFault ``text``, ``sound``, OSError."""
    said = breaths(text)
    if not said:
        raise LineFault("text", "没有可以读出来的文字")
    try:
        texts = load_prompts().texts
        with tempfile.TemporaryDirectory(prefix="hotline-spoken-") as scratch:
            parts = speak(kit, [texts.recipe_of(part) for part in said], Path(scratch))
            return spoken.keep(folder, joined(parts), name)
    except (KitError, DataFileError) as error:
        raise LineFault("text", f"这段文字无法合成（{error}）：请改写，或改用录音") from error


def breaths(text: str) -> list[str]:
    """As the voice takes it: no signs that are not spoken, times as people say them, a sentence or less at once."""
    plain = _CLOCK.sub(_said, re.sub(r"\s+", "", text).translate(_SILENT))
    plain = re.sub("，+(?=[，。！？；、：])|^，+", "", plain)
    found: list[str] = []
    for sentence in re.findall(f"[^{_ENDS}]+[{_ENDS}]*", plain):
        found += _short(sentence)
    return [part if part[-1] in f"{_ENDS}，、：" else f"{part}。" for part in found]


def _said(found: re.Match[str]) -> str:
    return f"{int(found[1])}点" + (f"{int(found[2])}分" if int(found[2]) else "")


def _short(sentence: str) -> list[str]:
    found = [""]
    for clause in re.findall("[^，、：]+[，、：]?", sentence):
        if found[-1] and len(found[-1]) + len(clause) > LONGEST:
            found.append("")
        found[-1] += clause
    return [part[at : at + LONGEST] for part in found for at in range(0, len(part), LONGEST)]


def joined(parts: list[Path]) -> bytes:
    """One recording of several of the same kind, one after the other."""
    written = io.BytesIO()
    with wave.open(written, "wb") as whole:
        for number, path in enumerate(parts):
            with wave.open(str(path)) as part:
                if number == 0:
                    whole.setparams(part.getparams())
                whole.writeframes(part.readframes(part.getnframes()))
    return written.getvalue()
