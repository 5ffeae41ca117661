"""When a campaign may ring. Pure; all in Asia/Shanghai, whatever zone a moment comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from callback.campaign import NewCampaign
from tickets.number import CHINA

Span = tuple[time, time]

_DAY = timedelta(days=1)
_LOOKED_AHEAD = 400
"""Days: a year of weekdays and holidays, and some."""


@dataclass(frozen=True, slots=True)
class Hours:
    """``is_working_day`` must answer for any day (a provisional calendar does); asked only where it matters."""

    campaign: NewCampaign
    is_working_day: Callable[[date], bool]

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(CHINA)
        rings = any(start <= local.time() < end for start, end in self._spans())
        return rings and local.date() in self._days(local.date(), 1)

    def next_open(self, at: datetime) -> datetime | None:
        """``at`` itself while open, else when it opens again, in the zone of ``at``; None: not any more."""
        return self._next(at, self._spans())

    def other_window(self, tried: datetime, at: datetime) -> datetime | None:
        """As :meth:`next_open`, but at another time of day than ``tried``: in another window than the one it lay in,
        and where there is one only, in that window's other half. Where it lay in none, any window is another."""
        spans = self._spans()
        spans = _halves(*spans[0]) if len(spans) == 1 else spans
        then = tried.astimezone(CHINA).time()
        return self._next(at, [(start, end) for start, end in spans if not start <= then < end])

    def _spans(self) -> list[Span]:
        return sorted((window.start, window.end) for window in self.campaign.rules.windows)

    def _next(self, at: datetime, spans: Sequence[Span]) -> datetime | None:
        local = at.astimezone(CHINA)
        for day in self._days(max(local.date(), self.campaign.starts_on), _LOOKED_AHEAD):
            for start, end in spans:
                if day > local.date() or local.time() < end:
                    return max(at, datetime.combine(day, start, CHINA).astimezone(at.tzinfo))
        return None

    def _days(self, first: date, count: int) -> Iterator[date]:
        """Those of the ``count`` days from ``first`` on which it rings."""
        starts, ends = self.campaign.starts_on, self.campaign.ends_on or date.max
        rules = self.campaign.rules
        for day in (first + n * _DAY for n in range(count)):
            if starts <= day <= ends and day.weekday() in rules.weekdays:
                if rules.working_days_only and not self.is_working_day(day):
                    continue
                yield day


def _halves(start: time, end: time) -> list[Span]:
    first, last = datetime.combine(date.min, start), datetime.combine(date.min, end)
    middle = (first + (last - first) / 2).time()
    return [(start, middle), (middle, end)]
