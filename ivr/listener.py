"""Listening on a line, as every conversation by speech does it: keys and words at once, danger at every step, and what
happens once the line can listen no more. Pure, like :mod:`ivr.dialogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from ivr.keys import EMERGENCY_NUMBERS, emergency_in, single, typed_after
from ivr.leg import Heard, Manner
from ivr.refusal import is_refusal
from ivr.steps import By, Conversation, Deaf, Decision, Listen, Node, Note, Play, Said, Step, Wait
from ivr.understanding import ClosedStep, Meaning, Understanding

DOUBT = 0.5
"""At the open question an emergency counts when it is likelier than all else together: a false alarm costs one key.
At every other step, where people say short things that resemble anything, it must be sure."""
FOR_A_PERSON = ("人工", "转人工", "人工服务", "话务员", "接线员")
"""Heard at every closed step."""
ANNOUNCEMENT = Manner(holds_up=False)
"""Help is on its way when it is over: neither a street nor a crying caller holds it up."""


class Listener:
    """Of one call. Once listening is lost, every step goes on by keys; without ``understanding`` it never began.

    ``for_keys``: what is played instead where only keys serve; an empty name is nothing. ``rescue``: where a call goes
    whose danger has no number, or was called off.
    """

    def __init__(
        self, understanding: Understanding | None, for_keys: Mapping[str, str], rescue: Callable[[By], Decision]
    ) -> None:
        self._u = understanding
        self._deaf = understanding is None
        self._for_keys = for_keys
        self._rescue = rescue

    @property
    def deaf(self) -> bool:
        """Only keys serve, or serve by now."""
        return self._deaf

    @property
    def u(self) -> Understanding:
        assert self._u is not None, "asked about words although none can have been heard"
        return self._u

    def listen(
        self,
        sounds: tuple[str, ...],
        silence_ms: int,
        closed: tuple[ClosedStep, Sequence[str]] | None = None,
        *,
        also: Sequence[str] = (),
        alarm: bool = True,
        notice: bool = False,
        manner: Manner = Manner(),  # noqa: B008  (frozen)
    ) -> Generator[Step, Any, Heard]:
        """``closed``: only its answers are listened for, and ``also`` these words."""
        if self._deaf:
            return (yield from self.by_keys(sounds, silence_ms, notice=notice))
        phrases = self.u.phrases(*closed) if closed else ()
        if phrases:
            # An engine that listens for given phrases only would hear no cry in anything else.
            phrases = tuple(dict.fromkeys((*phrases, *also, *self.u.phrases("danger"), *FOR_A_PERSON)))
        heard: Heard = yield Listen(sounds, silence_ms, phrases, self._alarm if alarm else None, notice, manner)
        if heard.end != "lost":
            return heard
        self._deaf = True
        yield Deaf(heard.why)
        if notice:
            return heard
        # Who has heard the question needs to hear now what the keys are, where there is a version for them.
        left = sounds[heard.sounds_done :] or tuple(sound for sound in sounds[-1:] if sound in self._for_keys)
        return (yield from self.by_keys(left, silence_ms))

    def by_keys(self, sounds: tuple[str, ...], silence_ms: int, *, notice: bool = False) -> Generator[Step, Any, Heard]:
        """The same step by keys, where nobody can listen any more."""
        key: str | None = None
        for sound in self._keyed(sounds):
            key = key or (yield Play(sound, notice))
            notice = False
        if key is None and silence_ms:
            key = yield Wait(silence_ms)
        return Heard("silence") if key is None else Heard("key", key=key)

    def _keyed(self, sounds: tuple[str, ...]) -> list[str]:
        """Where several questions have one version for keys, that once. Other sounds may be repeated: digits."""
        found: list[str] = []
        for sound in sounds:
            keyed = self._for_keys.get(sound, sound)
            if keyed and not (sound in self._for_keys and keyed in found):
                found.append(keyed)
        return found

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
        meaning = self.u.request(said, heard.alternatives) if said else None
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
        return self._rescue("spoken")

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
        return self._rescue("cancelled")

    def bare_digits(self, text: str) -> bool:
        """Nearly nothing but digits: a ticket's number may well sound like 110."""
        return 2 * len(self.u.digits(text)) > len(text)
