"""How often one number may be rung. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

DAY, WEEK = timedelta(hours=24), timedelta(days=7)


def allowed_from(rung: Iterable[datetime], per_day: int, per_week: int, now: datetime) -> datetime:
    """When it may be rung again, ``now`` at the earliest. ``rung``: when it was, whatever for.

    Both spans are rolling ones. Times to come, of a clock that was set back since, count as if they were now.
    """
    times = sorted(min(time, now) for time in rung)
    earliest = now
    for limit, span in ((per_day, DAY), (per_week, WEEK)):
        recent = [time for time in times if time > now - span]
        if len(recent) >= limit:
            earliest = max(earliest, recent[-limit] + span)
    return earliest
