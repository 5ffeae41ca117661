"""A telephone line for clean speech: noise of several kinds, the band of a line, A-law. Pure but for the file written.

Samples are one-dimensional float arrays at 8 kHz, full scale 1.0. The same generator gives the same recording.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
NOISES = ("white", "pink", "babble", "street", "hum")
LEVEL_DBFS = (-28.0, -18.0)
"""Between a soft voice far from the handset and a loud one close to it."""
SILENCE_SECONDS = (0.2, 0.6)

_WAVE_FORMAT_ALAW = 6
_A_LAW_SEGMENT_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF])

Samples = npt.NDArray[np.float64]


def call(
    speech: Samples, others: Sequence[Samples], snr_db: tuple[float, float], rng: np.random.Generator
) -> tuple[Samples, str, float]:
    """``speech`` as it arrives over a line: the samples, the kind of noise, the signal-to-noise ratio in dB.

    ``others`` are recordings of other speakers, for a room full of people.
    """
    before, after = (int(rng.uniform(*SILENCE_SECONDS) * RATE) for _ in range(2))
    padded = np.pad(band(speech), (before, after))
    kind = str(rng.choice(NOISES))
    snr = float(rng.uniform(*snr_db))
    noise = band(_noise(kind, len(padded), others, rng))
    noise *= _level(speech) / _rms(noise) * 10 ** (-snr / 20)
    both = padded + noise
    both *= 10 ** (rng.uniform(*LEVEL_DBFS) / 20) / _level(speech)
    return np.clip(both, -1, 1), kind, snr


def band(samples: Samples) -> Samples:
    """300 to 3400 Hz, as a line passes them."""
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    gain = np.interp(hz, [0, 200, 300, 3400, 3600, RATE], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * gain, len(samples)))


def write_a_law(path: Path, samples: Samples) -> None:
    """A WAV file of 8 kHz A-law, one byte a sample."""
    data = a_law(np.round(samples * 32767).astype(np.int64)).tobytes()
    shape = struct.pack("<HHIIHHH", _WAVE_FORMAT_ALAW, 1, RATE, RATE, 1, 8, 0)
    fact = struct.pack("<I", len(data))
    padding = b"\0" * (len(data) % 2)
    body = b"WAVE" + _chunk(b"fmt ", shape) + _chunk(b"fact", fact) + _chunk(b"data", data) + padding
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_chunk(b"RIFF", body))


def a_law(pcm: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """16-bit samples to A-law (ITU-T G.711, even bits inverted)."""
    negative = pcm < 0
    size = np.where(negative, -(pcm >> 3) - 1, pcm >> 3)
    segment = np.searchsorted(_A_LAW_SEGMENT_ENDS, size)
    code = (segment << 4) | ((size >> np.maximum(segment, 1)) & 0xF)
    return np.asarray(code ^ np.where(negative, 0x55, 0xD5), dtype=np.uint8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def _noise(kind: str, length: int, others: Sequence[Samples], rng: np.random.Generator) -> Samples:
    if kind == "white":
        return rng.standard_normal(length)
    if kind == "pink":
        return _coloured(length, 0.5, rng)
    if kind == "hum":
        return _hum(length, rng)
    if kind == "babble" and others:
        return _babble(length, others, rng)
    return _street(length, rng)


def _coloured(length: int, slope: float, rng: np.random.Generator) -> Samples:
    """Noise whose amplitude falls with the frequency to the power of ``slope``."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    return np.asarray(np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1.0) ** slope, length))


def _hum(length: int, rng: np.random.Generator) -> Samples:
    """The mains' harmonics and a little hiss."""
    time = np.arange(length) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * n * time + rng.uniform(0, 2 * np.pi)) / n for n in range(2, 24))
    return np.asarray(hum + 0.1 * rng.standard_normal(length))


def _babble(length: int, others: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Six other speakers at once, each from somewhere in his sentence."""
    total = np.zeros(length)
    for index in rng.integers(len(others), size=6):
        total += np.roll(np.resize(others[index], length), int(rng.integers(length)))
    return total


def _street(length: int, rng: np.random.Generator) -> Samples:
    """Engines that come and go, now and then a horn."""
    time = np.arange(length) / RATE
    passing = 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(0.15, 0.6) * time + rng.uniform(0, 2 * np.pi))
    traffic = _coloured(length, 0.8, rng) * passing
    if rng.random() < 0.5:
        start = int(rng.integers(max(length - RATE // 3, 1)))
        horn = sum(np.sin(2 * np.pi * hz * time[: RATE // 3]) for hz in (420, 530, 840, 1060))
        piece = traffic[start : start + RATE // 3]
        piece += np.asarray(horn)[: len(piece)] * _rms(traffic)
    return traffic


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)) + 1e-9)


def _level(samples: Samples) -> float:
    """RMS of the frames that hold speech (within 25 dB of the loudest 10 ms)."""
    frames = samples[: len(samples) // 80 * 80].reshape(-1, 80)
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power > power.max() * 10**-2.5].mean()))
