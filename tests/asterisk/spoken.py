"""A hotline that listens, with a recogniser that hears what a test says; and where to look in a recording."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ivr.prompts import FOLDER as PROMPTS
from tests.asterisk.instance import Instance
from tests.asterisk.sound import Samples

SENTENCE = PROMPTS / "zh" / "to-agent.wav"
"""Somebody speaks, clearly: any words will do where a script says what is heard."""
START_SECONDS = 30.0


class Spoken(Instance):
    program = "tests.asterisk.scripted_hotline"

    def __init__(self, home: Path, **settings: Mapping[str, object]) -> None:
        speech = {"engine": "whisper", "max_calls": 60, **settings.pop("speech", {})}
        super().__init__(home, speech=speech, **settings)
        self.hears("")

    def hears(self, text: str, *, partials: Sequence[tuple[float, str]] = (), **more: Any) -> None:
        """From the next sentence on. ``seconds``: until it is decided; ``streaming`` counts at the start only."""
        new = self.home / "heard.new"
        new.write_text(json.dumps({"text": text, "partials": partials, **more}))
        new.replace(self.home / "heard.json")

    def start(self) -> float:
        """Ready when callers can speak and be known."""
        seconds = super().start()
        deadline = time.monotonic() + START_SECONDS
        while not all(words in self.voice_log for words in ("listening with", "callers can be known")):
            assert time.monotonic() < deadline, self.voice_log
            time.sleep(0.05)
        return seconds

    @property
    def voice_log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.settings.log_dir.glob("voice*"))


def sound_begins(samples: Samples, rate: int, after: float = 0.0) -> float:
    """Seconds from the beginning to the first 10 ms that are not silent, ``after`` or later."""
    return _loud(samples, rate, after)[0]


def gap_after(samples: Samples, rate: int, moment: float, shortest: float = 0.4) -> tuple[float, float]:
    """The first silence of ``shortest`` seconds that goes on after ``moment``: from when until when."""
    loud = [at for at in _loud(samples, rate, 0.0) if at < moment][-1:] + _loud(samples, rate, moment)
    for one, other in itertools.pairwise([*loud, len(samples) / rate]):
        if other - one >= shortest and other > moment:
            return one + 0.01, other
    raise AssertionError("no silence")


def heard_whole(samples: Samples, sound: Samples) -> float:
    """How much of ``sound`` is in ``samples`` at one place, 0 to 1 (normalised correlation): no gap, no drift."""
    size = 1 << (len(samples) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(sound, size)), size)[: len(samples)]
    at = int(product.argmax())
    there = samples[at : at + len(sound)]
    sound = sound[: len(there)]
    return float(there @ sound / np.sqrt((there @ there) * (sound @ sound)))


def _loud(samples: Samples, rate: int, after: float) -> list[float]:
    size = rate // 100
    blocks = np.abs(samples[: len(samples) // size * size]).reshape(-1, size).max(axis=1)
    return [float(n) / 100 for n in np.flatnonzero(blocks > 0.01) if n / 100 >= after]
