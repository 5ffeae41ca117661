"""Listening to a caller at the menu: what was meant, and which queue that is. Pure, like :mod:`ivr.dialogue`."""

from __future__ import annotations

from ivr import progress_words
from ivr.flow import Choice, Flow, Speech
from ivr.keys import leave
from ivr.listener import FOR_A_PERSON, Listener
from ivr.steps import By, Conversation, Decision
from ivr.understanding import Class, Meaning, Understanding


def closed_phrases(speech: Speech, understanding: Understanding) -> tuple[str, ...]:
    """Whatever is listened for at closed steps, for an engine to be checked against."""
    u, names = understanding, [choice.label for choice in speech.says.values()]
    found = (u.phrases("digits"), u.phrases("choice", names), u.phrases("danger"), FOR_A_PERSON, progress_words.PHRASES)
    return tuple(dict.fromkeys(phrase for phrases in found for phrase in phrases))


class Ear(Listener):
    """Of one call to ``flow``; without ``understanding`` it takes keys alone."""

    def __init__(self, flow: Flow, understanding: Understanding | None = None) -> None:
        for_keys = {entry.say: entry.prompt for entry in flow.entries.values()} | progress_words.FOR_KEYS
        speech = flow.speech
        if speech is not None:
            for_keys |= dict.fromkeys((speech.invite, speech.again, flow.menu), flow.menu)
            for_keys |= {f"{part}-{label}": flow.menu for part in ("ask", "or") for label in speech.says}
        super().__init__(understanding, for_keys, lambda by: self.to("emergency", None, by))
        self.flow = flow
        self.says = speech.says if speech is not None else {}

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
