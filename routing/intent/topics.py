"""The subject of a request, where the words tell it."""

from __future__ import annotations

import numpy as np

from routing.intent.features import Ear, Heard

ENOUGH = 1.2
"""Points a subject needs: a word of two syllables heard exactly has 1.4."""


class Topics:
    def __init__(self, ear: Ear) -> None:
        rows = [(i, e) for i, e in enumerate(ear.book.entries) if e.group.startswith("topic.")]
        self._names = list(ear.book.topics)
        self._which = np.array([i for i, _ in rows])
        self._topic = np.array([self._names.index(e.group.removeprefix("topic.")) for _, e in rows])
        self._points = np.array([0.7 * len(e.syllables) for _, e in rows])

    def topic(self, heard: Heard, length: int) -> str | None:
        """The subject whose phrases cover most of what was said; the words of a whole sentence share the points."""
        points = heard.hits[self._which] * self._points
        total = np.zeros(len(self._names))
        # A longer phrase contains shorter ones of its own subject: the best counts fully, the others a third.
        np.maximum.at(total, self._topic, points)
        total += (np.bincount(self._topic, points, len(self._names)) - total) / 3
        best = int(total.argmax())
        return self._names[best] if total[best] >= ENOUGH else None
