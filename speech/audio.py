"""Samples: what the telephone delivers as numbers, and twice as many of them for models that want 16 kHz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

HISTORY = 32
"""How many earlier samples the filter of :func:`upsample` needs."""


def _half_band() -> Samples:
    """Every other tap of a half-band low-pass (63 taps, Kaiser): those that make the new samples between the old."""
    offsets = np.arange(-HISTORY + 1, HISTORY, 2) / 2
    return (np.sinc(offsets) * np.kaiser(HISTORY, 5.0)).astype(np.float32)


_BETWEEN = _half_band()
_DELAY = HISTORY // 2


def samples(pcm: bytes) -> Samples:
    """16-bit signed little-endian as numbers from -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def pcm16(audio: Samples) -> bytes:
    """The reverse of :func:`samples`; what is too loud is cut."""
    return (np.clip(audio, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()


def upsample(audio: Samples) -> Samples:
    """8 to 16 kHz. The first :data:`HISTORY` samples are taken for the past: they have no counterpart in the result.

    The result lies 16 samples (2 ms) behind.
    """
    fresh = len(audio) - HISTORY
    doubled = np.empty(2 * fresh, np.float32)
    doubled[0::2] = audio[_DELAY : _DELAY + fresh]
    doubled[1::2] = np.convolve(audio, _BETWEEN, "valid")[1 : fresh + 1]
    return doubled


def to_16k(pcm: bytes) -> Samples:
    """A whole recording for a model that wants 16 kHz."""
    around = np.zeros(_DELAY, np.float32)
    return upsample(np.concatenate([around, samples(pcm), around]))
