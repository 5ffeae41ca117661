"""What a seat 席位 is, what one can do at it with a call, and why not. Words only; :mod:`routing.seat_call` decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

PhoneKind = Literal["desk", "browser"]
"""A SIP telephone, or the page itself."""


class Working(StrEnum):
    """``out`` 未签入, ``ready`` 示闲, ``paused`` 示忙."""

    OUT = "out"
    READY = "ready"
    PAUSED = "paused"


class Doing(StrEnum):
    """What is done to the call at a seat."""

    ANSWER = "answer"
    HOLD = "hold"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    HANGUP = "hangup"
    TRANSFER = "transfer"  # blind: the other side goes there at once
    CONSULT = "consult"  # the other side hears music while the agent talks with the target
    COMPLETE = "complete"  # the other side and the target are connected, the agent is out
    CONFERENCE = "conference"  # all three are connected
    SWAP = "swap"  # talk with the one who waits
    CANCEL = "cancel"  # the target is let go, back to the other side
    REJOIN = "rejoin"  # the page was loaded anew: its new telephone is rung and takes the call on


class TargetKind(StrEnum):
    EXTENSION = "extension"
    QUEUE = "queue"
    UNIT = "unit"
    EMERGENCY = "emergency"


class SpyMode(StrEnum):
    """``listen`` 监听, ``whisper`` 耳语: the agent alone hears the supervisor; ``barge`` 强插: both do."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


@dataclass(frozen=True, slots=True)
class Target:
    """``number``: a unit's; E.164, and as the carrier wants it dialled where Asterisk is asked."""

    kind: TargetKind
    id: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """``queues``: which it serves when it is ready, with the penalty; none at a supervisor's."""

    extension: str
    name: str
    phone: PhoneKind
    queues: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SipAccount:
    """What a page registers with. ``socket``: path on the web server."""

    uri: str
    user: str
    password: str = field(repr=False)
    socket: str = "/ws"


@dataclass(frozen=True, slots=True)
class Standing:
    """A seat as Asterisk sees it now. ``reason``: of the pause, else empty. ``queues``: served now, with penalty."""

    working: Working
    reason: str
    reachable: bool
    in_call: bool
    queues: Mapping[str, int]


class TelephoneFault(ValueError):
    """Not done, or (``outcome_unknown``) perhaps: ``code`` is for programs, ``str()`` one Chinese line for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
