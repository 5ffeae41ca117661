"""What open tickets wait for, so that whoever can do it finds them."""

from __future__ import annotations

from enum import StrEnum


class WaitingFor(StrEnum):
    """Somebody's next step."""

    ACCEPT = "accept"
    DISPATCH = "dispatch"
    FORWARD = "forward"
    VIEW = "view"
    CONTACT = "contact"
    DECIDE_REPORT = "decide_report"
    COMPLETE = "complete"
    DECIDE_RETURN = "decide_return"
    DECIDE_EXTENSION = "decide_extension"
    REVIEW = "review"
    CALLBACK = "callback"
    ARCHIVE = "archive"


class Sort(StrEnum):
    """``due`` and ``urgency``: of open tickets only."""

    RECEIVED = "received"
    DUE = "due"
    URGENCY = "urgency"
