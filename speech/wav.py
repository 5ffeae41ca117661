"""Sound files of any make (PCM, A-law, µ-law; any rate; one channel or two) as the telephone would deliver them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from speech.audio import pcm16
from speech.port import RATE, EngineError

Side = Literal["left", "right"]


def read(file: Path, side: Side = "left") -> bytes:
    """16 bit, mono, 8 kHz. Of a recording with two channels ``side`` (left is the caller). Raises EngineError."""
    try:
        from av.error import FFmpegError
        from faster_whisper.audio import decode_audio
    except (ImportError, OSError) as error:
        raise EngineError(f"whisper: {error}") from error
    try:
        left, right = decode_audio(str(file), sampling_rate=RATE, split_stereo=True)
    except (FFmpegError, OSError, ValueError, IndexError) as error:
        raise EngineError(f"{file}: no sound file that can be read ({error})") from error
    return pcm16(left if side == "left" else right)
