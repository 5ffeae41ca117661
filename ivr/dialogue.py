"""The conversation with a caller as a pure machine: it asks for a sound or a key, is told what happened, and decides.

No asyncio, no Asterisk: :func:`converse` is a generator of steps, which :mod:`ivr.conversation` carries out on a line.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from ivr.flow import Choice, Entry, Flow

EMERGENCY_NUMBERS = ("110", "119", "120", "122")
EMERGENCY_PAUSE_MS = 1500
"""After a digit that may begin 110, 119, 120 or 122, the next one is waited for this long."""
MAX_REPEATS = 5
"""A caller who keeps pressing ``*`` is helped by a person."""

By = Literal["key", "silence", "wrong", "repeats", "typed"]


@dataclass(frozen=True, slots=True)
class Play:
    """Play a sound; any key ends it. Answered with that key or None."""

    sound: str
    notice: bool = False
    """The greeting with the recording notice: how much of it was heard is written down."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a key. Answered with the key or None."""

    ms: int


@dataclass(frozen=True, slots=True)
class Note:
    """Write down what the caller keyed. Answered with None."""

    event: Literal["KEY", "NUMBER"]
    node: str
    value: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the call goes. ``target`` is a queue, or an emergency number."""

    kind: Literal["queue", "emergency", "end"]
    target: str
    category: str
    by: By

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}:{self.category}:{self.by}"


Step = Play | Wait | Note
Conversation = Generator[Step, str | None, Decision]


def converse(flow: Flow) -> Conversation:
    """One caller's way through ``flow``: greeting, one level of keys, at most one number to enter, a person."""
    key = yield Play(flow.greeting, notice=True)
    wrong = repeats = 0
    while True:
        if key is None:
            key = yield Play(flow.menu)
        if key is None:
            key = yield Wait(round(flow.silence_seconds * 1000))
        if key is None:
            yield Play(flow.to_agent)
            return Decision("queue", flow.agent_queue, "other", "silence")
        typed = yield from _typed_after(key)
        yield Note("KEY", "main", typed)
        service = emergency_in(typed)
        if service:
            return Decision("emergency", service, "help", "typed")
        key = None
        pressed = typed[0] if len(set(typed)) == 1 else ""
        if pressed == "*":
            repeats += 1
            if repeats > MAX_REPEATS:
                return Decision("queue", flow.agent_queue, "other", "repeats")
            continue
        choice = _choice(flow, pressed)
        if choice is not None:
            return (yield from _follow(flow, choice))
        wrong += 1
        if wrong > 1:
            yield Play(flow.to_agent)
            return Decision("queue", flow.agent_queue, "other", "wrong")
        key = yield Play(flow.wrong)


def _choice(flow: Flow, pressed: str) -> Choice | None:
    return next((choice for key, choice in flow.keys.items() if key == pressed), None)


def _follow(flow: Flow, choice: Choice) -> Conversation:
    if choice.queue is not None:
        return Decision("queue", choice.queue, choice.category, "key")
    if choice.enter is not None:
        return (yield from _enter(flow, choice.enter, flow.entries[choice.enter]))
    return Decision("end", "", choice.category, "key")


def _typed_after(first: str) -> Generator[Step, str | None, str]:
    """``first`` and, while an emergency number may still be under way, the digits that follow within the pause."""
    typed = first
    while not emergency_in(typed) and begins_emergency(typed) and len(typed) < 8:
        key = yield Wait(EMERGENCY_PAUSE_MS)
        if key is None:
            break
        typed += key
    return typed


def _enter(flow: Flow, name: str, entry: Entry) -> Conversation:
    """Collect a number. 110 and the like count only as the whole entry: a ticket's number may well contain them."""
    digits = ""
    key = yield Play(entry.prompt)
    while key != "#":
        if key == "*":
            digits = ""
        elif key is not None:
            digits += key
        if len(digits) >= entry.max_digits:
            break
        key = yield Wait(round(entry.silence_seconds * 1000))
        if key is None:
            break
    by: By = "key" if digits else "silence"
    if digits:
        yield Note("NUMBER", name, digits)
    if digits in EMERGENCY_NUMBERS:
        return Decision("emergency", digits, "help", "typed")
    if digits == "0":
        return Decision("queue", flow.agent_queue, "other", "key")
    yield Play(entry.noted if digits else flow.to_agent)
    return Decision("queue", entry.queue, entry.category, by)


def emergency_in(typed: str) -> str | None:
    """The emergency number that ``typed`` ends with: stray digits before it must not hide it."""
    return next((number for number in EMERGENCY_NUMBERS if typed.endswith(number)), None)


def begins_emergency(typed: str) -> bool:
    """Whether one or two more digits could complete an emergency number."""
    return any(typed.endswith(number[:cut]) for number in EMERGENCY_NUMBERS for cut in (1, 2))
