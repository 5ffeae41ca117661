"""One caller's line, as a dialogue sees it.

A dialogue plays sounds, waits for keys and leaves its decision in channel variables; it never sees a socket. The real
line is :class:`ivr.fastagi.FastAgiLeg`, the one for tests :class:`ivr.fake_leg.ScriptedLeg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ALL_KEYS = "0123456789*#"


class CallerHungUp(Exception):
    """The call is over (the caller hung up, or the dialplan took it back); no command can be sent any more."""


class LegError(Exception):
    """A command failed although the call may go on: bad argument, missing sound, a reply that never came."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of playing a sound: the key that cut it short, if any, and how many milliseconds were heard."""

    digit: str | None
    offset_ms: int


class CallLeg(Protocol):
    """Every method raises :class:`CallerHungUp` once the call is over and :class:`LegError` when it fails.

    One command at a time. Cancelling a command ends the leg, since a late reply could not be told from the next one.
    """

    @property
    def call_id(self) -> str:
        """Asterisk's unique id of the caller's channel."""
        ...

    @property
    def caller(self) -> str | None:
        """The caller's number as the line delivered it, unchecked; None if there is none."""
        ...

    @property
    def caller_presentation(self) -> str:
        """``allowed``, ``prohib`` (the caller hides the number) or ``unavailable``."""
        ...

    @property
    def dialled(self) -> str:
        """The number the caller dialled."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Everything Asterisk said at the start (``agi_channel``, ``agi_language``, ...), unchecked."""
        ...

    async def play(self, sound: str, keys: str = ALL_KEYS) -> Played:
        """Play one sound (path without suffix, relative to the sounds folder) until its end or one of ``keys``."""
        ...

    async def wait_digit(self, ms: int) -> str | None:
        """The next key within ``ms`` milliseconds, or None."""
        ...

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, for the dialplan to read when the dialogue is over."""
        ...

    async def user_event(self, name: str, **fields: str | int) -> None:
        """Write an event (a name in capitals and its fields) into Asterisk's own log of the call."""
        ...
