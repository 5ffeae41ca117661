"""A recording through a recogniser as a call's turn goes through it: voice activity, batches, partial results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speech.gate import Gate, margins
from speech.pool import BATCH
from speech.port import RATE, Grammar, Recogniser
from speech.vad import VoiceActivity


@dataclass(frozen=True, slots=True)
class Partial:
    at: float
    """Seconds of the recording after which the words so far were these."""
    text: str


@dataclass(frozen=True, slots=True)
class Hearing:
    text: str
    partials: tuple[Partial, ...]
    alternatives: tuple[str, ...]


def hear(recogniser: Recogniser, pcm: bytes, phrases: Sequence[str] = ()) -> Hearing:
    """Blocks. Raises :class:`speech.port.EngineError`."""
    gate = Gate(VoiceActivity(), *margins(recogniser.streaming))
    utterance = recogniser.open(Grammar(tuple(phrases)) if phrases else None)
    partials: list[Partial] = []
    try:
        for begin in range(0, len(pcm), BATCH):
            voiced = gate.pass_on(pcm[begin : begin + BATCH])
            words = utterance.feed(voiced) if voiced else ""
            if words and (not partials or words != partials[-1].text):
                partials.append(Partial(min(begin + BATCH, len(pcm)) / 2 / RATE, words))
        text = utterance.finish() if gate.heard else ""
        return Hearing(text, tuple(partials), utterance.alternatives)
    finally:
        utterance.close()
