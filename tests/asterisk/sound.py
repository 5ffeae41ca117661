"""What a recording contains: tones by their frequency, silence by its level."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def read_wav(path: Path) -> tuple[Samples, int]:
    """Samples from -1 to 1, shape (frames, channels), and the rate in Hz."""
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64) / 32768
        return raw.reshape(-1, file.getnchannels()), file.getframerate()


def tone_share(samples: Samples, rate: int, hertz: float) -> float:
    """Which share of the energy lies within 15 Hz of ``hertz``."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    total = float(power.sum())
    return float(power[np.abs(frequency - hertz) < 15].sum()) / total if total else 0.0


def hears_tone(samples: Samples, rate: int, hertz: float, seconds: float = 0.5) -> bool:
    """Whether some stretch of ``seconds`` is this tone and little else."""
    size = int(seconds * rate)
    return any(
        level(samples[at : at + size]) > 0.01 and tone_share(samples[at : at + size], rate, hertz) > 0.6
        for at in range(0, len(samples) - size, size // 2)
    )


def hears_all(samples: Samples, rate: int, tones: list[float], seconds: float = 0.5) -> bool:
    """Whether some stretch of ``seconds`` is these tones, of about the same strength, and little else."""
    size = int(seconds * rate)
    return any(
        all(tone_share(samples[at : at + size], rate, hertz) > 0.6 / len(tones) for hertz in tones)
        for at in range(0, len(samples) - size, size // 2)
    )


def level(samples: Samples) -> float:
    """Root mean square, 0 to 1."""
    return float(np.sqrt((samples**2).mean())) if len(samples) else 0.0
