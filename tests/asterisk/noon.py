"""``python -m tests.asterisk.noon MODULE``: a part of the hotline for which it is half past ten in the morning.

Citizens are rung by day only, and tests run at any hour. Only the hours of campaigns are moved, by as much as
``ZONE_MINUTES`` says; every clock stays as it is.
"""

from __future__ import annotations

import os
import runpy
import sys
from datetime import UTC, datetime, timedelta, timezone

VARIABLE = "ZONE_MINUTES"
HALF_PAST_TEN = 10 * 60 + 30


def minutes_from_utc(now: datetime) -> int:
    """Of a zone in which it is half past ten at ``now``."""
    passed = now.astimezone(UTC).hour * 60 + now.astimezone(UTC).minute
    return (HALF_PAST_TEN - passed + 12 * 60) % (24 * 60) - 12 * 60


def zone_of(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


def move_hours() -> None:
    from callback import hours

    setattr(hours, "CHINA", zone_of(int(os.environ[VARIABLE])))  # noqa: B010 - it is not meant to be set


if __name__ == "__main__":
    move_hours()
    module = sys.argv[1]
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
