"""What a dialogue asks of the line, step by step, and what it decides in the end. Data only.

A conversation is a generator of these; :mod:`ivr.conversation` carries them out and sends each one's answer back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ivr.leg import Heard, Manner
from ivr.understanding import Class

Node = str
"""Where in the dialogue something was keyed or said: ``main``, ``confirm``, ``choice``, ``emergency``, an entry,
``last-four`` (of the telephone on a ticket), ``progress`` (how it stands), ``leaving`` (over the last announcement),
``barred``, ``maintenance`` and ``notice`` (over what is said of these, :mod:`ivr.opening`), or a survey's question."""
By = Literal[
    "key", "silence", "wrong", "repeats", "typed", "speech", "spoken", "unclear", "cancelled", "barred", "maintenance"
]  # fmt: skip
"""What decided: a key, silence, two wrong keys, ``*`` too often, an emergency number; words (``speech``), words that
tell of danger (``spoken``), words that were not understood (``unclear``); ``cancelled``: the caller took back an
emergency that his words were taken for; ``barred`` and ``maintenance``: nothing else is open to him. The dialplan knows
``spoken`` and ``cancelled``."""


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
class Listen:
    """Play sounds and listen for words and keys meanwhile. Answered with :class:`ivr.leg.Heard`."""

    sounds: tuple[str, ...]
    silence_ms: int
    phrases: tuple[str, ...] = ()
    alarm: Callable[[str], bool] | None = None
    notice: bool = False
    """The first sound holds the recording notice."""
    manner: Manner = Manner()  # noqa: RUF009  (frozen)


@dataclass(frozen=True, slots=True)
class Note:
    """Write down what the caller keyed, or which service he called off. Answered with None."""

    event: Literal["KEY", "NUMBER", "CANCELLED"]
    node: Node
    value: str


@dataclass(frozen=True, slots=True)
class Said:
    """Write down what the caller said and what it was taken for. Answered with None."""

    node: Node
    heard: Heard
    label: Class | None = None
    service: str | None = None
    topic: str | None = None
    score: float | None = None
    answer: str | None = None
    """``yes`` or ``no``, where that was asked."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Write down what a survey asked and was told, what a caller was told of a ticket, or that he was told why he
    gets nobody. Answered with None."""

    event: Literal["ASKED", "ANSWER", "OPTED_OUT", "TO_AGENT", "PROGRESS", "BARRED", "MAINTENANCE"]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deaf:
    """Write down that this call goes on by keys. Answered with None."""

    why: str
    """As :attr:`ivr.leg.Heard.why`."""


@dataclass(frozen=True, slots=True)
class Enquire:
    """Ask the desk how a ticket stands. Answered with :class:`ivr.desk.Progress`."""

    ticket: str
    last_four: str


@dataclass(frozen=True, slots=True)
class Announced:
    """Write down that an announcement was begun. Answered with None."""

    id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the call goes. ``target`` is a queue, or an emergency number; ``message`` and ``comment``: a tone, and then
    they speak."""

    kind: Literal["queue", "emergency", "message", "comment", "end"]
    target: str
    category: str
    by: By

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}:{self.category}:{self.by}"


Step = Play | Wait | Listen | Note | Said | Tell | Deaf | Enquire | Announced
Conversation = Generator[Step, Any, Decision]
"""What is sent back depends on the step: see each one."""
