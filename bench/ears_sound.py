"""What the callers of ``bench.ears`` say: recordings of tests/speech, put into turns as a call has them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from hotline.settings import CHECKOUT
from speech.audio import pcm16
from speech.port import FRAME_BYTES, RATE
from speech.wav import read

RECORDINGS = CHECKOUT / "tests" / "speech" / "wav"
HISS = 10 ** (-52 / 20)
"""A line is never digitally silent."""
YES_NO = ("네", "아니요", "아니", "맞아요", "좋아요")
DIGITS = ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
"""Closed steps in the language of the Korean model, the one that a package index has."""


@dataclass(frozen=True)
class Turn:
    """``phrases``: a closed step; empty: anything may be said. Without ``listens`` nobody asked the caller anything:
    the usual design hears that, too, since its connection stays open."""

    frames: list[bytes]
    phrases: tuple[str, ...] = ()
    listens: bool = True


def calls(count: int) -> list[list[Turn]]:
    """As many different calls, each beginning somewhere else in its course."""
    found = []
    for number in range(count):
        chance = random.Random(number)
        turns = _call(chance)
        lead = Turn(_sound(chance, chance.uniform(0, 4), None), listens=False)
        found.append([lead, *turns])
    return found


def _call(chance: random.Random) -> list[Turn]:
    """Greeting and the open question, the confirmation, for half of them a number."""
    open_question = Turn(_sound(chance, chance.uniform(2, 5), chance.choice(_recordings())))
    confirmation = Turn(_sound(chance, 1.6, None), YES_NO)
    number = Turn(_sound(chance, chance.uniform(1.5, 2.5), chance.choice(_recordings())), DIGITS)
    return [open_question, confirmation, *([number] if chance.random() < 0.5 else [])]


def _sound(chance: random.Random, silence: float, said: bytes | None) -> list[bytes]:
    """``silence`` seconds of a quiet line, then the recording, then 0.7 s of a quiet line."""
    noise = np.random.default_rng(chance.randrange(2**32))
    parts = [hiss(noise, silence)]
    if said is not None:
        parts += [said, hiss(noise, 0.7)]
    pcm = b"".join(parts)
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def hiss(noise: np.random.Generator, seconds: float) -> bytes:
    """A quiet line."""
    return pcm16((noise.standard_normal(int(seconds * RATE)) * HISS).astype(np.float32))


@cache
def _recordings() -> tuple[bytes, ...]:
    return tuple(read(path) for path in sorted(RECORDINGS.glob("*.wav"))[:60])
