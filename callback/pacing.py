"""How many new calls may be begun now. Pure: a token bucket a trunk, caps that are never passed, inbound first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

_SECOND = timedelta(seconds=1)
_LATE = 5.0
"""Seconds. Who waited for the bucket may come with a moment that is a little before the one it was filled at."""
_ROUNDING = 1e-9
IN_A_ROW = 5
"""So many calls that failed, and none between them that did not: then it is our line's trouble, or our own."""
RECENT = 50
"""The calls begun last that are looked at for it."""
_SHORTEST, _LONGEST, _FORGOTTEN = timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=2)


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
class Recent:
    """A call of ours. ``failed``: without the citizen's doing; None: that is not known, or not yet."""

    claimed_at: datetime
    ended_at: datetime | None
    failed: bool | None


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
    call in are served first: ``waiting`` (none may be begun), ``trunk`` (fewer lines than our own cap); by ``trouble``
    (one call now and then, to see whether it is over); or empty."""

    calls: int
    bucket: Bucket
    held_back: str = ""


def allowance(
    pace: Pace, load: Load, outbound: int, bucket: Bucket, now: datetime, recent: Sequence[Recent] = ()
) -> Allowance:
    """``outbound``: calls of ours that hold a line, those whose outcome is not known among them. ``recent``: as many as
    :data:`RECENT`, the one begun last first."""
    bucket = _filled(bucket, pace.per_second, now)
    if load.waiting >= pace.waiting:
        return Allowance(0, bucket, "waiting")
    tried_again = troubled_until(recent, now)
    if tried_again is not None:
        free = pace.lines > outbound and (not pace.trunk_lines or _trunk(pace, load, outbound) > 0)
        return Allowance(min(1, bucket.calls) if free and now >= tried_again else 0, bucket, "trouble")
    lines = max(0, pace.lines - outbound)
    if pace.trunk_lines:
        trunk = _trunk(pace, load, outbound)
        if trunk < lines:
            return Allowance(min(trunk, bucket.calls), bucket, "trunk")
    return Allowance(min(lines, bucket.calls), bucket)


def troubled_until(recent: Sequence[Recent], now: datetime) -> datetime | None:
    """When the next call may be tried, where those begun last (first in ``recent``) all failed; None: no trouble.

    The pause is as long as the trouble has lasted by the last try, so that it doubles."""
    recent = [one for one in recent if now - _FORGOTTEN < one.claimed_at <= now + _LATE * _SECOND]
    row = list(takewhile(lambda one: one.failed, (one for one in recent if one.failed is not None)))
    if len(row) < IN_A_ROW:
        return None
    began = min(one.claimed_at for one in row)
    tried = max(*(one.claimed_at for one in recent), *(min(one.ended_at or one.claimed_at, now) for one in row))
    return tried + min(max(tried - began, _SHORTEST), _LONGEST)


def _trunk(pace: Pace, load: Load, outbound: int) -> int:
    """Lines of it that we may still take."""
    return max(0, pace.trunk_lines - pace.reserve - load.inbound - outbound)


def _filled(bucket: Bucket, per_second: float, now: datetime) -> Bucket:
    capacity = float(max(1, math.ceil(per_second)))
    passed = (now - bucket.filled_at) / _SECOND
    if -_LATE <= passed < 0:
        return replace(bucket, tokens=min(bucket.tokens, capacity))
    return Bucket(min(bucket.tokens + max(0.0, passed) * per_second, capacity), now)
