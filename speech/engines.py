"""Which engines there are. A new one is one file that fits :mod:`speech.port` and one line here."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speech.port import EngineError, Recogniser

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Engine:
    module: str
    """Defines ``load(models_dir: Path, threads: int) -> Recogniser``, which raises EngineError. Imported when used:
    a library takes its time and memory."""
    calls_per_core: int
    """Callers listened to at once. A first guess only: while a turn is behind, the pool takes no new one."""


_ENGINES = {
    "vosk": _Engine("speech.vosk_engine", 10),
    "whisper": _Engine("speech.whisper_engine", 4),
}
"""In the order in which ``auto`` tries them."""
NAMES = tuple(_ENGINES)


def load(engine: str, models_dir: Path, threads: int) -> Recogniser | None:
    """``engine``: a name, ``none``, or ``auto`` for the first that can be used, None if none can.

    ``threads``: how many turns will be decoded at once. Takes seconds. With ``auto`` the log says why an engine was
    passed over: its model may be missing, or broken. Raises :class:`EngineError` when a named engine
    cannot be used.
    """
    if engine == "none":
        return None
    if engine != "auto":
        return _load(engine, models_dir, threads)
    for name in NAMES:
        try:
            return _load(name, models_dir, threads)
        except EngineError as error:
            _log.warning("%s", error)
    return None


def _load(name: str, models_dir: Path, threads: int) -> Recogniser:
    if name not in _ENGINES:
        raise EngineError(f"{name}: no such engine (there are {', '.join(NAMES)})")
    try:
        module = importlib.import_module(_ENGINES[name].module)
    except ImportError as error:
        raise EngineError(f"{name}: {error}") from error
    recogniser: Recogniser = module.load(models_dir, threads)
    return recogniser


def unheard(recogniser: Recogniser, phrases: Sequence[str]) -> tuple[str, ...]:
    """Of ``phrases`` those that the engine could not listen for at a closed step. An engine with a fixed vocabulary has
    a method of this name; the others hear freely."""
    ask: Callable[[Sequence[str]], tuple[str, ...]] | None = getattr(recogniser, "unheard", None)
    return ask(phrases) if ask is not None else ()


def capacity(recogniser: Recogniser, cores: int) -> int:
    """How many callers it may listen to at once on a machine with so many cores."""
    return max(1, cores * _ENGINES[recogniser.name].calls_per_core) if recogniser.name in _ENGINES else 1
