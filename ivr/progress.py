"""A caller asks how a ticket stands 查询进度: its number, or ``#`` for the latest of the telephone he calls from, and
the last four digits of the telephone on it. Pure, like :mod:`ivr.dialogue`; by words and keys at once, or by keys.

Wrong three times, asked too often, or nobody there to ask: a person. The last four digits are never written down.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from ivr import said
from ivr.desk import Progress
from ivr.ear import Ear
from ivr.flow import Entry
from ivr.keys import MAX_REPEATS, emergency_in, leave, single, typed_after
from ivr.leg import Heard, Manner
from ivr.progress_words import AFTER, AGAIN, ENOUGH, FAILED, LIMITED, OWN, SAY_LAST_FOUR, WRONG
from ivr.spoken_number import Asking, Number, collect
from ivr.steps import By, Conversation, Decision, Enquire, Node, Note, Said, Step, Tell
from ivr.understanding import ClosedStep

TRIES = 3
DIGITS = 4
ASKED: Node = "last-four"
TOLD: Node = "progress"

Again = Literal["again", ""]
"""``again``: the answer once more."""
Outcome = Generator[Step, Any, Decision | Again]
_CLOSED: tuple[ClosedStep, tuple[str, ...]] = ("choice", (*AGAIN, *ENOUGH))


def tell(ear: Ear, name: Node, entry: Entry) -> Conversation:
    """From the question for the number on. What goes to a person goes to the entry's queue, with the number."""
    silence_ms = round(entry.silence_seconds * 1000)
    question = entry.say
    for _ in range(TRIES):
        number = yield from collect(ear, Asking(name, (question,), silence_ms, entry.max_digits, instead=OWN))
        if isinstance(number, Decision):
            return number
        if number.digits:
            yield Note("NUMBER", name, number.digits)
        elif not number.instead:
            return (yield from leave(ear.flow.to_agent, _person(entry, "silence")))
        four = yield from collect(ear, Asking(ASKED, (SAY_LAST_FOUR,), silence_ms, DIGITS, secret=True))
        if isinstance(four, Decision):
            return four
        if not four.digits:
            return (yield from _unanswered(ear, entry, number))
        progress: Progress = yield Enquire(number.digits, four.digits)
        ticket = progress.ticket or number.digits
        yield Tell("PROGRESS", {"result": progress.result, **({"ticket": ticket} if ticket else {})})
        match progress.result:
            case "found":
                return (yield from _Answer(ear, entry, progress.sounds).run())
            case "limited":
                return (yield from leave(LIMITED, _person(entry, number.by)))
            case "unknown":
                return (yield from _unanswered(ear, entry, number))
        question = WRONG
    return (yield from leave(FAILED, _person(entry, "wrong")))


def _unanswered(ear: Ear, entry: Entry, number: Number) -> Conversation:
    return (yield from leave(entry.noted if number.digits else ear.flow.to_agent, _person(entry, number.by)))


def _person(entry: Entry, by: By) -> Decision:
    return Decision("queue", entry.queue, entry.category, by)


class _Answer:
    """The answer, as often as it is wanted; then the call is over, or a person takes it."""

    def __init__(self, ear: Ear, entry: Entry, sounds: tuple[str, ...]) -> None:
        self._ear = ear
        self._entry = entry
        self._sounds = sounds
        self._silence_ms = round(entry.silence_seconds * 1000)

    def run(self) -> Conversation:
        outcome: Decision | Again = "again"
        for _ in range(MAX_REPEATS + 1):
            told = (yield from self._tell()) if outcome == "again" else ""
            outcome = told or (yield from self._ask())
            if isinstance(outcome, Decision):
                return outcome
        return _person(self._entry, "repeats")

    def _tell(self) -> Outcome:
        """To the end, whatever is said meanwhile, unless it is a cry or asks for a person; a key ends it."""
        left = self._sounds
        for _ in range(MAX_REPEATS):
            heard = yield from self._ear.listen(left, 0, _CLOSED, manner=Manner(holds_up=False))
            outcome = yield from self._take(heard)
            left = left[heard.sounds_done :]
            if outcome or heard.end in ("key", "silence") or not left:
                return outcome
        return ""

    def _ask(self) -> Outcome:
        heard = yield from self._ear.listen((AFTER,), self._silence_ms, _CLOSED)
        if heard.end == "silence" or self._says(heard, ENOUGH):
            if heard.end != "silence":
                yield Said(TOLD, heard)
            return Decision("end", "", self._entry.category, "silence" if heard.end == "silence" else "speech")
        return (yield from self._take(heard))

    def _take(self, heard: Heard) -> Outcome:
        if heard.end == "silence":
            return ""
        if heard.end == "key":
            return (yield from self._key(heard.key or ""))
        if self._says(heard, AGAIN):
            yield Said(TOLD, heard)
            return "again"
        meaning = yield from self._ear.understood(TOLD, heard, counts=lambda it: it.sure and it.label == "agent")
        if isinstance(meaning, Decision):
            return meaning
        if meaning is not None and meaning.sure and meaning.label == "agent":
            return (yield from leave(self._ear.flow.to_agent, _person(self._entry, "speech")))
        return ""

    def _key(self, key: str) -> Outcome:
        typed = yield from typed_after(key)
        yield Note("KEY", TOLD, typed)
        service = emergency_in(typed)
        if service:
            return Decision("emergency", service, "help", "typed")
        pressed = single(typed)
        if pressed == "0":
            return (yield from leave(self._ear.flow.to_agent, _person(self._entry, "key")))
        return "again" if pressed in ("4", "*") else ""

    def _says(self, heard: Heard, words: tuple[str, ...]) -> bool:
        return heard.end == "words" and self._ear.u.danger(heard.text) is None and said.says(heard.text, words)
