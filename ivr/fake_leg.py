"""A caller made of a script, with a clock of its own: dialogue tests run without Asterisk and without waiting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr.leg import ALL_KEYS, CallerHungUp, LegError, Played

DIGIT_GAP = 0.15
"""Seconds between two keys that follow each other without a wait."""


@dataclass
class ScriptedLeg:
    """Presses keys at given times and remembers what it was told.

    ``keys`` is what the caller does from answer on: ``"w2,1,w1,0"`` waits 2 s, presses 1, waits 1 s, presses 0; ``h``
    hangs up. ``replies`` maps a sound to such a script, started each time that sound begins. As in Asterisk a key
    pressed while a sound plays that does not listen for it is lost.
    """

    keys: str = ""
    replies: Mapping[str, str] = field(default_factory=dict)
    seconds: Callable[[str], float] = lambda sound: 1.0
    call_id: str = "test-1"
    caller: str | None = "13900001111"
    caller_presentation: str = "allowed"
    dialled: str = "12345"
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Sounds that cannot be played."""

    now: float = 0.0
    """Seconds since answer on the leg's own clock."""
    played: list[tuple[str, Played]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _pending: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._schedule(self.keys)

    async def play(self, sound: str, keys: str = ALL_KEYS) -> Played:
        self._check()
        if sound in self.missing:
            raise LegError(f"no such sound: {sound}")
        self._schedule(self.replies.get(sound, ""))
        begin = self.now
        digit = self._run_until(begin + self.seconds(sound), keys)
        played = Played(digit, round((self.now - begin) * 1000))
        self.played.append((sound, played))
        return played

    async def wait_digit(self, ms: int) -> str | None:
        self._check()
        return self._run_until(self.now + ms / 1000, ALL_KEYS)

    async def set_variable(self, name: str, value: str) -> None:
        self._check()
        self.variables[name] = value

    async def user_event(self, name: str, **fields: str | int) -> None:
        self._check()
        self.events.append((name, {key: str(value) for key, value in fields.items()}))

    def _schedule(self, script: str) -> None:
        at = self.now
        for step in filter(None, script.split(",")):
            if wait := re.fullmatch(r"w(\d+(?:\.\d+)?)", step):
                at += float(wait[1])
                continue
            for key in step:
                if key not in ALL_KEYS + "h":
                    raise ValueError(f"not a key: {key!r} in {script!r}")
                self._pending.append((at, key))
                at += DIGIT_GAP
        self._pending.sort(key=lambda press: press[0])

    def _run_until(self, end: float, keys: str) -> str | None:
        while self._pending and self._pending[0][0] < end:
            at, key = self._pending[0]
            self.now = max(self.now, at)
            if key == "h":
                self._check()
            self._pending.pop(0)
            if key in keys:
                return key
        self.now = end
        return None

    def _check(self) -> None:
        if self._pending and self._pending[0][1] == "h" and self._pending[0][0] <= self.now:
            raise CallerHungUp
