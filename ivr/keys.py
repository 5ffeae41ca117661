"""What a caller's keys mean whatever is being asked: an emergency number among them, and the last words before a call
goes on. Pure: generators of :mod:`ivr.steps`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ivr.steps import Conversation, Decision, Note, Play, Step, Wait

EMERGENCY_NUMBERS = ("110", "119", "120", "122")
EMERGENCY_PAUSE_MS = 1500
"""After a digit that may begin 110, 119, 120 or 122, the next one is waited for this long."""
MAX_REPEATS = 5
"""A caller who keeps pressing ``*`` is helped by a person."""


def typed_after(first: str) -> Generator[Step, Any, str]:
    """``first`` and, while an emergency number may still be under way, the digits that follow within the pause."""
    typed = first
    while not emergency_in(typed) and begins_emergency(typed) and len(typed) < 8:
        key = yield Wait(EMERGENCY_PAUSE_MS)
        if key is None:
            break
        typed += key
    return typed


def single(typed: str) -> str:
    """The key that was meant, though it may have been pressed more than once; empty if there were several."""
    return typed[0] if len(set(typed)) == 1 else ""


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
