"""What a ticket's draft takes from the caller's words. Pure: whole sentences of the caller's, cut where they are too
long, never rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from calls.transcripts import CALLER, Made
from tickets.draft import Draft
from tickets.words import Category

SUMMARY = 60
"""Characters that a person takes in at a glance."""
SHORT = 6
"""A sentence of fewer says too little: the next one is added."""
LONGEST_REQUEST = 120
"""Characters that are asked about at once: what a caller says in one breath."""
MOST_SENTENCES = 200
MOST_DETAILS = 20
_END = re.compile(r"(?<=[。！？!?；;])\s*")
_CUT = re.compile(r"[，,、：: ]")
_FILLER = re.compile(r"^(?:(?:喂|你好|您好|嗯|呃|啊|哦|那个|这个|就是说)+[，,、。！？!?\s]*)+")
_CATEGORIES = frozenset(Category)


class Meaning(Protocol):
    """As ``ivr.understanding`` has it."""

    @property
    def label(self) -> str: ...
    @property
    def service(self) -> str | None: ...
    @property
    def topic(self) -> str | None: ...
    @property
    def score(self) -> float: ...
    @property
    def sure(self) -> bool: ...


class Details(Protocol):
    @property
    def places(self) -> Sequence[str]: ...
    @property
    def phones(self) -> Sequence[str]: ...


Understand = Callable[[str], Meaning | None]
Find = Callable[[str], Details]


def draft_of(made: Made, understand: Understand, find: Find) -> Draft | None:
    """A message, if one was left, says best what is wanted. None: the caller said nothing of use."""
    spoken = [one for one in made.said if one.channel == CALLER]
    start = made.message_ms
    message = [one.text for one in spoken if start is not None and one.start_ms >= start]
    texts = message or [one.text for one in spoken]
    sentences = [found for text in texts for found in sentences_of(text)][:MOST_SENTENCES]
    if not sentences:
        return None
    meanings = [understand(one[:LONGEST_REQUEST]) for one in sentences]
    best = _best(meanings)
    place = best if best is not None else max(range(len(sentences)), key=lambda n: len(sentences[n]))
    chosen = meanings[place]
    dangers = [one for one in meanings if one is not None and one.label == "emergency" and one.sure]
    known = find("，".join(one.text for one in spoken))
    return Draft(
        summary=_summary(sentences, place),
        category=Category(chosen.label) if chosen is not None and chosen.label in _CATEGORIES else None,
        emergency=(dangers[0].service or "") if dangers else "",
        topic=(chosen.topic or "") if chosen is not None else "",
        places=tuple(one[:200] for one in known.places[:MOST_DETAILS]),
        phones=tuple(one[:200] for one in known.phones[:MOST_DETAILS]),
    )


def sentences_of(text: str) -> list[str]:
    """Without the greeting and the hesitation at their beginnings."""
    return [found for one in _END.split(text) if (found := _FILLER.sub("", one.strip())).strip("。！？!?；;，,、 ")]


def _best(meanings: Sequence[Meaning | None]) -> int | None:
    """The surest sentence that states a wish, the earliest of equals; None if none does."""
    wishes = [
        (one.label == "emergency" and one.sure, one.score, -place)
        for place, one in enumerate(meanings)
        if one is not None and (one.label in _CATEGORIES or (one.label == "emergency" and one.sure))
    ]
    return -max(wishes)[2] if wishes else None


def _summary(sentences: Sequence[str], place: int) -> str:
    text = sentences[place]
    if len(text) < SHORT and place + 1 < len(sentences):
        text = f"{text}，{sentences[place + 1]}" if text[-1] not in "。！？!?；;，,、" else text + sentences[place + 1]
    text = text.rstrip("。；;，,、 ")
    if len(text) <= SUMMARY:
        return text
    head = text[: SUMMARY - 1]
    breaks = [found.start() for found in _CUT.finditer(head) if found.start() >= SUMMARY // 2]
    return (head[: breaks[-1]] if breaks else head) + "…"
