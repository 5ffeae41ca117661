"""Imitates what a telephone line and a recogniser do to the syllables of a sentence. For training only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routing.intent.syllables import Sounds

LEVELS, SHARES = (0.0, 0.1, 0.22, 0.36), (0.2, 0.25, 0.3, 0.25)
"""How many of the syllables are touched, and how often a sentence gets that many."""
OPENERS = "喂 你好 喂你好 那个 您好 嗯 喂您好 呃 你好我想说 唉 同志你好 麻烦你 我跟你说".split()
CLOSERS = "啊 了 谢谢 呢 呀 行吗 好吧 对吧 麻烦了".split()


class Line:
    """A bad line. Equal seeds and equal calls give equal noise."""

    def __init__(self, sounds: Sounds, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        cost = 1.0 - sounds.alike[1:, 1:]
        size = len(cost)
        chance = np.exp(-cost / 0.11) + 0.15 * np.exp(-cost / 0.3) / 20 + 1e-6
        # Tones and characters go wrong far more often than syllables: the same sound is what mostly comes back.
        np.fill_diagonal(chance, 0.0)
        chance /= chance.sum(axis=1, keepdims=True)
        self._becomes = np.cumsum(chance, axis=1)
        self._size = size
        self._openers = [sounds.listen(text) for text in OPENERS]
        self._closers = [sounds.listen(text) for text in CLOSERS]

    def _confused(self, syllable: int) -> int:
        if syllable == 0:
            return 0
        place = int(np.searchsorted(self._becomes[syllable - 1], self._random.random()))
        return min(place, self._size - 1) + 1

    def noisy(self, sentence: Sequence[int]) -> list[int]:
        random = self._random
        said = list(sentence)
        if random.random() < 0.2:
            said = [*self._openers[random.integers(len(self._openers))], *said]
        if random.random() < 0.1:
            said = [*said, *self._closers[random.integers(len(self._closers))]]
        level = LEVELS[int(random.choice(len(LEVELS), p=SHARES))]
        heard: list[int] = []
        for place, syllable in enumerate(said):
            if random.random() >= level:
                heard.append(syllable)
                continue
            what = random.random()
            if what < 0.74:
                heard.append(self._confused(syllable))
            elif what < 0.88:
                pass  # swallowed
            elif what < 0.94:
                heard += [self._confused(syllable), int(random.integers(1, self._size + 1))]
            elif heard and place:
                heard[-1] = self._confused(heard[-1])  # two run together
        if len(heard) > 7 and random.random() < 0.12:
            heard = heard[int(random.integers(1, 3)) :]
        return heard or said
