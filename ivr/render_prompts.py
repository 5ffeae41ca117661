"""Speak prompts: one JSON request on standard input, one JSON line per finished prompt on standard output.

Runs in the voice environment, started by ``hotline prompts build``::

    {"model": "kokoro.onnx", "voices": "folder", "jobs": [{"id", "path", "text", "voice", "speed", "pronunciation"}]}
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ivr.render_audio import RATE, Samples, level, middle_of_three, to_telephone, tone, trim, write_wav
from ivr.render_phonemes import Unpronounceable, tokens
from ivr.render_text import spoken

SENTENCE_ENDS = "。！？"
BEFORE_MS, AFTER_MS = 50, 150
PART_BEFORE_MS, PART_AFTER_MS = 10, 30
WORD_SPEED = 0.7
"""A single syllable inside a list is hurried over; slower, it was understood twice as often."""


class Voice:
    """The Kokoro-82M model with one speaker's style vectors (510 x 256 float32, one row per utterance length)."""

    def __init__(self, model: Path, styles: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a live system may share the machine
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._styles = np.fromfile(styles, dtype="<f4").reshape(-1, 256)

    def say(self, text: str, speed: float, pronunciation: Mapping[str, str]) -> Samples:
        ids = tokens(text, pronunciation)
        request = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": self._styles[len(ids) - 1][np.newaxis],
            "speed": np.array([speed], dtype=np.float32),
        }
        audio = self._session.run(None, request)[0]
        return np.asarray(audio, dtype=np.float32).ravel()


def speak(voice: Voice, text: str, speed: float, pronunciation: Mapping[str, str]) -> Samples:
    """``text`` as a finished 8 kHz prompt. A single word is taken from a list of three: alone it is drawled."""
    words = spoken(text)
    bare = words.rstrip("，。！？")
    if len(bare) == 1:
        audio = middle_of_three(to_telephone(voice.say(f"{bare}，{bare}，{bare}。", speed * WORD_SPEED, pronunciation)))
    else:
        audio = to_telephone(voice.say(words, speed, pronunciation))
    if words[-1] in SENTENCE_ENDS:
        return level(trim(audio, BEFORE_MS, AFTER_MS))
    return level(trim(audio, PART_BEFORE_MS, AFTER_MS if words[-1] in "，、" else PART_AFTER_MS))


def main() -> int:
    request: dict[str, Any] = json.load(sys.stdin)
    voices: dict[str, Voice] = {}
    for job in request["jobs"]:
        if "hz" in job:
            audio = tone(job["hz"], job["ms"])
        else:
            name = job["voice"]
            if name not in voices:
                voices[name] = Voice(Path(request["model"]), Path(request["voices"]) / f"{name}.bin")
            try:
                audio = speak(voices[name], job["text"], job["speed"], job["pronunciation"])
            except Unpronounceable as error:
                print(json.dumps({"id": job["id"], "error": str(error)}), flush=True)
                return 1
        write_wav(Path(job["path"]), audio)
        print(json.dumps({"id": job["id"], "seconds": round(len(audio) / RATE, 2)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
