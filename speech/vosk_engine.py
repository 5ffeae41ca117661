"""Vosk."""

from __future__ import annotations

from pathlib import Path

from speech.port import EngineError, Recogniser


def load(models_dir: Path, threads: int) -> Recogniser:
    raise EngineError("not yet")
