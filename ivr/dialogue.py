"""The conversation by keys as a pure machine: it asks for a sound or a key, is told what happened, and decides.

No asyncio, no Asterisk: :func:`converse` is a generator of :mod:`ivr.steps`. The conversation by speech,
:mod:`ivr.spoken_dialogue`, uses the same keys and falls back to this one.
"""

from __future__ import annotations

from ivr.ear import Ear
from ivr.entering import enter
from ivr.flow import Choice, Flow
from ivr.keys import MAX_REPEATS, emergency_in, leave, single, typed_after
from ivr.steps import Conversation, Decision, Note, Play, Wait


def converse(flow: Flow) -> Conversation:
    """One caller's way through ``flow``: greeting, one level of keys, at most one number to enter, a person."""
    return (yield from menu(flow, (yield Play(flow.greeting, notice=True))))


def menu(flow: Flow, key: str | None = None) -> Conversation:
    """From the menu on; ``key`` was pressed before it."""
    wrong = repeats = 0
    while True:
        if key is None:
            key = yield Play(flow.menu)
        if key is None:
            key = yield Wait(round(flow.silence_seconds * 1000))
        if key is None:
            return (yield from leave(flow.to_agent, Decision("queue", flow.agent_queue, "other", "silence")))
        typed = yield from typed_after(key)
        yield Note("KEY", "main", typed)
        service = emergency_in(typed)
        if service:
            return Decision("emergency", service, "help", "typed")
        key = None
        pressed = single(typed)
        if pressed == "*":
            repeats += 1
            if repeats > MAX_REPEATS:
                return Decision("queue", flow.agent_queue, "other", "repeats")
            continue
        choice = choice_of(flow, pressed)
        if choice is not None:
            return (yield from _follow(flow, choice))
        wrong += 1
        if wrong > 1:
            return (yield from leave(flow.to_agent, Decision("queue", flow.agent_queue, "other", "wrong")))
        key = yield Play(flow.wrong)


def choice_of(flow: Flow, pressed: str) -> Choice | None:
    return next((choice for key, choice in flow.keys.items() if key == pressed), None)


def _follow(flow: Flow, choice: Choice) -> Conversation:
    if choice.queue is not None:
        return Decision("queue", choice.queue, choice.category, "key")
    if choice.enter is not None:
        return (yield from enter(Ear(flow), choice.enter, flow.entries[choice.enter]))
    return Decision("end", "", choice.category, "key")
