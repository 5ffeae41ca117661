"""WAV files in and out. pjsip plays 16-bit mono PCM only and refuses very short files."""

from __future__ import annotations

import tempfile
import wave
from array import array
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
MIN_SECONDS = 0.5
"""pjsip refuses files shorter than a few hundred bytes; shorter ones are padded with silence."""


class WavError(Exception):
    """The file cannot be played; the text is one line."""


def check_playable(path: Path) -> None:
    """Raise :class:`WavError` unless ``path`` is PCM WAV of at most 64 MB."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WavError(f"{path}: larger than {MAX_BYTES // 1024 // 1024} MB")
        with wave.open(str(path), "rb") as source:
            rate, channels, width = source.getframerate(), source.getnchannels(), source.getsampwidth()
    except OSError as error:
        raise WavError(f"{path}: {error.strerror}") from error
    except (wave.Error, EOFError) as error:
        raise WavError(f"{path}: not a PCM WAV file ({str(error) or 'too short'})") from error
    if not 4000 <= rate <= 96000 or not 1 <= channels <= 8 or width not in (1, 2, 3, 4):
        raise WavError(f"{path}: {rate} Hz, {channels} channels, {width * 8} bit cannot be played")


def to_mono16(path: Path, folder: Path) -> Path:
    """A copy of ``path`` as 16-bit mono at its own sample rate, in ``folder``. Raises :class:`WavError`."""
    check_playable(path)
    with wave.open(str(path), "rb") as source:
        rate, channels, width = source.getframerate(), source.getnchannels(), source.getsampwidth()
        data = source.readframes(source.getnframes())
    samples = mix_down(to_16_bit(data, width), channels)
    samples.extend([0] * max(0, int(rate * MIN_SECONDS) - len(samples)))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".wav", delete=False) as target:
        with wave.open(target, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(samples.tobytes())
        return Path(target.name)


def to_16_bit(data: bytes, width: int) -> array[int]:
    """Little-endian PCM of ``width`` bytes a sample as 16-bit samples; 8-bit WAV is unsigned."""
    if width == 1:
        return array("h", ((byte - 128) << 8 for byte in data))
    whole = data[: len(data) // width * width]
    top = bytearray(len(whole) // width * 2)
    top[0::2] = whole[width - 2 :: width]
    top[1::2] = whole[width - 1 :: width]
    return array("h", bytes(top))


def mix_down(samples: array[int], channels: int) -> array[int]:
    """The mean of interleaved channels."""
    if channels == 1:
        return samples
    parts = [samples[index::channels] for index in range(channels)]
    return array("h", (sum(frame) // channels for frame in zip(*parts, strict=False)))


def seconds(path: Path) -> float:
    """Length by the file's own header; 0.0 for a missing or unfinished file."""
    try:
        with wave.open(str(path), "rb") as recording:
            return recording.getnframes() / recording.getframerate()
    except (OSError, wave.Error, EOFError, ZeroDivisionError):
        return 0.0


def complete(path: Path) -> bool:
    """True once the header's length agrees with the file's size: pjsip writes it when the recorder closes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(8)
    except OSError:
        return False
    return len(header) == 8 and int.from_bytes(header[4:8], "little") + 8 == size
