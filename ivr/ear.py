"""Listening to a caller, as every step of the conversation by speech does it: what was meant, whether it is danger, and
what happens once the line can listen no more. Pure, like :mod:`ivr.dialogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from ivr.dialogue import EMERGENCY_NUMBERS, emergency_in, leave, single, typed_after
from ivr.flow import Choice, Flow, Speech
from ivr.leg import Heard, Manner
from ivr.refusal import is_refusal
from ivr.steps import By, Conversation, Deaf, Decision, Listen, Node, Note, Play, Said, Step, Wait
from ivr.understanding import Class, ClosedStep, Meaning, Understanding

DOUBT = 0.5
"""At the open question an emergency counts when it is likelier than all else together: a false alarm costs one key.
At every other step, where people say short things that resemble anything, it must be sure."""
FOR_A_PERSON = ("人工", "转人工", "人工服务", "话务员", "接线员")
"""Heard at every closed step."""
ANNOUNCEMENT = Manner(holds_up=False)
"""Help is on its way when it is over: neither a street nor a crying caller holds it up."""


def closed_phrases(speech: Speech, understanding: Understanding) -> tuple[str, ...]:
    """Whatever is listened for at closed steps, for an engine to be checked against."""
    u, names = understanding, [choice.label for choice in speech.says.values()]
    found = (u.phrases("digits"), u.phrases("choice", names), u.phrases("danger"), FOR_A_PERSON)
    return tuple(dict.fromkeys(phrase for phrases in found for phrase in phrases))


class Ear:
    """Of one call. Once listening is lost, every step goes on by keys."""

    def __init__(self, flow: Flow, speech: Speech, understanding: Understanding) -> None:
        self.flow = flow
        self.says = speech.says
        self.u = understanding
        self._deaf = False
        self._for_keys = dict.fromkeys((speech.invite, speech.again, flow.menu), flow.menu)
        self._for_keys |= {f"{part}-{label}": flow.menu for part in ("ask", "or") for label in speech.says}
        self._for_keys |= {entry.say: entry.prompt for entry in flow.entries.values()}

    def listen(
        self,
        sounds: tuple[str, ...],
        silence_ms: int,
        closed: tuple[ClosedStep, Sequence[str]] | None = None,
        *,
        alarm: bool = True,
        notice: bool = False,
        manner: Manner = Manner(),  # noqa: B008  (frozen)
    ) -> Generator[Step, Any, Heard]:
        if self._deaf:
            return (yield from self._wait_for_key(sounds, silence_ms))
        phrases = self.u.phrases(*closed) if closed else ()
        if phrases:
            # An engine that listens for given phrases only would hear no cry in anything else.
            phrases = tuple(dict.fromkeys((*phrases, *self.u.phrases("danger"), *FOR_A_PERSON)))
        heard: Heard = yield Listen(sounds, silence_ms, phrases, self._alarm if alarm else None, notice, manner)
        if heard.end != "lost":
            return heard
        self._deaf = True
        yield Deaf(heard.why)
        if notice:
            return heard
        # Who has heard the question needs to hear now what the keys are, where there is a version for them.
        left = sounds[heard.sounds_done :] or tuple(sound for sound in sounds[-1:] if sound in self._for_keys)
        return (yield from self._wait_for_key(left, silence_ms))

    def _wait_for_key(self, sounds: tuple[str, ...], silence_ms: int) -> Generator[Step, Any, Heard]:
        """The same step by keys, where nobody can listen any more."""
        key: str | None = None
        for sound in dict.fromkeys(self._for_keys.get(sound, sound) for sound in sounds):
            key = key or (yield Play(sound))
        if key is None and silence_ms:
            key = yield Wait(silence_ms)
        return Heard("silence") if key is None else Heard("key", key=key)

    def _alarm(self, partial: str) -> bool:
        return self.u.danger(partial) is not None and not self.bare_digits(partial)

    def understood(
        self,
        node: Node,
        heard: Heard,
        answer: str | None = None,
        counts: Callable[[Meaning], bool] = lambda meaning: True,
    ) -> Generator[Step, Any, Meaning | Decision | None]:
        """What was meant, or None, written down; already a decision where it is danger. What does not count in the step
        is written down as words alone."""
        said = heard.text if heard.end in ("words", "alarm") else ""
        service = self._service_named(said) or (self.u.danger(said) if heard.end == "alarm" else None)
        if service is not None:
            yield Said(node, heard, "emergency", service)
            return (yield from self.emergency(service))
        meaning = self.u.request(said) if said else None
        if meaning is None:
            yield Said(node, heard, answer=answer)
            return None
        likely = meaning.sure or (node == "main" and meaning.score >= DOUBT)
        danger = meaning.label == "emergency" and likely
        if danger or counts(meaning):
            score = round(meaning.score, 2)
            yield Said(node, heard, meaning.label, meaning.service, meaning.topic, score, answer)
        else:
            yield Said(node, heard, answer=answer)
        return (yield from self.to_emergency(meaning)) if danger else meaning

    def _service_named(self, text: str) -> str | None:
        """幺幺九 says all."""
        digits = self.u.digits(text)
        return digits if digits in EMERGENCY_NUMBERS and self.bare_digits(text) else None

    def to_emergency(self, meaning: Meaning | None) -> Conversation:
        if meaning is not None and meaning.service in EMERGENCY_NUMBERS:
            return (yield from self.emergency(meaning.service))
        return self.to("emergency", None, "spoken")

    def agent(self, by: By, queue: str | None = None) -> Conversation:
        decision = Decision("queue", queue or self.flow.agent_queue, "other", by)
        return (yield from leave(self.flow.to_agent, decision))

    def to(self, label: Class, meaning: Meaning | None, by: By) -> Decision:
        """The queue of a class, or that of the topic."""
        choice = self.says.get(label)
        queue = self.queue_of(meaning, choice) or self.flow.agent_queue
        return Decision("queue", queue, choice.category if choice else "other", by)

    def queue_of(self, meaning: Meaning | None, choice: Choice | None) -> str | None:
        if meaning is not None and meaning.queue is not None and self.flow.has_queue(meaning.queue):
            return meaning.queue
        if choice is not None and choice.enter is not None:
            return self.flow.entries[choice.enter].queue
        return choice.queue if choice is not None else None

    def emergency(self, service: str) -> Conversation:
        """Announced, so that a false alarm costs one key or one word; everything else goes through at once. Listened to
        without phrases: an engine that knows only some would hear a refusal in any cry."""
        heard = yield from self.listen((f"spoken-{service}",), 0, alarm=False, manner=ANNOUNCEMENT)
        if heard.end == "key":
            assert heard.key is not None
            typed = yield from typed_after(heard.key)
            yield Note("KEY", "emergency", typed)
            number = emergency_in(typed)
            if number:
                return Decision("emergency", number, "help", "typed")
            if single(typed) in ("*", "0"):
                return (yield from self._called_off(service))
        if heard.end in ("words", "alarm"):
            refused = is_refusal(heard.text)
            yield Said("emergency", heard, answer="no" if refused else None)
            if refused:
                return (yield from self._called_off(service))
        return Decision("emergency", service, "help", "spoken")

    def _called_off(self, service: str) -> Conversation:
        """As with ``*`` while it rings: to the agents for emergencies, ahead of others, and it is known why."""
        yield Note("CANCELLED", "emergency", service)
        return self.to("emergency", None, "cancelled")

    def bare_digits(self, text: str) -> bool:
        """Nearly nothing but digits: a ticket's number may well sound like 110."""
        return 2 * len(self.u.digits(text)) > len(text)
