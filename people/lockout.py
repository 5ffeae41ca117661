"""When an account or an address may try again. Pure.

Both are counted: an account against guessing its password from many places, an address against guessing one common
password for many accounts. An address is often a whole office behind one router, so it is given more tries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)
ACCOUNT_FAILURES = 5
ADDRESS_FAILURES = 20
KEPT_FOR = WINDOW + LOCKED_FOR
"""A failure older than this decides nothing any more."""


def locked_until(failures: Sequence[datetime], now: datetime, limit: int) -> datetime | None:
    """The end of the lock that these failures (any order) put on their subject, or None when it may try.

    ``limit`` failures within :data:`WINDOW` lock for :data:`LOCKED_FOR` from the last of them. Tries while locked are
    not counted as failures (the caller does not record them): guessing on cannot keep the owner out for ever.
    """
    times = sorted(moment for moment in failures if moment <= now)
    until = None
    for first, last in zip(times, times[limit - 1 :], strict=False):
        if last - first <= WINDOW and now < last + LOCKED_FOR:
            until = last + LOCKED_FOR
    return until
