"""How long a call's recording is kept, by what the call was. Pure, but for reading the rules.

A call may be of several classes; the longest of their times counts. Whether something else forbids the removal (a
hold) is not asked here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from calls.surveyed import OUTGOING, VIA
from datafile import DataFile, Rule

FILE = Path(__file__).with_name("retention.yaml")
LOOK_AGAIN = timedelta(days=90)
"""What a call was may change; after so long it is asked again."""
LOOK_AGAIN_OPEN = timedelta(days=1)
"""Only an open ticket keeps it."""
FOREVER: Literal["forever"] = "forever"


class CallClass(StrEnum):
    ORDINARY = "ordinary"
    ABANDONED = "abandoned"
    CALLBACK = "callback"
    OUTGOING = "outgoing"
    MESSAGE = "message"
    COMPLAINT = "complaint"
    DISPUTED = "disputed"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at. ``via`` as in :class:`calls.record.Call`; of the call's tickets: ``complaint`` is one
    that complains of or reports somebody, ``disputed`` one that the citizen or the supervision was not content with,
    ``ticket_open`` one that is not done with."""

    arrived_at: datetime
    via: str = ""
    emergency: bool = False
    abandoned: bool = False
    message: bool = False
    complaint: bool = False
    disputed: bool = False
    ticket_open: bool = False


class Kept(Rule):
    name: Annotated[str, Field(min_length=1, max_length=40)]
    days: Annotated[int, Field(ge=1, le=36_500)] | Literal["forever"]

    def over_at(self, since: datetime) -> datetime | None:
        """The first moment at which it may go; None: never."""
        return None if self.days == FOREVER else since + timedelta(days=self.days)


class Retention(Rule):
    """The rules. ``version`` changes with them."""

    keep_while_ticket_open: bool
    classes: dict[CallClass, Kept]

    @model_validator(mode="after")
    def _complete(self) -> Retention:
        if missing := [one.value for one in CallClass if one not in self.classes]:
            raise ValueError(f"classes: no rule for {', '.join(missing)}")
        return self

    @property
    def version(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``over_at`` None: kept for ever. ``look_at``: before that nothing can be over, None: it is over now."""

    of: CallClass
    over_at: datetime | None
    look_at: datetime | None


def load_retention(path: Path | None = None) -> Retention:
    """Raises datafile.DataFileError."""
    return DataFile(path or FILE).parse(Retention)


def classes_of(facts: Facts) -> frozenset[CallClass]:
    """Never empty."""
    found = {
        CallClass.EMERGENCY: facts.emergency,
        CallClass.DISPUTED: facts.disputed,
        CallClass.COMPLAINT: facts.complaint,
        CallClass.MESSAGE: facts.message,
        CallClass.CALLBACK: facts.via == VIA,
        CallClass.OUTGOING: facts.via == OUTGOING,
        CallClass.ABANDONED: facts.abandoned,
    }
    return frozenset(one for one, holds in found.items() if holds) or frozenset({CallClass.ORDINARY})


def judge(rules: Retention, facts: Facts, now: datetime) -> Verdict:
    """What holds for a call now."""
    since = facts.arrived_at
    times = {one: rules.classes[one].over_at(since) for one in classes_of(facts)}
    longest = max(times, key=lambda one: (times[one] is None, times[one] or since, one))
    over_at = times[longest]
    if over_at is not None and over_at <= now:
        waits = facts.ticket_open and rules.keep_while_ticket_open
        return Verdict(longest, over_at, now + LOOK_AGAIN_OPEN if waits else None)
    # What it is may change meanwhile, to a class whose time is shorter: looked at when any class's time is over.
    ahead = [at for rule in rules.classes.values() if (at := rule.over_at(since)) is not None and at > now]
    return Verdict(longest, over_at, min([*ahead, now + LOOK_AGAIN]))
