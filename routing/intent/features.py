"""A sentence as numbers: pieces of its sound (n-grams, exact, soft and coarse) and the phrases heard in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing.intent.matcher import Matcher
from routing.intent.phrasebook import PhraseBook
from routing.intent.syllables import Floats, Sounds

Keys = npt.NDArray[np.uint32]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_EDGE = np.uint64(1023)


def pieces(sounds: Sounds, sentence: Sequence[int]) -> Keys:
    """Keys (32-bit hashes) of the pieces of a sentence, each once, sorted."""
    exact = np.array(sentence, np.uint64)
    if not len(exact):
        return np.zeros(0, np.uint32)
    soft, coarse = sounds.soft[exact], sounds.coarse[exact]
    edged = np.concatenate(([_EDGE], soft, [_EDGE]))
    parts = [
        _key(1, exact),
        _key(2, soft),
        _key(3, exact[:-1], exact[1:]),
        _key(4, edged[:-1], edged[1:]),
        _key(5, soft[:-2], soft[2:]),
        _key(6, soft[:-3], soft[3:]),
        _key(7, edged[:-2], edged[1:-1], edged[2:]),
        _key(8, coarse[:-2], coarse[1:-1], coarse[2:]),
        _key(9, coarse[:-1], coarse[1:]),
    ]
    return np.unique(np.concatenate(parts))


def _key(kind: int, *columns: npt.NDArray[np.uint64]) -> Keys:
    value = np.full(len(columns[0]), kind, np.uint64)
    for column in columns:
        value = value * np.uint64(1024) + column
    mixed: Keys = ((value * _ODD) >> np.uint64(32)).astype(np.uint32)
    return mixed


@dataclass(frozen=True, slots=True)
class Heard:
    """What :class:`Ear` makes of one sentence."""

    pieces: Keys
    values: Floats
    """One number for each of :attr:`Ear.names`."""
    hits: Floats
    """For each phrase of the book, 0 to 1."""
    where: npt.NDArray[np.int32]
    """For each phrase, the place in the sentence where it was heard to end."""


class Ear:
    """Sentences (syllables) to :class:`Heard`."""

    def __init__(self, sounds: Sounds, book: PhraseBook) -> None:
        self.sounds, self.book = sounds, book
        self.matcher = Matcher(sounds.alike, [e.syllables for e in book.entries])
        self.groups = list(dict.fromkeys(e.group for e in book.entries))
        of_group = np.array([self.groups.index(e.group) for e in book.entries])
        # Entries of a group stand together, so the best of each group is one call.
        self._starts = np.searchsorted(of_group, np.arange(len(self.groups)))
        self._danger = self._numbers("danger.", "clear.")
        self._clear = self._numbers("clear.")
        self._guards = self._numbers("guard.")
        self._kinds = self._numbers("group.")
        guards = [self.groups[g] for g in self._guards]
        kinds = [self.groups[g] for g in self._kinds]
        # What two groups say together is more than the sum: 着火 with 保险, 漏水 with 投诉.
        crossed = np.concatenate((self._guards, self._kinds))
        self._left, self._right = (crossed[side] for side in np.triu_indices(len(crossed), 1))
        self.names = [
            *(f"{e.group}/{e.text}" for e in book.entries),
            *self.groups,
            "danger", "clear", "long", "short",
            *(f"danger+{name}" for name in guards),
            *(f"clear+{name}" for name in guards),
            *(f"danger+{name}" for name in kinds),
            *(f"{self.groups[a]}+{self.groups[b]}" for a, b in zip(self._left, self._right, strict=True)),
        ]  # fmt: skip

    def _numbers(self, *starts: str) -> npt.NDArray[np.int64]:
        return np.array([i for i, name in enumerate(self.groups) if name.startswith(starts)], np.int64)

    def hear(self, sentence: Sequence[int]) -> Heard:
        likeness, where = self.matcher.likeness(sentence)
        hits = self.matcher.hits(likeness)
        best = np.maximum.reduceat(hits, self._starts)
        danger, clear = best[self._danger].max(), best[self._clear].max()
        length = len(sentence)
        rest = [danger, clear, min(1.0, length / 25), max(0.0, 1 - length / 8)]
        guards, kinds = best[self._guards], best[self._kinds]
        crossed = best[self._left] * best[self._right]
        values: Floats = np.concatenate((hits, best, rest, danger * guards, clear * guards, danger * kinds, crossed))
        return Heard(pieces(self.sounds, sentence), values.astype(np.float32), hits, where)

    def strength(self, heard: Heard, kind: str) -> float:
        """How well any phrase of a kind of danger was heard."""
        return float(
            max(
                heard.values[len(self.book.entries) + self.groups.index(f"{group}.{kind}")]
                for group in ("danger", "clear")
                if f"{group}.{kind}" in self.groups
            )
        )
