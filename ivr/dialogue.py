"""The conversation by keys as a pure machine: it asks for a sound or a key, is told what happened, and decides.

No asyncio, no Asterisk: :func:`converse` is a generator of :mod:`ivr.steps`. The conversation by speech,
:mod:`ivr.spoken_dialogue`, uses the same keys and falls back to this one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ivr.flow import Choice, Entry, Flow
from ivr.steps import By, Conversation, Decision, Note, Play, Step, Wait

EMERGENCY_NUMBERS = ("110", "119", "120", "122")
EMERGENCY_PAUSE_MS = 1500
"""After a digit that may begin 110, 119, 120 or 122, the next one is waited for this long."""
MAX_REPEATS = 5
"""A caller who keeps pressing ``*`` is helped by a person."""


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


def single(typed: str) -> str:
    """The key that was meant, though it may have been pressed more than once; empty if there were several."""
    return typed[0] if len(set(typed)) == 1 else ""


def choice_of(flow: Flow, pressed: str) -> Choice | None:
    return next((choice for key, choice in flow.keys.items() if key == pressed), None)


def _follow(flow: Flow, choice: Choice) -> Conversation:
    if choice.queue is not None:
        return Decision("queue", choice.queue, choice.category, "key")
    if choice.enter is not None:
        return (yield from _enter(flow, choice.enter, flow.entries[choice.enter]))
    return Decision("end", "", choice.category, "key")


def typed_after(first: str) -> Generator[Step, Any, str]:
    """``first`` and, while an emergency number may still be under way, the digits that follow within the pause."""
    typed = first
    while not emergency_in(typed) and begins_emergency(typed) and len(typed) < 8:
        key = yield Wait(EMERGENCY_PAUSE_MS)
        if key is None:
            break
        typed += key
    return typed


def _enter(flow: Flow, name: str, entry: Entry) -> Conversation:
    """Collect a number."""
    digits = ""
    key: str | None = yield Play(entry.prompt)
    while key != "#":
        digits = "" if key == "*" else digits + (key or "")
        if len(digits) >= entry.max_digits:
            break
        key = yield Wait(round(entry.silence_seconds * 1000))
        if key is None:
            break
    return (yield from entered(flow, name, entry, digits, "key"))


def entered(flow: Flow, name: str, entry: Entry, digits: str, by: By) -> Conversation:
    """110 and the like count only as the whole entry: a ticket's number may well contain them."""
    if digits:
        yield Note("NUMBER", name, digits)
    if digits in EMERGENCY_NUMBERS:
        return Decision("emergency", digits, "help", "typed")
    if digits == "0":
        return Decision("queue", flow.agent_queue, "other", by)
    decision = Decision("queue", entry.queue, entry.category, by if digits else "silence")
    return (yield from leave(entry.noted if digits else flow.to_agent, decision))


def leave(sound: str, decision: Decision) -> Conversation:
    """Say where the call goes. 110 and the like count while it is said, too: the queue would only see what is left."""
    key = yield Play(sound)
    if key is None:
        return decision
    typed = yield from typed_after(key)
    yield Note("KEY", "leaving", typed)
    service = emergency_in(typed)
    return Decision("emergency", service, "help", "typed") if service else decision


def emergency_in(typed: str) -> str | None:
    """The emergency number that ``typed`` ends with: stray digits before it must not hide it."""
    return next((number for number in EMERGENCY_NUMBERS if typed.endswith(number)), None)


def begins_emergency(typed: str) -> bool:
    """Whether one or two more digits could complete an emergency number."""
    return any(typed.endswith(number[:cut]) for number in EMERGENCY_NUMBERS for cut in (1, 2))
