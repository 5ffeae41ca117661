"""Whether somebody speaks: the Silero model that comes with faster-whisper, behind a gate that asks for loudness first.

Tried against WebRTC's detector on noisy telephone speech: that one takes horns, clatter and every cough for a voice.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from speech.audio import HISTORY, samples, upsample
from speech.port import EngineError

_WINDOW = 512
_CONTEXT = 64
"""Samples at 16 kHz that the model takes at once, and how many of the window before it wants to see again."""
_BEGINS, _GOES_ON = 0.15, 0.08
"""Probability of a voice above which speech begins, and below which it is over. The model's usual 0.5 is reached
half a second late by many telephone voices, and hiss, horns and coughs stay below 0.1."""
_LOUD, _AUDIBLE = 10 ** (-34 / 20), 10 ** (-48 / 20)
"""Loudness (root mean square of 20 ms, full scale = 1) without which no speech begins, or goes on. The weakest callers
are 5 dB above the first; the prompt's own echo, 20 dB below it, is not (the prompts' peaks are at -15 dB)."""


@lru_cache(maxsize=1)
def _model() -> onnxruntime.InferenceSession:
    """Loaded once; may be used from several threads. The package itself is not imported: it would load a lot more."""
    package = importlib.util.find_spec("faster_whisper")
    found = (
        sorted((Path(package.origin).parent / "assets").glob("silero_vad*.onnx")) if package and package.origin else []
    )
    if not found:
        raise EngineError("no voice activity model: faster-whisper is not installed")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(found[-1]), options, providers=["CPUExecutionProvider"])


class VoiceActivity:
    """One per turn. The first one of a process takes a tenth of a second (the model is loaded)."""

    def __init__(self) -> None:
        self._session = _model()
        self._past = np.zeros(HISTORY, np.float32)
        self._loudest = 0.0
        self._speech = False
        self._probability = 0.0
        self._waiting = self._context = np.zeros(0, np.float32)
        self._h = self._c = np.zeros((1, 1, 128), np.float32)
        self._forget()

    def is_speech(self, frame: bytes) -> bool:
        """Take the next 20 ms (320 bytes) and say whether there is a voice in it."""
        audio = samples(frame)
        loudness = float(np.sqrt(np.dot(audio, audio) / len(audio)))
        self._loudest = max(loudness, self._loudest * 0.8)
        heard = np.concatenate([self._past, audio])
        self._past = heard[-HISTORY:]
        if self._loudest < _AUDIBLE:
            if self._probability or len(self._waiting):
                self._forget()
            return False
        self._waiting = np.concatenate([self._waiting, upsample(heard)])
        while len(self._waiting) >= _WINDOW:
            self._ask()
        if self._speech:
            self._speech = self._probability >= _GOES_ON
        else:
            self._speech = self._probability >= _BEGINS and self._loudest >= _LOUD
        return self._speech

    def _ask(self) -> None:
        window, self._waiting = self._waiting[:_WINDOW], self._waiting[_WINDOW:]
        given = {"input": np.concatenate([self._context, window])[np.newaxis], "h": self._h, "c": self._c}
        probability, self._h, self._c = self._session.run(None, given)
        self._context = window[-_CONTEXT:]
        self._probability = float(probability[0])

    def _forget(self) -> None:
        """Silence: what follows has nothing to do with what was."""
        self._speech = False
        self._probability = 0.0
        self._waiting = np.zeros(0, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._h = self._c = np.zeros((1, 1, 128), np.float32)
