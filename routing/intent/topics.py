"""The subject of a request, where the words tell it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routing.intent.features import Ear, Heard

ENOUGH = 1.2
"""Points a subject needs: a word of two syllables heard exactly has 1.4."""


class Topics:
    def __init__(self, ear: Ear) -> None:
        rows = [(i, e) for i, e in enumerate(ear.book.entries) if e.group.startswith("topic.")]
        names = list(ear.book.topics)
        self._count = len(names)
        self._which = np.array([i for i, _ in rows])
        self._topic = np.array([names.index(e.group.removeprefix("topic.")) for _, e in rows])
        self._points = np.array([0.7 * len(e.syllables) for _, e in rows])

    def points(self, heard: Heard) -> npt.NDArray[np.float64]:
        """For each subject how much of it was said: the best phrase counts fully, the others a third."""
        each = heard.hits[self._which] * self._points
        best = np.zeros(self._count)
        np.maximum.at(best, self._topic, each)
        points: npt.NDArray[np.float64] = best + (np.bincount(self._topic, each, self._count) - best) / 3
        return points
