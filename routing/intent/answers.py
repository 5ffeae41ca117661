"""Answers to closed questions: yes or no, a choice, a word of a scale. Digits are in ``digits.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from datafile import DataFile, Rule
from routing.intent.digits import DigitRules
from routing.intent.matcher import Matcher
from routing.intent.phrasebook import Phrases
from routing.intent.syllables import FOLDER, Sounds

ALIKE = 0.85
"""Two syllables this alike are taken for the same at a closed question, where little else can have been said."""
SHORT = 6
"""An answer of so many syllables is nothing but the answer."""
NOT = ("不", "不是", "没", "没有", "不太", "不怎么")


class _Rules(Rule):
    yes: Phrases
    no: Phrases
    neither: Phrases
    digits: dict[Annotated[str, Field(pattern=r"^\d$")], Phrases]
    digit_homophones: dict[Annotated[str, Field(pattern=r"^\d$")], str]
    digit_fillers: Phrases
    none_of_them: Phrases
    places: tuple[Phrases, ...]
    last: Phrases
    satisfaction: dict[str, Phrases]
    instead: dict[str, Phrases]


class Answers:
    def __init__(self, sounds: Sounds, path: Path = FOLDER / "answers.yaml") -> None:
        file = DataFile(path)
        self.rules = file.parse(_Rules)
        if unknown := set(self.rules.instead) - set(self.rules.satisfaction):
            raise file.error(f"{min(unknown)} is no word of satisfaction", "instead")
        rules = self.rules
        self.digit_rules = DigitRules(rules.digits, rules.digit_homophones, rules.digit_fillers)
        self._sounds = sounds
        self._yes_no: list[tuple[list[int], bool | None]] = [(s, True) for s in self._heard(rules.yes)]
        self._yes_no += [(s, False) for s in self._heard(rules.no)]
        self._yes_no += [(s, None) for s in self._heard(rules.neither)]
        self._yes_no.sort(key=lambda one: -len(one[0]))
        self._not = self._heard(NOT)

    def _heard(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._sounds.listen(text) for text in texts]

    def _at(self, sentence: Sequence[int], place: int, phrase: Sequence[int]) -> bool:
        part = sentence[place : place + len(phrase)]
        return len(part) == len(phrase) and all(
            self._sounds.alike[a, b] >= (0.95 if len(phrase) == 1 else ALIKE) for a, b in zip(part, phrase, strict=True)
        )

    def yes(self, text: str) -> bool | None:
        """The first words decide; a refusal after 嗯 or 好 (嗯不是) is a refusal."""
        sentence = self._sounds.listen(text, 24)
        found: list[bool] = []
        place = 0
        while place < min(len(sentence), SHORT):
            fits = next(((p, v) for p, v in self._yes_no if self._at(sentence, place, p)), None)
            if fits is None:
                if len(sentence) > SHORT:
                    break
                place += 1
                continue
            # 不满意, 不知道: one syllable of a longer word is no answer. 不, 行 or 是 alone is.
            phrase, verdict = fits
            alone = len(phrase) > 1 or place + 1 == len(sentence) or (verdict and place == 0) or bool(found)
            if alone and verdict is not None:
                found.append(verdict)
            place += len(phrase)
        return None if not found else all(found)

    def choice(self, text: str, names: Sequence[str]) -> int | None:
        sentence = self._sounds.listen(text, 40)
        if not sentence or not names:
            return None
        if any(self._find(sentence, phrase) is not None for phrase in self._heard(self.rules.none_of_them)):
            return None
        heard = self._heard(names)
        scores = [self._named(sentence, name) for name in heard]
        best = max(range(len(names)), key=lambda i: scores[i])
        others = [score for i, score in enumerate(scores) if i != best]
        if scores[best] >= 0.78 and scores[best] - max(others, default=0.0) >= 0.08:
            return best
        place = self._by_place(sentence, len(names))
        return place if place is not None else self._by_part(sentence, heard)

    def _by_part(self, sentence: Sequence[int], names: Sequence[Sequence[int]]) -> int | None:
        """By two syllables that stand in one name alone: 进度 for 工单进度."""
        found = {
            index
            for index, name in enumerate(names)
            for at in range(len(name) - 1)
            if (place := self._find(sentence, name[at : at + 2])) is not None and not self._refused(sentence, place)
        }
        return found.pop() if len(found) == 1 else None

    def _by_place(self, sentence: Sequence[int], count: int) -> int | None:
        words = [(phrase, i) for i, texts in enumerate(self.rules.places[:count]) for phrase in self._heard(texts)]
        words += [(phrase, count - 1) for phrase in self._heard(self.rules.last)]
        if count == 2:
            words = [(p, i) for p, i in words if i < 2]
        for phrase, index in sorted(words, key=lambda one: -len(one[0])):
            if len(phrase) == 1 and len(sentence) > 2:
                continue
            if len(sentence) <= SHORT + 4 and self._find(sentence, phrase) is not None:
                return index
        return None

    def _find(self, sentence: Sequence[int], phrase: Sequence[int]) -> int | None:
        return next((p for p in range(len(sentence)) if self._at(sentence, p, phrase)), None)

    def _named(self, sentence: Sequence[int], name: Sequence[int]) -> float:
        """Likeness of the best place for ``name``; nothing if 不 or 不是 stands before it."""
        if not name:
            return 0.0
        likeness, where = Matcher(self._sounds.alike, [name]).likeness(sentence)
        score = float(likeness[0])
        if len(sentence) < len(name) and len(sentence) >= 2:
            score = max(score, float(Matcher(self._sounds.alike, [list(sentence)]).likeness(name)[0][0]) - 0.05)
        start = int(where[0]) - len(name) + 1
        return 0.0 if self._refused(sentence, start) else score

    def _refused(self, sentence: Sequence[int], start: int) -> bool:
        return any(start >= len(n) and self._at(sentence, start - len(n), n) for n in self._not)

    def satisfaction(self, text: str, scale: Sequence[str]) -> str | None:
        """The longest word that fits: 不满意 is not 满意."""
        sentence = self._sounds.listen(text, 40)
        words = {word: (word,) for word in scale if word not in self.rules.satisfaction} | {
            word: (word, *texts) for word, texts in self.rules.satisfaction.items()
        }
        best: tuple[int, float, str, bool] | None = None
        for word, texts in words.items():
            for phrase in self._heard(dict.fromkeys(texts)):  # type: ignore[arg-type]
                if not phrase or (len(phrase) == 1 and len(sentence) > 2):
                    continue
                place = self._find(sentence, phrase)
                if place is None:
                    continue
                likeness = sum(
                    float(self._sounds.alike[a, b]) for a, b in zip(sentence[place:], phrase, strict=False)
                ) / len(phrase)
                refused = self._refused(sentence, place) and word in ("非常满意", "满意")
                found = (len(phrase), likeness, word, refused)
                if best is None or found[:2] > best[:2]:
                    best = found
        if best is None:
            return None
        meant = "不满意" if best[3] else best[2]
        return next((one for one in (meant, *self.rules.instead.get(meant, ())) if one in scale), None)

    def scale_phrases(self, scale: Sequence[str]) -> list[str]:
        """Everything that :meth:`satisfaction` would take for a word of ``scale``."""
        found = list(scale)
        for word, texts in self.rules.satisfaction.items():
            if any(one in scale for one in (word, *self.rules.instead.get(word, ()))):
                found += texts
        return found
