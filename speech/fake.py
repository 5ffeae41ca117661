"""A recogniser that hears what it was told to, at the times it was told: for tests of everything above the port.

It counts audio, not time: a test that feeds fast is over fast.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from speech.port import RATE, EngineError, Grammar


@dataclass(frozen=True, slots=True)
class Script:
    """What is heard in one turn."""

    text: str
    partials: tuple[tuple[float, str], ...] = ()
    """Seconds of audio after which the words so far are these, in rising order."""
    fails: bool = False
    """The engine breaks down when the turn ends."""
    alternatives: tuple[str, ...] = ()
    """What it may have been as well."""


class FakeRecogniser:
    """Turns get ``scripts`` in the order in which they are opened; when none are left, nothing is heard any more."""

    name = "fake"

    def __init__(self, scripts: Sequence[Script] = (), *, streaming: bool = True) -> None:
        self.streaming = streaming
        self.grammars: list[Grammar | None] = []
        """What each turn so far was opened with."""
        self.open_utterances = 0
        self._scripts = deque(scripts)
        self._lock = threading.Lock()

    def open(self, grammar: Grammar | None = None) -> FakeUtterance:
        with self._lock:
            self.grammars.append(grammar)
            self.open_utterances += 1
            return FakeUtterance(self, self._scripts.popleft() if self._scripts else Script(""))

    def closed(self) -> None:
        with self._lock:
            self.open_utterances -= 1


class LoudActivity:
    """Takes every frame that is not nearly silent for a voice: for tests that have no recording of one."""

    def is_speech(self, frame: bytes) -> bool:
        return max(array("h", frame), default=0) > 300


class FakeUtterance:
    def __init__(self, recogniser: FakeRecogniser, script: Script) -> None:
        self.alternatives = script.alternatives
        self._recogniser = recogniser
        self._script = script
        self._heard = 0
        self._open = True

    def feed(self, pcm: bytes) -> str:
        self._heard += len(pcm)
        if not self._recogniser.streaming:
            return ""
        seconds = self._heard / 2 / RATE
        return next((words for after, words in reversed(self._script.partials) if after <= seconds), "")

    def finish(self) -> str:
        if self._script.fails:
            raise EngineError("as the script says")
        return self._script.text

    def close(self) -> None:
        if self._open:
            self._open = False
            self._recogniser.closed()
