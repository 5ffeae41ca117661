"""What a caller hears beside the flow: that he may not use the hotline, that it is maintained, announcements 公告, and
that his last matter is being worked on. Pure, like :mod:`ivr.dialogue`.

Keys and words count throughout as they do in the flow, an emergency before all else. When there is nothing of this to
say, the conversation is the flow's own, step by step.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ivr import dialogue, spoken_dialogue
from ivr.desk import Arrival, Notice
from ivr.ear import Ear
from ivr.flow import Flow, Speech
from ivr.keys import emergency_in, single, typed_after
from ivr.leg import Heard
from ivr.steps import Announced, Conversation, Deaf, Decision, Node, Note, Said, Step, Tell
from ivr.understanding import Understanding

TIMES = 3
"""Who presses other keys, or speaks, hears so often why he gets nobody: a key may be habit, a cry need more words."""
AFTER_MS = 2500
"""After it, time for 110 and the like."""
NOTICE_MS = 500
"""After an announcement, time to begin an objection."""
MAX_NOTICES = 3
"""At the greeting, and again before the queue: who called for something else has to get on."""
EMERGENCY_QUEUE = "emergency"
UNDERSTOOD = ("key", "speech")
"""What decided, where it is known what the caller wants."""
GOES_ON = ("silence", "unusable")


def converse(
    flow: Flow, arrival: Arrival, speech: Speech | None = None, understanding: Understanding | None = None
) -> Conversation:
    """One caller's way through ``flow`` and what goes before and after it; by keys, unless words are understood."""
    return (yield from _Opening(flow, arrival, speech, understanding).run())


class _Opening:
    def __init__(
        self, flow: Flow, arrival: Arrival, speech: Speech | None, understanding: Understanding | None
    ) -> None:
        self._flow, self._arrival = flow, arrival
        self._speech, self._u = speech, understanding
        self._ear = Ear(flow, understanding)
        self._begun: set[str] = set()
        self._said = ""
        self._topic: str | None = None
        known = arrival.open_tickets > 0 and flow.open_tickets is not None
        self._known = (flow.open_tickets,) if known and flow.open_tickets else ()

    def run(self) -> Conversation:
        decision = yield from self._watch(self._before())
        return (yield from self._before_queue(decision))

    # ---- before the flow -------------------------------------------------------------------------------------------

    def _before(self) -> Conversation:
        notices = [one for one in self._arrival.notices if one.topic is None and one.district is None][:MAX_NOTICES]
        if not (self._arrival.barred or self._arrival.maintenance or notices):
            return (yield from self._flow_from_greeting())
        heard = yield from self._greet()
        if self._arrival.barred:
            yield Tell("BARRED", {})
            over = Decision("end", "", "other", "barred")
            return (yield from self._but_emergencies("barred", self._flow.barred, heard, over))
        for notice in notices:
            if heard.end in GOES_ON:
                heard = yield from self._announce(notice)
        if self._arrival.maintenance:
            yield Tell("MAINTENANCE", {})
            over = Decision("message", "", "other", "maintenance")
            return (yield from self._but_emergencies("maintenance", self._flow.maintenance, heard, over))
        return (yield from self._flow_after(heard))

    def _greet(self) -> Generator[Step, Any, Heard]:
        greeting = (self._flow.greeting,)
        heard = yield from self._ear.listen(greeting, 0, notice=True)
        if heard.end != "lost":
            return heard
        left = () if heard.sounds_done else greeting
        return (yield from self._ear.by_keys(left, 0, notice=bool(left)))

    def _announce(self, notice: Notice) -> Generator[Step, Any, Heard]:
        self._begun.add(notice.id)
        yield Announced(notice.id)
        return (yield from self._ear.listen((notice.sound,), NOTICE_MS))

    def _but_emergencies(self, node: Node, sound: str, heard: Heard, otherwise: Decision) -> Conversation:
        """Nothing but an emergency gets through."""
        for _ in range(TIMES):
            urgent = yield from self._urgent(node, heard)
            if urgent is not None:
                return urgent
            heard = yield from self._ear.listen((sound,), AFTER_MS)
            if heard.end == "silence":
                return otherwise
        return (yield from self._urgent(node, heard)) or otherwise

    def _urgent(self, node: Node, heard: Heard) -> Generator[Step, Any, Decision | None]:
        """The emergency that was keyed or said, if it was one."""
        if heard.end == "silence":
            return None
        if heard.end == "key":
            assert heard.key is not None
            typed = yield from typed_after(heard.key)
            yield Note("KEY", node, typed)
            service = emergency_in(typed)
            if service:
                return Decision("emergency", service, "help", "typed")
            choice = dialogue.choice_of(self._flow, single(typed)) if node == "maintenance" else None
            if choice is not None and choice.queue == EMERGENCY_QUEUE:
                return Decision("queue", EMERGENCY_QUEUE, "help", "key")
            return None
        meaning = yield from self._ear.understood(node, heard, counts=lambda meaning: False)
        return meaning if isinstance(meaning, Decision) else None

    # ---- the flow --------------------------------------------------------------------------------------------------

    def _flow_from_greeting(self) -> Conversation:
        if self._speech is not None and self._u is not None:
            before = (self._flow.greeting, *self._known)
            return (yield from spoken_dialogue.converse(self._flow, self._speech, self._u, before))
        if not self._known:
            return (yield from dialogue.converse(self._flow))
        return (yield from self._flow_after((yield from self._greet())))

    def _flow_after(self, heard: Heard) -> Conversation:
        """The greeting is over, or ``heard`` cut it short."""
        if self._speech is not None and self._u is not None and not self._ear.deaf:
            cut = None if heard.end in GOES_ON else heard
            return (yield from spoken_dialogue.converse(self._flow, self._speech, self._u, self._known, cut))
        if heard.end in GOES_ON and self._known:
            heard = yield from self._ear.by_keys(self._known, 0)
        return (yield from dialogue.menu(self._flow, heard.key))

    def _watch(self, talk: Conversation) -> Conversation:
        """Remember what was wanted, and whether the line can still listen."""
        answer: object = None
        while True:
            try:
                step = talk.send(answer)
            except StopIteration as end:
                decision: Decision = end.value
                return decision
            if isinstance(step, Deaf):
                self._ear = Ear(self._flow)
            elif isinstance(step, Said):
                self._said = f"{self._said} {step.heard.text}"
                if step.label is not None:
                    self._topic = step.topic
            answer = yield step

    # ---- after it --------------------------------------------------------------------------------------------------

    def _before_queue(self, decision: Decision) -> Conversation:
        """What concerns the request and was not said yet. A key, or words, end it: they want to get on."""
        urgent = decision.target == EMERGENCY_QUEUE or decision.by in ("spoken", "cancelled")
        if decision.kind != "queue" or urgent:
            return decision
        for notice in self._to_say(decision):
            heard = yield from self._announce(notice)
            if heard.end not in GOES_ON:
                return (yield from self._urgent("notice", heard)) or decision
        return decision

    def _to_say(self, decision: Decision) -> list[Notice]:
        left = [one for one in self._arrival.notices if one.id not in self._begun and self._concerns(one, decision)]
        return left[:MAX_NOTICES]

    def _concerns(self, notice: Notice, decision: Decision) -> bool:
        """One for everybody does: whoever cut the greeting short has not heard it."""
        if notice.topic is None and notice.district is None:
            return True
        if decision.by not in UNDERSTOOD or notice.topic not in (None, self._topic):
            return False
        if notice.district is None or self._u is None:
            return True
        return self._u.named(self._said, notice.district) is not False
