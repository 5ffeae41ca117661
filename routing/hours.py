"""When a queue serves 服务时间: weekdays, holidays, make-up workdays 补班, special days. Pure: the moment is given, and
the calendar is asked by a function. All in Asia/Shanghai, whatever zone a moment comes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from datafile import Rule

CLOSED = "closed"
SHANGHAI = ZoneInfo("Asia/Shanghai")

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_LOOKED_AHEAD = 400
"""Days: a year of weekdays and holidays, and some."""
_HOW = 'such as "08:30-12:00 13:30-17:30", or closed'

Span = tuple[int, int]
"""From a minute of the day (0 to 1439) to another, which is no longer in it (at most 1440)."""


def _spans(value: Any) -> tuple[Span, ...]:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"hours of a day, {_HOW}")
    if value.strip() == CLOSED:
        return ()
    found: list[Span] = []
    for text in value.split():
        parts = re.fullmatch(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])", text)
        if parts is None:
            raise ValueError(f"{text[:20]!r}: hours of a day, {_HOW}")
        start, end = (int(parts[n]) * 60 + int(parts[n + 1]) for n in (1, 3))
        if not start < end <= 24 * 60:
            raise ValueError(f"{text}: must end after it begins, at 24:00 at the latest")
        if found and start < found[-1][1]:
            raise ValueError(f"{text}: begins before the one in front of it has ended")
        found.append((start, end))
    return tuple(found)


def _weekdays(name: str) -> range:
    """Of ``mon`` or ``mon-fri``."""
    first, dash, last = name.partition("-")
    try:
        return range(_WEEKDAYS.index(first), _WEEKDAYS.index(last if dash else first) + 1)
    except ValueError:
        return range(0)


def _once_each(days: dict[str, tuple[Span, ...]]) -> dict[str, tuple[Span, ...]]:
    seen: set[int] = set()
    for name in days:
        if not (named := _weekdays(name)):
            raise ValueError(f"{name[:20]!r}: one of {' '.join(_WEEKDAYS)}, or two of them such as mon-fri")
        if twice := seen.intersection(named):
            raise ValueError(f"{_WEEKDAYS[min(twice)]} has hours twice")
        seen.update(named)
    return days


def _text_keys(value: Any) -> Any:
    # YAML makes dates of them; as text, a fault in one is found by its line.
    return {str(key): spans for key, spans in value.items()} if isinstance(value, dict) else value


Spans = Annotated[tuple[Span, ...], BeforeValidator(_spans)]


class Hours(Rule):
    """Each day's hours: ``08:30-12:00 13:30-17:30``, or ``closed``."""

    days: Annotated[dict[str, Spans], AfterValidator(_once_each)] = Field(min_length=1)
    """By weekday; closed on those not named."""
    holidays: Spans = ()
    """Holidays by the State Council's notice 放假, the weekends in them included."""
    make_up: Spans | None = None
    """Saturdays and Sundays that are worked 补班; as on Mondays when not given."""
    special: Annotated[dict[date, Spans], BeforeValidator(_text_keys)] = Field(default={}, max_length=1000)
    """Single days, whatever they otherwise are."""

    def weekly(self, weekday: int) -> tuple[Span, ...]:
        """The hours of a weekday, 0 being Monday."""
        return next((spans for name, spans in self.days.items() if weekday in _weekdays(name)), ())


@dataclass(frozen=True, slots=True)
class Timetable:
    """``is_working_day`` must answer for any day (a provisional calendar does)."""

    hours: Hours
    is_working_day: Callable[[date], bool]

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(SHANGHAI)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.on(local.date()))

    def next_change(self, at: datetime) -> datetime | None:
        """When it opens, or closes, after ``at``; None: not within a year."""
        now = self.is_open(at)
        first = at.astimezone(SHANGHAI).date()
        for day in (first + n * _DAY for n in range(_LOOKED_AHEAD)):
            midnight = datetime.combine(day, time(), SHANGHAI)
            for minute in sorted({edge for span in self.on(day) for edge in span}):
                moment = midnight + timedelta(minutes=minute)
                if moment > at and self.is_open(moment) is not now:
                    return moment
        return None

    def on(self, day: date) -> tuple[Span, ...]:
        """The hours of a day."""
        hours, weekend = self.hours, day.weekday() >= 5
        if day in hours.special:
            return hours.special[day]
        ordinary = hours.weekly(day.weekday())
        if self.is_working_day(day):
            made_up = hours.weekly(0) if hours.make_up is None else hours.make_up
            return made_up if weekend else ordinary
        return hours.holidays if self._in_holiday(day) else ordinary

    def _in_holiday(self, day: date) -> bool:
        """Of a day off. A holiday's days off have a Monday to Friday among them, a plain weekend's have not."""
        for step in (-_DAY, _DAY):
            one = day
            while not self.is_working_day(one):
                if one.weekday() < 5:
                    return True
                one += step
        return False
