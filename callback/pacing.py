"""How many new calls may be begun now. Pure: a token bucket a trunk, caps that are never passed, inbound first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """What the operator set for the trunk (``[callback]``)."""

    lines: int
    """Outbound calls at once over all campaigns."""
    per_second: float
    """New calls a second; also how many may follow each other at once, rounded up: no bursts after a pause."""
    trunk_lines: int
    """Lines of the trunk for both directions; 0: not known, not looked at."""
    reserve: int
    """Lines of the trunk that are kept for citizens who call in."""
    waiting: int
    """Callers in the queues from which on no new call is begun."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is going on at this moment, as Asterisk says."""

    inbound: int
    """Lines of the trunk taken by calls that came in."""
    waiting: int
    """Callers who wait in a queue."""


@dataclass(frozen=True, slots=True)
class Bucket:
    tokens: float
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """``calls`` may be begun; ``bucket`` is how it stands before they take theirs. ``held_back``: why none or fewer,
    for people: ``waiting``, ``trunk``, or empty."""

    calls: int
    bucket: Bucket
    held_back: str = ""


def allowance(pace: Pace, load: Load, outbound: int, bucket: Bucket, now: datetime) -> Allowance:
    """``outbound``: calls of ours that hold a line, those whose outcome is not known among them."""
    raise NotImplementedError
