"""A survey 回访 as a pure machine: who we are and why we ring, the questions one by one, and a word at the end.

By words and keys at once, or by keys alone, as in :mod:`ivr.spoken_dialogue`. Each question is put twice at most. What
is not answered has no answer: whoever picked up may be a machine, so nothing is taken from words that only hold an
answer somewhere (:mod:`ivr.said`), and words are listened for freely, because an engine that knows nothing but the
answers hears them in any announcement.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ivr import said
from ivr.keys import MAX_REPEATS, emergency_in, leave, single, typed_after
from ivr.leg import Heard
from ivr.listener import FOR_A_PERSON, Listener
from ivr.said import Reading
from ivr.steps import By, Conversation, Decision, Note, Play, Said, Step, Tell
from ivr.survey_file import (
    KEYS,
    LEVELS,
    NEVER_KEY,
    PERSON_KEY,
    REPEAT_KEY,
    Level,
    Question,
    Survey,
    level_prompt,
    press_prompt,
)
from ivr.understanding import Understanding

NEVER_AGAIN = (
    "以后不再回访 不要再回访 别再回访 以后别打了 以后不要打了 不要再打了 别再打了 别打了 不要再打电话 别再打电话"
    " 不要打电话了 别给我打电话 不要给我打电话"
).split()
MAX_EARLY = 2
"""People say 喂 and 哪位 while we tell who we are: so often we begin the sentence again."""
MAX_UNANSWERED = 2
"""Questions in a row without an answer; then nobody is there to answer more."""

Missed = Literal["silence", "unclear", "wrong"]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    value: str
    by: By
    connect: bool = False


Outcome = Generator[Step, Any, Decision | Told | Missed]


def converse(
    name: str, survey: Survey, scale: Sequence[Level] = (), understanding: Understanding | None = None
) -> Conversation:
    """One citizen's way through ``survey``. ``scale``: that of the regulation, in place of the survey's own."""
    return (yield from _Talk(survey, scale, understanding).run(name))


class _Talk:
    def __init__(self, survey: Survey, scale: Sequence[Level], understanding: Understanding | None) -> None:
        self._survey = survey
        self._ear = Listener(
            understanding, {survey.say: ""}, lambda by: self._queue(survey.emergency_queue, "help", by)
        )
        self._silence_ms = round(survey.silence_seconds * 1000)
        self._questions = [_Asked(node, question, scale) for node, question in survey.questions.items()]
        self._repeats = 0

    def run(self, name: str) -> Conversation:
        yield Tell("ASKED", {"survey": name})
        answered = unanswered = 0
        before: tuple[str, ...] = (self._survey.opening, self._survey.say, self._survey.keys)
        by: By = "silence"
        for asked in self._questions:
            outcome = yield from self._ask(asked, before)
            before = ()
            if isinstance(outcome, Decision):
                return outcome
            if isinstance(outcome, Told):
                answered, unanswered, by = answered + 1, 0, outcome.by
                yield Tell("ANSWER", {"question": asked.node, "value": outcome.value, "by": outcome.by})
                if outcome.connect:
                    return (yield from self._person(outcome.by))
                continue
            unanswered, by = unanswered + 1, outcome
            if outcome == "silence" or unanswered == MAX_UNANSWERED:
                break
        if not answered:
            return (yield from self._end(self._survey.no_answer, by))
        if unanswered or self._survey.comment is None:
            return (yield from self._end(self._survey.thanks, by))
        return (yield from self._comment(self._survey.comment, by))

    # ---- one question ------------------------------------------------------------------------------------------

    def _ask(self, asked: _Asked, before: tuple[str, ...]) -> Outcome:
        """``before``: what is said ahead of the question, the recording notice first."""
        sounds, notice, early, times = (*before, *asked.sounds), bool(before), 0, 1
        while True:
            heard = yield from self._ear.listen(sounds, self._silence_ms, notice=notice)
            if heard.end == "lost":
                left, notice = sounds[heard.sounds_done :], notice and not heard.sounds_done
                heard = yield from self._ear.by_keys(left, self._silence_ms, notice=notice)
            put = len(sounds) - heard.sounds_done <= len(asked.sounds)
            outcome: Decision | Told | Missed
            if heard.end == "key":
                pressed = yield from self._key(asked, heard)
                if pressed == "repeat":
                    sounds, notice = (self._survey.keys, *asked.sounds), False
                    continue
                outcome = pressed
            elif heard.end == "silence":
                outcome = "silence"
            else:
                outcome = yield from self._words(asked, heard, put)
            if isinstance(outcome, (Decision, Told)):
                return outcome
            if outcome == "unclear" and not put and early < MAX_EARLY:
                sounds, notice, early = sounds[heard.sounds_done :], notice and not heard.sounds_done, early + 1
                continue
            if times == 2:
                return outcome
            times += 1
            first = {"silence": (), "unclear": (self._survey.again,), "wrong": (self._survey.wrong,)}[outcome]
            sounds, notice = (*first, *asked.sounds), False

    def _key(self, asked: _Asked, heard: Heard) -> Generator[Step, Any, Decision | Told | Literal["wrong", "repeat"]]:
        assert heard.key is not None
        typed = yield from typed_after(heard.key)
        yield Note("KEY", asked.node, typed)
        decision = yield from self._common(typed)
        if decision is not None:
            return decision
        pressed = single(typed)
        if pressed == REPEAT_KEY:
            self._repeats += 1
            if self._repeats > MAX_REPEATS:
                return (yield from self._end(self._survey.thanks, "repeats"))
            return "repeat"
        found = asked.by_key.get(pressed)
        return Told(found.value, "key", found.connect) if found is not None else "wrong"

    def _words(self, asked: _Asked, heard: Heard, put: bool) -> Outcome:
        text = heard.text if heard.end in ("words", "alarm") else ""
        calm = bool(text) and self._ear.u.danger(text) is None
        if calm and said.says(text, NEVER_AGAIN):
            yield Said(asked.node, heard)
            return (yield from self._never("speech"))
        if calm and said.says(text, FOR_A_PERSON):
            yield Said(asked.node, heard, "agent")
            return (yield from self._person("speech"))
        if calm and put:
            reading = asked.read(text, self._ear.u)
            if reading.sure:
                yield Said(asked.node, heard)
                told = next(told for told in asked.by_key.values() if told.value == reading.value)
                return Told(told.value, "speech", told.connect)
        meaning = yield from self._ear.understood(asked.node, heard, counts=lambda it: it.sure and it.label == "agent")
        if isinstance(meaning, Decision):
            return meaning
        if meaning is not None and meaning.sure and meaning.label == "agent":
            return (yield from self._person("speech"))
        return "unclear"

    # ---- ways out ----------------------------------------------------------------------------------------------

    def _common(self, typed: str) -> Generator[Step, Any, Decision | None]:
        """What a key means everywhere."""
        service = emergency_in(typed)
        if service:
            return Decision("emergency", service, "help", "typed")
        if single(typed) == PERSON_KEY:
            return (yield from self._person("key"))
        if single(typed) == NEVER_KEY:
            return (yield from self._never("key"))
        return None

    def _comment(self, prompt: str, by: By) -> Conversation:
        key = yield Play(prompt)
        if key is not None:
            typed = yield from typed_after(key)
            yield Note("KEY", "comment", typed)
            decision = yield from self._common(typed)
            if decision is not None:
                return decision
            if single(typed) == "#":
                return (yield from self._end(self._survey.thanks, by))
        return Decision("comment", "", "other", by)

    def _person(self, by: By) -> Conversation:
        yield Tell("TO_AGENT", {"by": by})
        return (yield from leave(self._survey.to_agent, self._queue(self._survey.queue, "other", by)))

    def _never(self, by: By) -> Conversation:
        yield Tell("OPTED_OUT", {"by": by})
        return (yield from self._end(self._survey.never_again, by))

    def _end(self, sound: str, by: By) -> Conversation:
        return (yield from leave(sound, Decision("end", "", "other", by)))

    def _queue(self, queue: str, category: str, by: By) -> Decision:
        return Decision("queue", queue, category, by)


class _Asked:
    """A question as it is put in this call. ``node``: its name."""

    def __init__(self, node: str, question: Question, scale: Sequence[Level]) -> None:
        self.node = node
        self.sounds: tuple[str, ...] = (question.ask,)
        self.by_key: Mapping[str, Told] = {
            key: Told(answer.value, "key", answer.connect) for key, answer in question.answers.items()
        }
        self._values = {phrase: answer.value for answer in question.answers.values() for phrase in answer.says}
        self._levels: Mapping[str, str] = {}
        if question.scale:
            keyed = dict(zip(KEYS, scale or question.scale, strict=False))
            self.by_key = {key: Told(level, "key") for key, level in keyed.items()}
            self._levels = {LEVELS[level]: level for level in keyed.values()}
            parts = [(level_prompt(level), press_prompt(key)) for key, level in keyed.items()]
            self.sounds += tuple(sound for pair in parts for sound in pair)
        for key, told in self.by_key.items():
            self._values |= {key: told.value, f"按{key}": told.value, f"选{key}": told.value}

    def read(self, text: str, understanding: Understanding) -> Reading:
        words = tuple(self._levels)
        phrases = (*self._values, *(understanding.phrases("satisfaction", words) if words else ()))

        def value(phrase: str) -> str | None:
            if phrase in self._values or not words:
                return self._values.get(phrase)
            return self._levels.get(understanding.satisfaction(phrase, words) or "")

        return said.read(text, phrases, value)
