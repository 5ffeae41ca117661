"""What a recogniser is to everybody else. Engines stand behind it, one file each; callers of it name none of them.

Audio is 16-bit signed little-endian, mono, 8 kHz everywhere: what the telephone delivers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

RATE = 8000
FRAME_MS = 20
FRAME_BYTES = RATE * FRAME_MS // 1000 * 2


class EngineError(Exception):
    """The engine cannot be used: no library, no model, a model of the wrong kind. One line for the operator."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A closed step: only these phrases are listened for. An engine that cannot do so hears freely."""

    phrases: tuple[str, ...]


class Utterance(Protocol):
    """The recognition of one turn. Its calls block, so they belong on a worker thread, one at a time."""

    def feed(self, pcm: bytes) -> str:
        """Take the next audio (100 to 200 ms at best); the words so far, empty for an engine that hears at the end."""
        ...

    def finish(self) -> str:
        """No more audio: all the words, without blanks between Chinese characters; empty if there were none."""
        ...

    @property
    def alternatives(self) -> tuple[str, ...]:
        """After ``finish``: what the words may have been as well, the likeliest first; empty if nobody can tell."""
        ...

    def close(self) -> None:
        """Free what it holds. May be called at any time, more than once."""
        ...


class Recogniser(Protocol):
    """An engine with its model loaded. One per process; safe to use from several threads."""

    @property
    def name(self) -> str:
        """``vosk``, ``whisper``, …"""
        ...

    @property
    def streaming(self) -> bool:
        """Whether there are words before the end of the turn."""
        ...

    def open(self, grammar: Grammar | None = None) -> Utterance: ...
