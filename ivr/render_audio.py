"""From the voice model's 24 kHz speech to a telephone prompt: band, trim, loudness, 8 kHz 16-bit WAV.

Runs in the voice environment (``requirements/voice.lock``); shapes are one-dimensional float arrays, full scale 1.0.
"""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

MODEL_RATE = 24000
RATE = 8000
LEVEL_DBFS = -20.0
"""Level of the speech itself, pauses left out (the idea of ITU-T P.56)."""
PEAK_DBFS = -1.5
_FRAME = RATE // 100


def to_telephone(samples: Samples) -> Samples:
    """24 kHz to 8 kHz, keeping the telephone band; a plain low cut spares the loudspeaker of a handset."""
    spectrum = np.fft.rfft(np.pad(samples, MODEL_RATE // 10))
    hz = np.fft.rfftfreq(len(samples) + MODEL_RATE // 5, 1 / MODEL_RATE)
    gain = np.interp(hz, [0, 150, 300, 3400, 3850, MODEL_RATE], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    filtered = np.fft.irfft(spectrum * gain, len(samples) + MODEL_RATE // 5)
    return np.asarray(filtered[:: MODEL_RATE // RATE], dtype=np.float32)


def speech_level(samples: Samples) -> float:
    """RMS in dBFS of the frames that hold speech (within 25 dB of the loudest 10 ms)."""
    power = _frame_power(samples)
    active = power[power > power.max() * 10**-2.5]
    return 10 * math.log10(float(active.mean()))


def level(samples: Samples) -> Samples:
    """Bring the speech to :data:`LEVEL_DBFS`; what would pass :data:`PEAK_DBFS` is bent, not clipped."""
    ceiling = 10 ** (PEAK_DBFS / 20)
    for _ in range(4):  # bending takes a little level away again
        samples = samples * np.float32(10 ** ((LEVEL_DBFS - speech_level(samples)) / 20))
        knee = ceiling * 0.7
        over = np.maximum(np.abs(samples) - knee, 0)
        bent = knee + (ceiling - knee) * np.tanh(over / (ceiling - knee))
        samples = np.where(over > 0, np.sign(samples) * bent, samples).astype(np.float32)
    return samples


def trim(samples: Samples, before_ms: int, after_ms: int) -> Samples:
    """Silence at both ends becomes exactly ``before_ms`` and ``after_ms``, faded so that no edge clicks."""
    start, end = _speech_span(samples)
    speech = samples[start:end].copy()
    fade = min(RATE // 200, len(speech) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    speech[:fade] *= ramp
    speech[len(speech) - fade :] *= ramp[::-1]
    return np.pad(speech, (before_ms * RATE // 1000, after_ms * RATE // 1000))


def middle_of_three(samples: Samples) -> Samples:
    """The second of three equal words spoken as a list: cut at the quietest frame near each third of the speech."""
    start, end = _speech_span(samples)
    speech = samples[start:end]
    loudness = np.convolve(np.sqrt(_frame_power(speech)), np.ones(3) / 3, "same")
    cuts = []
    for low, high in ((0.20, 0.45), (0.48, 0.75)):  # the last word is drawn out, so the joints lie early
        window = loudness[int(len(loudness) * low) : int(len(loudness) * high)]
        cuts.append((int(len(loudness) * low) + int(np.argmin(window))) * _FRAME)
    return speech[cuts[0] : cuts[1]]


def tone(hz: int, ms: int) -> Samples:
    """A sine at the prompts' level with soft ends; 0 Hz is silence."""
    time = np.arange(ms * RATE // 1000, dtype=np.float32) / RATE
    if not hz:
        return np.zeros_like(time)
    edge = np.minimum(1, np.minimum(time, time[-1] - time) / 0.01)
    return np.asarray(10 ** (LEVEL_DBFS / 20) * math.sqrt(2) * np.sin(2 * np.pi * hz * time) * edge, dtype=np.float32)


def write_wav(path: Path, samples: Samples) -> None:
    """16-bit mono PCM at 8 kHz, in place only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    part.replace(path)


def _frame_power(samples: Samples) -> npt.NDArray[np.float64]:
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    return np.asarray((frames**2).mean(axis=1) + 1e-12)


def _speech_span(samples: Samples) -> tuple[int, int]:
    """First and last sample of speech; soft consonants at 40 dB below the loudest still count."""
    power = _frame_power(samples)
    loud = np.flatnonzero(power > power.max() * 10**-4)
    return max(int(loud[0]) - 1, 0) * _FRAME, min((int(loud[-1]) + 2) * _FRAME, len(samples))
