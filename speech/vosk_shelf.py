"""Free-decoding Vosk recognisers between turns.

A new one is expensive: it expands the words of its language model as it meets them (with the Korean model 0.6 s at the
first sound, and five times the work of a used one in the first sentence). After its final result a recogniser forgets
the speaker and the sentence, and keeps only that expansion. So one that has ended a turn serves the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from speech.port import RATE
from speech.priority import lower

_MOST = 12
"""Kept; more are freed when their turn ends. With the Korean model one grows to 75 MB, and no further."""
_TURNS = 300
"""After which one is not used again, whatever it may have gathered."""
_WARM_SECONDS = 1.0


class Shelf:
    """Safe to use from several threads."""

    def __init__(self, make: Callable[[], Any], ready: int) -> None:
        """Makes ``ready`` of them at once, which takes about a second each."""
        self._make = make
        self._turns: dict[int, int] = {}
        self._free: list[Any] = [self._warm() for _ in range(ready)]
        self._lock = threading.Lock()
        self._helper = ThreadPoolExecutor(1, "vosk-shelf", initializer=lower)
        self._coming: Future[None] | None = None

    def take(self) -> Any:
        """The one used last, since it knows most. When the last one goes, another is prepared beside the calls."""
        with self._lock:
            recogniser = self._free.pop() if self._free else None
            if not self._free and (self._coming is None or self._coming.done()):
                self._coming = self._helper.submit(self._add)
        return recogniser if recogniser is not None else self._make()

    def give_back(self, recogniser: Any) -> None:
        """After its final result."""
        with self._lock:
            turns = self._turns.pop(id(recogniser), 0) + 1
            if len(self._free) < _MOST and turns < _TURNS:
                self._turns[id(recogniser)] = turns
                self._free.append(recogniser)

    def _add(self) -> None:
        recogniser = self._warm()
        with self._lock:
            if len(self._free) < _MOST:
                self._free.insert(0, recogniser)

    def _warm(self) -> Any:
        recogniser = self._make()
        hiss = np.random.default_rng(0).standard_normal(int(_WARM_SECONDS * RATE)) * 30
        recogniser.AcceptWaveform(hiss.astype("<i2").tobytes())
        recogniser.FinalResult()
        return recogniser
