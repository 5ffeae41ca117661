"""How many new calls may be begun now. Pure: a token bucket a trunk, caps that are never passed, inbound first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_SECOND = timedelta(seconds=1)
_LATE = 5.0
"""Seconds. Who waited for the bucket may come with a moment that is a little before the one it was filled at."""
_ROUNDING = 1e-9


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

    @property
    def calls(self) -> int:
        """What it holds, in whole calls."""
        return int(self.tokens + _ROUNDING)

    def without(self, calls: int) -> Bucket:
        return replace(self, tokens=max(0.0, self.tokens - calls))


@dataclass(frozen=True, slots=True)
class Allowance:
    """``calls`` may be begun; ``bucket`` is how it stands before they take theirs. ``held_back``: by what citizens who
    call in are served first: ``waiting`` (none may be begun), ``trunk`` (fewer lines than our own cap), or empty."""

    calls: int
    bucket: Bucket
    held_back: str = ""


def allowance(pace: Pace, load: Load, outbound: int, bucket: Bucket, now: datetime) -> Allowance:
    """``outbound``: calls of ours that hold a line, those whose outcome is not known among them."""
    bucket = _filled(bucket, pace.per_second, now)
    if load.waiting >= pace.waiting:
        return Allowance(0, bucket, "waiting")
    lines = max(0, pace.lines - outbound)
    if pace.trunk_lines:
        trunk = max(0, pace.trunk_lines - pace.reserve - load.inbound - outbound)
        if trunk < lines:
            return Allowance(min(trunk, bucket.calls), bucket, "trunk")
    return Allowance(min(lines, bucket.calls), bucket)


def _filled(bucket: Bucket, per_second: float, now: datetime) -> Bucket:
    capacity = float(max(1, math.ceil(per_second)))
    passed = (now - bucket.filled_at) / _SECOND
    if -_LATE <= passed < 0:
        return replace(bucket, tokens=min(bucket.tokens, capacity))
    return Bucket(min(bucket.tokens + max(0.0, passed) * per_second, capacity), now)
