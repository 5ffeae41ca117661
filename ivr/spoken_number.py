"""A number that is said, keyed, or both: the step that collects digits. Pure, like :mod:`ivr.dialogue`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ivr import said
from ivr.ear import Ear
from ivr.keys import EMERGENCY_NUMBERS
from ivr.leg import Heard, Manner
from ivr.steps import By, Decision, Node, Note, Said, Step

MORE_DIGITS_MS = 2000
"""After digits that were said, time for the next group; ``#`` ends the wait."""
MAX_TURNS = 40
"""A key or a group of digits each."""
MAX_UNUSABLE = 1
"""So often a noise between the groups is passed over; what was said before it stays."""


@dataclass(frozen=True, slots=True)
class Asking:
    """``instead``: words that answer in the place of digits, as ``#`` alone does. ``secret``: nothing that is said or
    keyed here is written down, but for an emergency number and for ``0``."""

    node: Node
    sounds: tuple[str, ...]
    silence_ms: int
    max_digits: int
    instead: Sequence[str] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """``instead``: no digits, and that was the answer."""

    digits: str
    by: By
    instead: bool = False


def collect(ear: Ear, asking: Asking) -> Generator[Step, Any, Decision | Number]:
    """Until ``#``, silence, or all the digits there may be."""
    digits, instead, tries = "", False, MAX_UNUSABLE
    by: By = "key"
    sounds, wait = asking.sounds, asking.silence_ms
    for _ in range(MAX_TURNS):
        heard = yield from ear.listen(sounds, wait, ("digits", ()), also=asking.instead, manner=Manner(singly=True))
        sounds, wait = (), asking.silence_ms
        if heard.end == "key":
            if heard.key == "#":
                instead = not digits
                break
            digits = "" if heard.key == "*" else digits + (heard.key or "")
        elif heard.end == "silence":
            break
        elif heard.end == "unusable" and tries:
            tries -= 1
            yield _said(asking, heard)
        else:
            spoken = yield from _spoken(ear, asking, heard)
            if isinstance(spoken, Decision):
                return spoken
            if not spoken:
                instead = spoken is None and not digits
                break
            digits, by, wait = digits + spoken, "speech", MORE_DIGITS_MS
        if len(digits) >= asking.max_digits:
            break
    return (yield from _meant(ear, asking, Number(digits[: asking.max_digits], by, instead)))


def _meant(ear: Ear, asking: Asking, number: Number) -> Generator[Step, Any, Decision | Number]:
    """110 and the like count only as the whole number: a ticket's may well contain them. So does ``0``."""
    digits = number.digits
    if digits in EMERGENCY_NUMBERS and number.by == "speech":
        return (yield from ear.emergency(digits))
    if digits in EMERGENCY_NUMBERS or digits == "0":
        yield Note("NUMBER", asking.node, digits)
        if digits == "0":
            return Decision("queue", ear.flow.agent_queue, "other", number.by)
        return Decision("emergency", digits, "help", "typed")
    return number


def _spoken(ear: Ear, asking: Asking, heard: Heard) -> Generator[Step, Any, Decision | str | None]:
    """The digits that were said, empty if there were none; None for words that answer in their place."""
    digits = ear.u.digits(heard.text)
    if digits and ear.bare_digits(heard.text):
        yield _said(asking, heard)
        return digits
    calm = heard.end == "words" and ear.u.danger(heard.text) is None
    if calm and said.says(heard.text, asking.instead):
        yield _said(asking, heard)
        return None
    listening = ear.understood(asking.node, heard, counts=lambda it: it.label == "agent")
    meaning = yield from (_hushed(listening) if asking.secret else listening)
    if isinstance(meaning, Decision):
        return meaning
    if meaning is not None and meaning.label == "agent":
        return (yield from ear.agent("speech", ear.queue_of(meaning, None)))
    return digits


def _said(asking: Asking, heard: Heard) -> Said:
    return Said(asking.node, _without_words(heard) if asking.secret else heard)


def _without_words(heard: Heard) -> Heard:
    """Only what is named here stays."""
    return Heard(
        heard.end,
        sounds_done=heard.sounds_done,
        played_ms=heard.played_ms,
        barge_in_ms=heard.barge_in_ms,
        decided_ms=heard.decided_ms,
        engine=heard.engine,
    )


def _hushed(steps: Generator[Step, Any, Any]) -> Generator[Step, Any, Any]:
    """The same steps; what was said in them is not written down."""
    answer: object = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(step, Said):
            step = replace(step, heard=_without_words(step.heard))
        answer = yield step
