"""The conversation by speech as a pure machine: one sentence, a confirmation that can be interrupted, a queue.

Keys mean what they mean in :mod:`ivr.dialogue`, at every step; words that tell of danger are looked for at every step
that listens. A caller is asked twice at most, in whatever mixture: the greeting's question, then the menu, or to say it
again, or one question with two choices, or for a ticket's number. What is still unclear after that is for a person.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ivr.dialogue import choice_of, menu
from ivr.dialogue import converse as converse_by_keys
from ivr.ear import Ear
from ivr.entering import enter
from ivr.flow import CONFIRMED, Flow, Speech
from ivr.keys import MAX_REPEATS, emergency_in, leave, single, typed_after
from ivr.leg import Heard, Manner
from ivr.steps import By, Conversation, Decision, Node, Note, Said, Step
from ivr.understanding import Meaning, Understanding

CONFIRM_MS = 500
"""After a confirmation, time to begin an objection."""
CHOICE_MS = 4000
"""After the question with two choices, time to begin an answer."""
MAX_ASKED = 2

Words = Generator[Step, Any, Decision | tuple[str, ...]]
"""Ends with a decision, or with what is to be played for the next question."""


def converse(
    flow: Flow,
    speech: Speech,
    understanding: Understanding,
    before: tuple[str, ...] | None = None,
    heard: Heard | None = None,
) -> Conversation:
    """One caller's way through ``flow``, by words and keys. ``before``: what precedes the invitation, where it is not
    the greeting alone; ``heard``: what was said or keyed over it already."""
    before = (flow.greeting,) if before is None else before
    return (yield from _Talk(flow, speech, understanding).run(before, heard))


class _Talk:
    def __init__(self, flow: Flow, speech: Speech, understanding: Understanding) -> None:
        self._flow = flow
        self._speech = speech
        self._ear = Ear(flow, understanding)
        self._asked = 1
        self._repeats = 0

    def run(self, before: tuple[str, ...], heard: Heard | None) -> Conversation:
        sounds = (*before, self._speech.invite)
        seconds, first = self._speech.silence_seconds, before[:1] == (self._flow.greeting,)
        while True:
            if heard is None:
                heard = yield from self._ear.listen(sounds, round(seconds * 1000), notice=first)
            if heard.end == "lost":
                return (yield from (menu(self._flow) if heard.sounds_done else converse_by_keys(self._flow)))
            outcome = yield from self._turn(heard)
            heard = None
            if isinstance(outcome, Decision):
                return outcome
            sounds, seconds, first = outcome, self._flow.silence_seconds, False

    # ---- one turn --------------------------------------------------------------------------------------------------

    def _turn(self, heard: Heard) -> Words:
        if heard.end == "key":
            return (yield from self._key("main", heard))
        if heard.end == "silence":
            return (yield from self._ask("silence", self._flow.menu))
        meaning = yield from self._ear.understood("main", heard)
        if isinstance(meaning, Decision):
            return meaning
        if meaning is None:
            return (yield from self._ask("unclear", self._speech.again))
        if meaning.sure or meaning.label == "agent":
            return (yield from self._sure(meaning, corrected=False))
        return (yield from self._choose(meaning))

    def _ask(self, by: By, *sounds: str) -> Words:
        """One more question, if one is left; else a person."""
        if self._asked >= MAX_ASKED:
            return (yield from self._ear.agent(by))
        self._asked += 1
        return sounds

    # ---- keys ------------------------------------------------------------------------------------------------------

    def _key(self, node: Node, heard: Heard) -> Words:
        assert heard.key is not None
        typed = yield from typed_after(heard.key)
        yield Note("KEY", node, typed)
        service = emergency_in(typed)
        if service:
            return Decision("emergency", service, "help", "typed")
        pressed = single(typed)
        if pressed == "*":
            # The caller's own wish, not a question of ours; once the menu was read, silence leads to a person.
            self._repeats += 1
            self._asked = MAX_ASKED
            if self._repeats > MAX_REPEATS:
                return Decision("queue", self._flow.agent_queue, "other", "repeats")
            return (self._flow.menu,)
        choice = choice_of(self._flow, pressed)
        if choice is None:
            return (yield from self._ask("wrong", self._flow.wrong, self._flow.menu))
        if choice.enter is not None:
            return (yield from enter(self._ear, choice.enter, self._flow.entries[choice.enter]))
        if choice.queue is not None:
            return Decision("queue", choice.queue, choice.category, "key")
        return Decision("end", "", choice.category, "key")

    # ---- words -----------------------------------------------------------------------------------------------------

    def _sure(self, meaning: Meaning, *, corrected: bool) -> Words:
        label = meaning.label
        choice = self._speech.says.get(label)
        if choice is None or label == "agent":
            return (yield from self._ear.agent("speech", self._ear.queue_of(meaning, choice)))
        if choice.enter is not None and self._asked < MAX_ASKED:
            self._asked += 1
            return (yield from enter(self._ear, choice.enter, self._flow.entries[choice.enter]))
        if label not in CONFIRMED:
            return (yield from leave(self._flow.to_agent, self._ear.to(label, meaning, "speech")))
        return (yield from self._confirm(meaning, corrected=corrected))

    def _confirm(self, meaning: Meaning, *, corrected: bool) -> Words:
        heard = yield from self._ear.listen((f"confirm-{meaning.label}",), CONFIRM_MS, manner=Manner(short=True))
        if heard.end == "key":
            return (yield from self._key("confirm", heard))
        if heard.end not in ("words", "alarm"):
            return self._ear.to(meaning.label, meaning, "speech")
        agreed = self._ear.u.yes(heard.text)

        def another(other: Meaning) -> bool:
            """Less than sure, it does not upset what was: people go on telling their story over the confirmation."""
            return other.sure and other.label != meaning.label

        other = yield from self._ear.understood(
            "confirm", heard, {True: "yes", False: "no", None: None}[agreed], lambda it: another(it) and not corrected
        )
        if isinstance(other, Decision):
            return other
        if other is None or not another(other):
            if agreed is not False:
                return self._ear.to(meaning.label, meaning, "speech")
        elif not corrected:
            return (yield from self._sure(other, corrected=True))
        return (yield from self._ear.agent("unclear"))

    def _choose(self, meaning: Meaning) -> Words:
        """One question with two choices."""
        labels = (meaning.label, meaning.second)
        first, second = labels
        if "agent" in labels or self._asked >= MAX_ASKED:
            return (yield from self._ear.agent("unclear"))
        if second is None or first not in self._speech.says or second not in self._speech.says:
            return (yield from self._ask("unclear", self._speech.again))
        self._asked += 1
        names = [self._speech.says[label].label for label in (first, second)]
        heard = yield from self._ear.listen((f"ask-{first}", f"or-{second}"), CHOICE_MS, ("choice", names))
        if heard.end == "key":
            return (yield from self._key("choice", heard))
        if heard.end == "silence":
            return (yield from self._ear.agent("silence"))
        picked = self._ear.u.choice(heard.text, names) if heard.end == "words" else None
        if picked is not None and self._ear.u.danger(heard.text) is None:
            label = (first, second)[picked]
            yield Said("choice", heard, label, topic=meaning.topic if picked == 0 else None)
            if label == "emergency":
                return (yield from self._ear.to_emergency(meaning))
            return self._ear.to(label, meaning if picked == 0 else None, "speech")
        other = yield from self._ear.understood("choice", heard, counts=lambda it: it.sure or it.label == "agent")
        if isinstance(other, Decision):
            return other
        if other is not None and other.label == "agent":
            return (yield from self._ear.agent("speech", self._ear.queue_of(other, None)))
        if other is not None and other.sure:
            return self._ear.to(other.label, other, "speech")
        return (yield from self._ear.agent("unclear"))
