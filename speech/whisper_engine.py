"""Whisper by faster-whisper: hears at the end of a turn; also writes down whole recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speech.port import EngineError, Recogniser


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech: seconds from the beginning of the recording, and its words."""

    start: float
    end: float
    text: str


class Scribe:
    """Writes down recordings. Its one method blocks for about a quarter of the recording's speech: a thread's work."""

    def __init__(self, models_dir: Path, threads: int) -> None:
        """``threads``: processor cores it may use. Raises :class:`EngineError`."""
        raise EngineError("not yet")

    def transcribe(self, pcm: bytes) -> list[Segment]:
        """Any length, 16 bit, mono, 8 kHz; one channel of a call at a time. Silence gives no segments."""
        raise EngineError("not yet")


def load(models_dir: Path, threads: int) -> Recogniser:
    raise EngineError("not yet")
