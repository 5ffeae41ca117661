"""What callers mean: the class of a request, danger, and answers at closed steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from routing.intent.answers import Answers
from routing.intent.danger import Alarm
from routing.intent.details import details
from routing.intent.features import Ear, Heard
from routing.intent.matcher import Matcher
from routing.intent.model import Model, softmax
from routing.intent.phrasebook import CLASSES, SERVICES, Class, PhraseBook
from routing.intent.syllables import OTHER, Floats, Sounds
from routing.intent.topics import ENOUGH, Topics

CLOSE = 0.25
"""Services that are nearer to each other than this are a doubt, which the table in phrases.yaml decides."""
LEFT = 7
"""Fewer syllables than this beside something made up are made up as well."""
NAME = 3
"""Characters: 作曲 李宗盛."""
CLEAR, LOUD = 0.6, 2.0
"""A subject is taken from this probability on; or for phrases of it worth so many points."""
TINY = 1e-9
"""No chance is smaller: a single reading forbids nothing."""
CERTAIN = 0.97
"""How probable an emergency must be to go off in the middle of a sentence without a clear word of it."""
_CLAUSE = re.compile(r"[\s，。！？、,.!?;；:：…]+")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_HAN = re.compile(r"[\u3400-\u9fff]")
_DISTRICT = re.compile("(?<![小社园校景厂库学山郊城市辖地全街])区$|县$")
_ENDINGS = ("自治县", "新区", "区", "县", "市")


@dataclass(frozen=True, slots=True)
class Meaning:
    label: Class
    service: str | None
    topic: str | None
    queue: str | None
    score: float
    sure: bool
    second: Class | None


class Understanding:
    """Safe to use from several threads."""

    def __init__(self, sounds: Sounds, book: PhraseBook, model: Model, answers: Answers, ear: Ear) -> None:
        self._sounds, self._book, self._model, self._answers, self._ear = sounds, book, model, answers, ear
        self._alarm = Alarm(sounds, book)
        self._subjects = Topics(ear)
        self._fillers = sorted({tuple(sounds.listen(text)) for text in book.rules.fillers}, key=len, reverse=True)

    def request(self, text: str, alternatives: Sequence[str] = ()) -> Meaning | None:
        sentence = self._usable(text)
        if sentence is None:
            return None
        others = (self._usable(other) for other in alternatives)
        counts = Counter(tuple(one) for one in (sentence, *others) if one is not None)
        heard = [self._ear.hear(one) for one in counts]
        classes, services = self._together(heard, list(counts.values()))
        order = classes.argsort()[::-1]
        label: Class = CLASSES[int(order[0])]
        score = float(classes[order[0]])
        topic = self._topic(heard[0])
        if label != "emergency" and _foreign(text):
            label, topic, score = "agent", "english", max(score, self._model.sure)
        service = self._service(heard, services.tolist()) if label == "emergency" else None
        queue = self._book.topics[topic].queue if topic else None
        second = next(CLASSES[int(i)] for i in order if CLASSES[int(i)] != label)
        return Meaning(label, service, topic, queue, round(score, 4), score >= self._model.sure, second)

    def _usable(self, text: str) -> list[int] | None:
        """The syllables of what was said; None if it is only fillers, or what an engine makes up from silence."""
        said = _CLAUSE.split(text[:4000])
        clauses = [clause for clause in said if not self._invented(clause)]
        sentence = _without_loops(self._sounds.listen(" ".join(clauses)))
        if len(clauses) < len(said) and len(sentence) < LEFT:
            return None
        place = 0
        while place < len(sentence):
            fits = next((f for f in self._fillers if tuple(sentence[place : place + len(f)]) == f), None)
            if fits is None:
                break
            place += len(fits)
        if place >= len(sentence) or (all(s == OTHER for s in sentence) and len(sentence) < 3):
            return None
        return sentence

    def _invented(self, clause: str) -> bool:
        """A short invention (字幕) may be a word of a real sentence: it counts where nearly nothing else was said."""
        return any(
            invention in clause
            if len(invention) > 2
            else clause.startswith(invention) and len(clause) <= len(invention) + NAME
            for invention in self._book.rules.inventions
        )

    def _together(self, heard: Sequence[Heard], counts: Sequence[int]) -> tuple[Floats, Floats]:
        """The classes that all readings speak for, the services that those of danger do: a word that was lost in one of
        them is often there in another."""
        chances = [self._model.probabilities(one) for one in heard]
        found = np.array([classes for classes, _ in chances])
        classes = softmax(np.average(np.log(found + TINY), axis=0, weights=counts))
        danger = found[:, CLASSES.index("emergency")] * counts + TINY
        services: Floats = np.average([services for _, services in chances], axis=0, weights=danger)
        return classes, services

    def _service(self, heard: Sequence[Heard], chances: list[float]) -> str:
        order = sorted(range(len(SERVICES)), key=lambda i: -chances[i])
        first, second = order[0], order[1]
        if chances[first] - chances[second] < CLOSE:
            rules = self._book.rules
            for kind in rules.doubts:
                said = rules.doubt_services[kind]
                strength = max(self._ear.strength(one, kind) for one in heard)
                if said in (SERVICES[first], SERVICES[second]) and strength > 0.5:
                    return said
        return SERVICES[first]

    def _topic(self, heard: Heard) -> str | None:
        """The subject, if the words tell it: a phrase of it was said, or the weights leave little doubt."""
        names = list(self._book.topics)
        chances = self._model.subjects(heard)
        best = int(chances.argmax())
        said = self._subjects.points(heard)
        if chances[best] >= CLEAR or said[best] >= ENOUGH:
            return names[best]
        loudest = int(said.argmax())
        return names[loudest] if said[loudest] >= LOUD else None

    def danger(self, partial: str) -> str | None:
        sentence = self._sounds.listen(partial)
        words = self._alarm.raised(sentence)
        if words is None:
            return None
        heard = self._ear.hear(_without_loops(sentence))
        classes, services = self._model.probabilities(heard)
        if classes[CLASSES.index("emergency")] < (self._model.sure if words == "clear" else CERTAIN):
            return None
        return self._service([heard], services.tolist())

    def yes(self, text: str) -> bool | None:
        return self._answers.yes(text)

    def digits(self, text: str) -> str:
        return self._answers.digit_rules.digits(text)

    def choice(self, text: str, names: Sequence[str]) -> int | None:
        return self._answers.choice(text, names)

    def satisfaction(self, text: str, scale: Sequence[str]) -> str | None:
        return self._answers.satisfaction(text, scale)

    def named(self, text: str, district: str) -> bool | None:
        sentence = self._sounds.listen(text)
        name = Matcher(self._sounds.alike, [self._sounds.listen(_bare(district))])
        if sentence and name.hits(name.likeness(sentence)[0])[0] > 0:
            return True
        return False if any(_DISTRICT.search(place) for place in details(text).places) else None

    def phrases(
        self, step: Literal["yes-no", "digits", "satisfaction", "choice", "danger"], names: Sequence[str] = ()
    ) -> tuple[str, ...]:
        rules = self._answers.rules
        if step == "yes-no":
            found = [*rules.yes, *rules.no]
        elif step == "digits":
            found = [word for words in rules.digits.values() for word in words] + ["十", "百"]
        elif step == "satisfaction":
            found = self._answers.scale_phrases(names)
        elif step == "danger":
            found = list(self._book.rules.unmistakable)
        else:
            found = [*names, *(w for words in rules.places[: len(names)] for w in words), *rules.none_of_them]
        return tuple(dict.fromkeys(word for word in found if not word.isascii()))


def _foreign(text: str) -> bool:
    """A sentence in Latin letters: somebody who speaks no Chinese."""
    return len(_LATIN_WORD.findall(text)) >= 3 and len(_HAN.findall(text)) < 3


def _without_loops(sentence: list[int]) -> list[int]:
    """Whisper repeats itself without end when it hears noise: four times the same is once."""
    for period in range(1, 9):
        kept: list[int] = []
        for syllable in sentence:
            kept.append(syllable)
            tail = kept[-4 * period :]
            if len(tail) == 4 * period and all(tail[i] == tail[i % period] for i in range(len(tail))):
                del kept[-3 * period :]
        sentence = kept
    return sentence


def _bare(district: str) -> str:
    """沙河口 for 沙河口区: people leave it out."""
    fits = (one for one in _ENDINGS if district.endswith(one) and len(district) - len(one) > 1)
    return district.removesuffix(next(fits, ""))
