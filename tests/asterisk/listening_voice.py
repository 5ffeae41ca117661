"""The voice server with a recogniser that knows a few recordings: it hears what ``<home>/sounds.json`` says of them.

``{"/path/of.wav": "已经解决了"}``. Callers may speak at once, each their own sentence.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotline.settings import home_folder
from hotline.voice import main
from speech.fake import FakeRecogniser, FakeUtterance, Script
from speech.port import Grammar
from tests.asterisk.sound import read_wav

Samples = NDArray[np.float64]
LEAST = 0.3
"""Likeness from which on it is this recording; others have less than 0.1."""


class Ear(FakeUtterance):
    def __init__(self, recogniser: FakeRecogniser, known: dict[str, Samples]) -> None:
        super().__init__(recogniser, Script(""))
        self._known, self._pcm = known, bytearray()

    def feed(self, pcm: bytes) -> str:
        self._pcm += pcm
        return ""

    def finish(self) -> str:
        heard = np.frombuffer(bytes(self._pcm), dtype="<i2").astype(np.float64)
        likeness = {text: like(heard, sound) for text, sound in self._known.items()}
        best = max(likeness, key=lambda text: likeness[text], default="")
        return best if best and likeness[best] >= LEAST else ""


def like(heard: Samples, sound: Samples) -> float:
    """The best correlation at any shift, 0 to 1."""
    energy = float(np.sqrt((heard**2).sum() * (sound**2).sum()))
    if not energy:
        return 0.0
    size = 1 << (len(heard) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
    return float(product.max()) / energy


class Listening(FakeRecogniser):
    name = "listening"

    def __init__(self, file: Path) -> None:
        super().__init__(streaming=False)
        self._known = {text: read_wav(Path(path))[0][:, 0] for path, text in json.loads(file.read_text()).items()}

    def open(self, grammar: Grammar | None = None) -> FakeUtterance:
        self.open_utterances += 1
        return Ear(self, self._known)


def load(engine: str, models_dir: Path, threads: int) -> Listening:
    return Listening(home_folder() / "sounds.json")


if __name__ == "__main__":
    main(load)
