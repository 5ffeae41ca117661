"""Danger in a sentence that is still going on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from routing.intent.matcher import Matcher
from routing.intent.phrasebook import PhraseBook
from routing.intent.syllables import Sounds

HEARD = 0.6
"""A clear word of danger must be heard this well,"""
GUARDED = 0.75
"""and one that turns it into a story or a question this well."""


class Alarm:
    """Only the words of danger and the guards: a fifth of a millisecond for a partial result."""

    def __init__(self, sounds: Sounds, book: PhraseBook) -> None:
        self._entries = [e for e in book.entries if e.group.startswith(("clear.", "danger.", "guard."))]
        self._matcher = Matcher(sounds.alike, [e.syllables for e in self._entries])

    def raised(self, sentence: Sequence[int]) -> Literal["clear", "danger"] | None:
        """Whether clear words of danger were said, or only some; None without any, or if a guard was said before."""
        if len(sentence) < 2:
            return None
        likeness, where = self._matcher.likeness(sentence)
        hits = self._matcher.hits(likeness)
        dangers: list[tuple[int, bool]] = []
        guards: list[tuple[int, str]] = []
        for index in (hits > HEARD).nonzero()[0]:
            entry = self._entries[index]
            kind, _, name = entry.group.partition(".")
            if kind != "guard":
                dangers.append((int(where[index]) - len(entry.syllables) + 1, kind == "clear"))
            elif hits[index] > GUARDED:
                guards.append((int(where[index]), name))
        for start, clear in sorted(dangers, key=lambda one: not one[1]):
            # 没有着火: a negation counts only right before the word; 没有呼吸 is itself one of them.
            if not any(end < start and (kind != "negated" or end >= start - 2) for end, kind in guards):
                return "clear" if clear else "danger"
        return None
