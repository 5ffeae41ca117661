"""How long until a number is tried again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from callback.campaign import Retry
from callback.hours import Hours
from callback.words import Outcome

AGAIN = timedelta(minutes=1)
"""After an attempt of which nobody knows: neither the person nor the network was troubled."""
_LONGEST = timedelta(days=7)


def pause(retry: Retry, outcome: Outcome, congestions: int = 1) -> timedelta | None:
    """None: never again. ``congestions``: how many there were by now, this one counted. An attempt that was answered
    and is to be tried again had broken; one whose outcome nobody knows may have rung in vain."""
    match outcome:
        case Outcome.UNALLOCATED:
            return None
        case Outcome.NOT_DIALLED:
            return AGAIN
        case Outcome.BUSY:
            return timedelta(minutes=retry.busy)
        case Outcome.NO_ANSWER | Outcome.UNKNOWN:
            return timedelta(minutes=retry.no_answer)
        case Outcome.REJECTED:
            return timedelta(minutes=retry.rejected)
        case Outcome.CONGESTION:
            return min(timedelta(minutes=retry.congestion << (max(1, congestions) - 1)), _LONGEST)
        case Outcome.ANSWERED:
            return timedelta(minutes=retry.broken)


def next_try(
    retry: Retry, outcome: Outcome, attempts: int, congestions: int, tried: datetime, now: datetime, hours: Hours
) -> datetime | None:
    """When, within the campaign's hours; None: not any more. ``attempts``: those that count by now, ``tried``: when
    this one was begun."""
    wait = pause(retry, outcome, congestions)
    if wait is None or (attempts >= retry.attempts and outcome is not Outcome.NOT_DIALLED):
        return None
    if outcome in (Outcome.NO_ANSWER, Outcome.UNKNOWN):
        return hours.other_window(tried, now + wait)
    return hours.next_open(now + wait)
