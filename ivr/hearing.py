"""How well recordings of prompts are understood: what is to be heard, and how much of it a listener wrote down. Pure.

Characters that sound the same are the same, so texts are compared as toneless pinyin. A part of a sentence (第, 五, 位)
is heard in the sentences it is made for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pypinyin import lazy_pinyin

from ivr.prompts import Texts
from ivr.render_text import spoken
from ivr.say import MAX_NUMBER, say_digits, say_minutes, say_number, say_position
from ivr.standing import Stage, Standing, say_standing
from ivr.survey_file import KEYS, LEVELS, level_prompt, press_prompt

_SCALE = tuple(
    part for key, level in zip(KEYS, LEVELS, strict=False) for part in (level_prompt(level), press_prompt(key))
)
_DAY = date(2026, 11, 22)
_STAGES: Mapping[bool, tuple[Stage, ...]] = {
    False: ("received", "completed", "declined"),
    True: ("accepted", "done"),
}
_MADE_OF_PARTS: tuple[tuple[str, ...], ...] = (
    ("survey-ask-satisfaction", *_SCALE),
    ("survey-ask-service", *_SCALE),
    *(tuple(say_position(position)) for position in (2, 3, 14, 59, 68)),
    *(tuple(say_minutes(minutes)) for minutes in (0, 2, 7, 20, 31, 45)),
    *(("ticket-number", *say_digits(number)) for number in ("20261120000356", "20270914000128")),
    *(tuple(say_standing(Standing(stage, own), _DAY)) for own, stages in _STAGES.items() for stage in stages),
    say_standing(Standing("working", unit="", due=date(2026, 12, 3)), _DAY),
    say_standing(Standing("rework", own=True, due=date(2027, 1, 28), provisional=True), _DAY),
    ("progress-by", "progress-handles"),
    ("queue-quantity1", *say_number(90), "queue-quantity2"),
    ("queue-reporthold", *say_number(70), "queue-seconds"),
    ("queue-reporthold", *say_number(12000), "queue-minutes"),
    ("queue-thereare", *say_number(8164), "queue-callswaiting"),
    ("queue-thereare", *say_number(200_000_000), "queue-callswaiting"),
    ("queue-holdtime", "digits/minus", *say_number(80), "queue-minutes"),
    tuple(say_digits("*4#")),
)
"""What the code and Asterisk put together. Together they hold every part."""
_NOT_CHINESE = re.compile(r"[^㐀-鿿]+")
_WRITTEN_NUMBER = re.compile(r"[0-9]+(?:[ ,，-]+[0-9]+)*")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
_SPELT = str.maketrans("0123456789", "零幺二三四五六七八九")


@dataclass(frozen=True)
class Line:
    """A prompt, or a sentence of several, played one after the other."""

    prompts: tuple[str, ...]
    text: str

    @property
    def whole(self) -> bool:
        return len(self.prompts) == 1


@dataclass(frozen=True)
class Score:
    """``right`` of ``syllables`` were understood; a syllable that nobody said counts against it."""

    right: int
    syllables: int

    @property
    def share(self) -> float:
        return self.right / self.syllables if self.syllables else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.syllables + other.syllables)


def lines(texts: Texts) -> list[Line]:
    """Every prompt that is a sentence of its own, then the sentences made of parts."""
    questions = _questions(texts.prompts)
    made = [names for names in (*questions, *_MADE_OF_PARTS) if texts.ids.issuperset(names)]
    parts = {name for names in made for name in names}
    whole = [(name,) for name in texts.prompts if name not in parts]
    return [Line(names, _text(texts, names)) for names in (*whole, *made)]


def score(texts: Texts, line: Line, heard: str) -> Score:
    """How much of ``line`` is in ``heard``, whichever way the digits written there are meant."""
    wanted = _syllables(spoken(line.text), texts.pronunciation)
    wrong = min(distance(wanted, _syllables(reading, {})) for reading in _readings(texts, heard))
    return Score(max(len(wanted) - wrong, 0), len(wanted))


def _questions(prompts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Each ask-… with the or-… of the class after it, so that each of both is heard once."""
    asks = [name for name in prompts if name.startswith("ask-")]
    ors = [name for name in prompts if name.startswith("or-")]
    return list(zip(asks, [*ors[1:], *ors[:1]], strict=False))


def _text(texts: Texts, names: Sequence[str]) -> str:
    return "".join(texts.prompts.get(name, "") for name in names)


def _readings(texts: Texts, heard: str) -> list[str]:
    """``heard`` with its numbers read digit by digit (1 as 一, as 幺), as quantities, and as those before a measure
    word."""

    def quantity(found: re.Match[str], counted: bool) -> str:
        number = int("".join(filter(str.isdigit, found.group())))
        return _text(texts, say_number(min(number, MAX_NUMBER), counted))

    return [
        heard.translate(_DIGITS),
        heard.translate(_SPELT),
        _WRITTEN_NUMBER.sub(lambda found: quantity(found, False), heard),
        _WRITTEN_NUMBER.sub(lambda found: quantity(found, True), heard),
    ]


def _syllables(text: str, pronunciation: Mapping[str, str]) -> list[str]:
    """Toneless pinyin of what is Chinese in ``text``."""
    if not pronunciation:
        return list(lazy_pinyin(_NOT_CHINESE.sub("", text)))
    found: list[str] = []
    for piece in re.split("(" + "|".join(map(re.escape, pronunciation)) + ")", text):
        sounds = pronunciation.get(piece)
        found += [sound[:-1] for sound in sounds.split()] if sounds else _syllables(piece, {})
    return found


def distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Units (syllables, characters) to change, leave out or put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for at, one in enumerate(wanted, 1):
        diagonal, row[0] = row[0], at
        for index, other in enumerate(heard, 1):
            diagonal, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, diagonal + (one != other))
    return row[-1]
