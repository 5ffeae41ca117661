"""One caller's line, as a dialogue sees it.

A dialogue plays sounds, waits for keys and leaves its decision in channel variables; it never sees a socket. The real
line is :class:`ivr.fastagi.FastAgiLeg`, the one for tests :class:`ivr.fake_leg.ScriptedLeg`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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


HeardEnd = Literal["key", "words", "alarm", "unusable", "silence", "lost"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of listening. All times in milliseconds.

    ``end``: a ``key`` was pressed; ``words`` were said; the ``alarm`` went off in words that may not be finished;
    somebody spoke, ``unusable`` as words; ``silence``: nobody spoke after the prompt; ``lost``: the line
    can listen no more (recognition too slow or full, connection gone), ``can_listen`` is false from now on.
    """

    end: HeardEnd
    key: str | None = None
    text: str = ""
    sounds_done: int = 0
    """How many of the sounds were played to their end."""
    played_ms: int = 0
    """How much of all the sounds was played."""
    barge_in_ms: int | None = None
    """From the first sound of the voice, or the key, until the prompt was silent; None if it was not interrupted."""
    decided_ms: int | None = None
    """From the end of speech until the words were known; with an alarm, negative or None while speech goes on."""
    engine: str = ""
    why: str = ""
    """For ``lost``: ``full``, ``lag``, ``closed``, ``engine``."""
    alternatives: tuple[str, ...] = ()
    """What ``text`` may have been as well, where the recogniser tells."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a turn is listened to."""

    holds_up: bool = True
    """A voice pauses the prompt. False: it plays on whatever is heard, and soon after it the turn is over."""
    short: bool = False
    """A voice as short as a cough may be an answer: 不."""
    singly: bool = False
    """Words come one by one: digits."""


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

    @property
    def can_listen(self) -> bool:
        """Whether this call can be served by speech at this moment."""
        ...

    async def listen(
        self,
        sounds: Sequence[str],
        *,
        silence_ms: int,
        phrases: Sequence[str] = (),
        alarm: Callable[[str], bool] | None = None,
        max_ms: int = 15_000,
        manner: Manner = Manner(),
    ) -> Heard:
        """Play ``sounds`` one after the other and listen for words and keys at the same time.

        A voice or a key pauses the prompt; without words it goes on (an echo, a cough, the street). After the prompt
        somebody must begin to speak within ``silence_ms``; a turn of speech is cut at ``max_ms``. ``phrases``: a closed
        step, only these are listened for. ``alarm`` is asked about every partial result; True ends it at once.
        ``manner``: what else is different in this turn.
        """
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
