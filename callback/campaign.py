"""A campaign 回访任务 and its rules. Data only; the defaults are those of an ordinary city."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callback.words import CampaignState, Kind

EARLIEST, LATEST = time(8, 0), time(21, 0)
"""Nobody is rung outside, whatever a campaign says."""
MOST_PER_DAY = 5
"""Calls to one number in 24 hours over all campaigns that no setting can pass."""
EVERY_DAY = frozenset(range(7))


class Window(BaseModel):
    """From ``start`` up to, not including, ``end``; Asia/Shanghai."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    end: time

    @model_validator(mode="after")
    def _in_the_day(self) -> Self:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("a time of day without a zone: it is that of Asia/Shanghai")
        if any(one.second or one.microsecond for one in (self.start, self.end)):
            raise ValueError("whole minutes, such as 09:00")
        if not EARLIEST <= self.start < self.end <= LATEST:
            raise ValueError(f"start before end, and within {EARLIEST:%H:%M}-{LATEST:%H:%M}")
        return self


class Retry(BaseModel):
    """Minutes until the next attempt, by what came of the last one; ``attempts``: at most so many in all.

    Congestion doubles its pause each time. An unallocated number is never tried again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    busy: Annotated[int, Field(ge=1, le=10_080)] = 10
    no_answer: Annotated[int, Field(ge=1, le=10_080)] = 120
    """And at another time of day than before."""
    rejected: Annotated[int, Field(ge=1, le=10_080)] = 240
    congestion: Annotated[int, Field(ge=1, le=10_080)] = 5
    broken: Annotated[int, Field(ge=1, le=10_080)] = 120
    """Answered, and our own part failed before a question was asked."""


class Rules(BaseModel):
    """How a campaign rings. ``weekdays``: 0 is Monday. ``working_days_only``: by the holiday notices (调休 counts)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_lines: Annotated[int, Field(ge=1, le=10_000)] = 10
    windows: Annotated[tuple[Window, ...], Field(min_length=1, max_length=10)] = (
        Window(start=time(9, 0), end=time(12, 0)),
        Window(start=time(14, 0), end=time(20, 0)),
    )
    weekdays: frozenset[Annotated[int, Field(ge=0, le=6)]] = Field(default=EVERY_DAY, min_length=1)
    working_days_only: bool = False
    per_day: Annotated[int, Field(ge=1, le=MOST_PER_DAY)] = 2
    """Calls to one number within 24 hours, counted over all campaigns."""
    per_week: Annotated[int, Field(ge=1, le=35)] = 4
    """The same within seven times 24 hours."""
    ring_seconds: Annotated[int, Field(ge=10, le=60)] = 30
    retry: Retry = Retry()
    other_channel: str = Field(default="", pattern=r"^[a-z][a-z0-9_-]{0,30}$|^$")
    """Where those who were not reached are asked instead, such as ``sms`` (an outlet of ``[notify]``)."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        windows = sorted(self.windows, key=lambda one: one.start)
        if any(later.start < earlier.end for earlier, later in pairwise(windows)):
            raise ValueError("windows must not overlap")
        return self


class NewCampaign(BaseModel):
    """``survey``: a file of ``ivr/surveys/``. ``starts_on``, ``ends_on``: days in Asia/Shanghai, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Kind
    survey: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    starts_on: date
    ends_on: date | None = None
    rules: Rules = Rules()

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on must not be before starts_on")
        return self


class Campaign(NewCampaign):
    id: int
    state: CampaignState
    created_by: str
    created_at: datetime
