"""How alike two texts are: by the pairs of letters in both, the seldom ones before all. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from math import log, sqrt

_BETWEEN = re.compile(r"[\W_]+")
UNSEEN = 100
"""So many texts without any pair are thought to be in every sample: a few texts do not tell what is seldom."""
SELDOM = 0.02
"""The share of the texts that a seldom pair is in at most: what is in more of them is found among the newest, too."""
SAME_PLACE = 0.8
"""So alike are 人民路12号 and 人民路12号楼, but not 人民路12号 and 人民路13号."""


def pairs_of(text: str) -> frozenset[str]:
    """Of neighbouring letters, none over a space or a comma."""
    parts = _BETWEEN.split(text.casefold())
    return frozenset(part[at : at + 2] for part in parts for at in range(len(part) - 1))


class Weights:
    """How much a pair says: the less, the more texts of ``sample`` have it."""

    def __init__(self, sample: Iterable[Collection[str]]) -> None:
        texts = list(sample)
        self._in = Counter(pair for one in texts for pair in one)
        self._bound = SELDOM * (len(texts) + UNSEEN)
        self._most = log(len(texts) + UNSEEN)

    def weight(self, pair: str) -> float:
        return self._most - log(self._in[pair] + 1)

    def seldom(self, pairs: Iterable[str], most: int) -> list[str]:
        """The ``most`` that say most; none that is in more than a few texts."""
        few = [pair for pair in pairs if self._in[pair] <= self._bound]
        return sorted(few, key=lambda pair: (self._in[pair], pair))[:most]

    def likeness(self, one: Collection[str], other: Collection[str]) -> float:
        """0 to 1, the cosine of the angle between them; 0 for a text that says nothing."""
        both = set(one).intersection(other)
        if not both:
            return 0.0
        return self._length(both) / sqrt(self._length(one) * self._length(other))

    def _length(self, pairs: Collection[str]) -> float:
        return sum(self.weight(pair) ** 2 for pair in pairs)


_EVEN = Weights([])


def same_place(one: str, other: str, words: str = "") -> bool:
    """``words``: the other ticket's text, which may name the place itself."""
    one, other = _BETWEEN.sub("", one.casefold()), _BETWEEN.sub("", other.casefold())
    if len(one) < 4:
        return False
    if one == other or one in _BETWEEN.sub("", words.casefold()):
        return True
    return _EVEN.likeness(pairs_of(one), pairs_of(other)) >= SAME_PLACE
