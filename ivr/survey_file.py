"""A survey 回访 as data: who we say we are, what is asked, which key and which words answer it. One file per survey in
``ivr/surveys/``; a campaign names it by the file's name.

Keys 0 (a person), 8 (never again) and ``*`` (once more) mean the same at every question of every survey.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from datafile import DataFile, DataFileError, Rule

AnswerKey = Literal["1", "2", "3", "4", "5", "6", "7"]
KEYS: tuple[AnswerKey, ...] = ("1", "2", "3", "4", "5", "6", "7")
PERSON_KEY, NEVER_KEY, REPEAT_KEY = "0", "8", "*"
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Value = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Phrase = Annotated[str, Field(min_length=1, max_length=20)]
PromptName = Annotated[str, Field(min_length=1, max_length=60)]

LEVELS: Mapping[str, str] = {
    "very_satisfied": "非常满意",
    "satisfied": "满意",
    "basically_satisfied": "基本满意",
    "dissatisfied": "不满意",
    "very_dissatisfied": "非常不满意",
}
"""The words of the regulations' scales (tickets/words.py: Level), best first."""
Level = Literal["very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied"]
SOLVED, SATISFACTION = "solved", "satisfaction"
"""Questions that a ticket understands."""


class Answer(Rule):
    """``value`` is written down. ``says``: words that mean it, compared by sound. ``connect``: to a person at once."""

    value: Value
    label: str = Field(min_length=1, max_length=20)
    says: tuple[Phrase, ...] = ()
    connect: bool = False


class Question(Rule):
    """One question: with ``answers`` by key, or by a ``scale``, whose keys follow its order.

    The scale that the call brings (its regulation's own) goes before the one written here.
    """

    ask: PromptName
    answers: dict[AnswerKey, Answer] = Field(default_factory=dict)
    scale: tuple[Level, ...] = ()


class Survey(Rule):
    """Prompts are ids of ``ivr/prompts/zh.yaml``; times in seconds."""

    name: str = Field(min_length=1, max_length=40)
    opening: PromptName
    """Who rings, why, and that the call is recorded."""
    say: PromptName
    """Follows it where words are understood."""
    keys: PromptName
    """0, 8 and ``*``."""
    wrong: PromptName
    again: PromptName
    """Nothing usable was said."""
    to_agent: PromptName
    thanks: PromptName
    no_answer: PromptName
    """The end where nothing was answered."""
    never_again: PromptName
    comment: PromptName | None = None
    """Invites whoever has answered to say more after a tone."""
    queue: Id
    emergency_queue: Id
    """For words that tell of danger, but not of which."""
    silence_seconds: float = Field(default=5, ge=2, le=15)
    questions: dict[Id, Question] = Field(min_length=1, max_length=10)


def level_prompt(level: str) -> str:
    return f"level-{level.replace('_', '-')}"


def press_prompt(key: str) -> str:
    return f"press-{key}"


def read_scale(text: str) -> tuple[Level, ...]:
    """``very_satisfied-satisfied-dissatisfied``, as the dialplan passes it. Empty: it is none."""
    levels: list[Level] = []
    for word in text.split("-"):
        level: Level | None = next((one for one in get_args(Level) if one == word), None)
        if level is None or level in levels:
            return ()
        levels.append(level)
    return tuple(levels) if len(levels) > 1 else ()


def load_survey(path: Path, queues: Collection[str], texts: Mapping[str, str]) -> Survey:
    """Read and check one survey. Raises :class:`datafile.DataFileError` naming file and line.

    ``texts``: prompts and what they say, because a key that nobody is told of is no answer.
    """
    file = DataFile(path)
    survey = file.parse(Survey)
    for where in ("opening", "say", "keys", "wrong", "again", "to_agent", "thanks", "no_answer", "never_again"):
        _known(file, texts, getattr(survey, where), where)
    if survey.comment is not None:
        _known(file, texts, survey.comment, "comment")
    _says(file, texts[survey.opening], "录音", "opening")
    for key in (PERSON_KEY, NEVER_KEY):
        _says(file, texts[survey.keys], f"按{key}", "keys")
    for where in ("queue", "emergency_queue"):
        if getattr(survey, where) not in queues:
            raise file.error(f"unknown queue {getattr(survey, where)!r}", where)
    for name, question in survey.questions.items():
        _check_question(file, name, question, texts)
    return survey


def _check_question(file: DataFile, name: str, question: Question, texts: Mapping[str, str]) -> None:
    at = ("questions", name)
    _known(file, texts, question.ask, *at, "ask")
    if bool(question.answers) == bool(question.scale):
        raise file.error("one of answers or scale", *at)
    if question.scale:
        if read_scale("-".join(question.scale)) != question.scale:
            raise file.error("a scale has at least two levels, each once", *at, "scale")
        for level in LEVELS:  # a call may bring any of them
            _known(file, texts, level_prompt(level), *at, "scale")
        for key in KEYS[: len(LEVELS)]:
            _known(file, texts, press_prompt(key), *at, "scale")
    for key in question.answers:
        _says(file, texts[question.ask], f"按{key}", *at, "answers", key)
    values = [answer.value for answer in question.answers.values()]
    if len(set(values)) < len(values):
        raise file.error("two answers of the same value", *at, "answers")
    phrases = [phrase for answer in question.answers.values() for phrase in answer.says]
    if twice := [phrase for phrase in phrases if phrases.count(phrase) > 1]:
        raise file.error(f"{twice[0]!r} stands here twice", *at, "answers")
    if name == SOLVED and set(values) != {"yes", "no"}:
        raise file.error("a ticket understands yes and no", *at, "answers")
    if name == SATISFACTION and not question.scale:
        raise file.error("a ticket understands a scale", *at)


def _known(file: DataFile, texts: Mapping[str, str], prompt: str, *at: str) -> None:
    if prompt not in texts:
        raise file.error(f"no prompt {prompt!r}", *at)


def _says(file: DataFile, text: str, words: str, *at: str) -> None:
    if words not in text:
        raise file.error(f"the prompt does not say {words!r}", *at)


def load_surveys(folder: Path, queues: Collection[str], texts: Mapping[str, str]) -> Mapping[str, Survey]:
    """All surveys of a folder by the file's name."""
    found = {path.stem: load_survey(path, queues, texts) for path in sorted(folder.glob("*.yaml"))}
    if not found:
        raise DataFileError(folder, 1, "no survey: nobody could be asked")
    return found
