"""How long the dialplan trusts the voice server before it takes the caller back.

The dialplan sets ``TIMEOUT(absolute)`` before ``AGI()``. A server that works moves this limit ahead of every step that
would outlast it; one that froze cannot, and the caller is in a queue ``MARGIN`` seconds after the step should have
ended. The limit is also pulled in after a step that ended early (a key during a long greeting).
"""

from __future__ import annotations

import math

MARGIN = 2.0
"""Seconds between a step's expected end and the limit."""
TOLERANCE = 1.0
"""The limit is left alone while it is within this many seconds of the wanted one, to save round trips."""
LISTENING, AFTER_LISTENING, AFTER_LOSS = 3.5, 2.0, 1.0
"""What the dialplan sets by itself, in seconds (context ``listen``): each time it begins to bring the caller's voice,
which it is made to every two seconds; when the server has sent it away for good; when the connection broke."""


class Watchdog:
    """Keeps count of the limit; times are seconds of one monotonic clock."""

    def __init__(self, now: float, first: float) -> None:
        self._deadline = now + first

    def before(self, now: float, expected: float) -> float | None:
        """The limit to set before a step of ``expected`` seconds, in seconds from now; None to leave it."""
        spare = self._deadline - now - expected
        if MARGIN - TOLERANCE <= spare <= MARGIN + TOLERANCE:
            return None
        limit = math.ceil((expected + MARGIN) * 10) / 10
        self._deadline = now + limit
        return limit

    def moved(self, now: float, seconds: float) -> None:
        """The dialplan has set the limit itself."""
        self._deadline = now + seconds
