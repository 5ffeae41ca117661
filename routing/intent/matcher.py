"""How well each of many phrases can be heard anywhere in a sentence: local alignment of syllables, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from routing.intent.syllables import OTHER, Floats

EXTRA = 0.45
"""Cost of a syllable that was heard but not said."""
SWALLOWED = 0.3
"""Cost, beside the syllable itself, of one that was said but not heard."""
# A phrase of so many syllables counts from this likeness on; short ones are found by chance too easily.
ENOUGH = (1.0, 0.97, 0.86, 0.8, 0.76, 0.72, 0.7, 0.7, 0.7)


class Matcher:
    def __init__(self, alike: Floats, phrases: Sequence[Sequence[int]]) -> None:
        self.size = len(phrases)
        width = max((len(p) for p in phrases), default=1)
        lengths = np.array([len(p) for p in phrases], np.int64)
        table = np.full((width, self.size), OTHER, np.int64)
        for index, phrase in enumerate(phrases):
            table[: len(phrase), index] = phrase
        # gain[syllable, place, phrase]: what hearing that syllable is worth at that place of that phrase.
        self._alike, self._table = alike, table
        self._gains: dict[int, Floats] = {}
        self._last = (lengths - 1, np.arange(self.size))
        self._lengths = lengths.astype(np.float32)
        self._enough = np.array([ENOUGH[min(n, len(ENOUGH) - 1)] for n in lengths], np.float32)

    def _gain(self, syllable: int) -> Floats:
        gain = self._gains.get(syllable)
        if gain is None:
            gain = self._gains[syllable] = self._alike[syllable][self._table]
        return gain

    def likeness(self, sentence: Sequence[int]) -> tuple[Floats, npt.NDArray[np.int32]]:
        """For each phrase its best likeness (0 to 1) and the place of the sentence where that ends."""
        width = self._table.shape[0]
        best = np.zeros(self.size, np.float32)
        where = np.full(self.size, -1, np.int32)
        # row[i]: the best value of the first i syllables of each phrase, ending at this place of the sentence.
        row = np.full((width + 1, self.size), -9.0, np.float32)
        row[0] = 0.0
        for place, syllable in enumerate(sentence):
            new = np.empty_like(row)
            new[0] = 0.0
            np.add(row[:-1], self._gain(syllable), out=new[1:])
            np.maximum(new[1:], row[1:] - EXTRA, out=new[1:])
            # One swallowed syllable at a time is enough: two in a row leave nothing to be heard of a short phrase.
            np.maximum(new[2:], new[1:-1] - SWALLOWED, out=new[2:])
            row = new
            ended = row[1:][self._last]
            better = ended > best
            best = np.where(better, ended, best)
            where[better] = place
        return np.maximum(best / self._lengths, 0.0), where

    def hits(self, likeness: Floats) -> Floats:
        """0 for a phrase that was not said, 1 for one heard exactly."""
        strength: Floats = np.maximum(0.0, (likeness - self._enough) / (1.001 - self._enough))
        return np.minimum(strength, 1.0)
