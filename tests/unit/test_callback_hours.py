"""When a campaign may ring, how often one number, and how soon again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from callback.campaign import EARLIEST, LATEST, NewCampaign, Retry, Rules, Window
from callback.hours import Hours
from callback.limits import DAY, WEEK, allowed_from
from callback.retry import AGAIN, next_try, pause
from callback.words import Kind, Outcome
from tickets.calendar import load_working_days
from tickets.number import CHINA

DAYS = load_working_days(provisional=True)
MINUTE = timedelta(minutes=1)


def china(day: int, hour: int, minute: int = 0, month: int = 9) -> datetime:
    """Of 2026, in UTC as the database has it. 21 September is a Monday; the 25th (中秋) and 1 to 7 October are off,
    Sunday the 20th and Saturday 10 October are worked."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHINA).astimezone(UTC)


def hours(
    windows: str = "09:00-12:00 14:00-20:00", starts: date = date(2026, 9, 1), ends: date | None = None, **rules: Any
) -> Hours:
    pairs = [one.split("-") for one in windows.split()]
    made = Rules.model_validate({"windows": [{"start": start, "end": end} for start, end in pairs]} | rules)
    campaign = NewCampaign(name="回访", kind=Kind.LIST, survey="poll", starts_on=starts, ends_on=ends, rules=made)
    return Hours(campaign, DAYS.is_working_day)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (china(21, 9), china(21, 9)),
        (china(21, 11, 59), china(21, 11, 59)),
        (china(21, 12), china(21, 14)),
        (china(21, 8, 59), china(21, 9)),
        (china(21, 20), china(22, 9)),
        (china(21, 23, 30), china(22, 9)),
        (china(22, 0, 30), china(22, 9)),
        (datetime(2026, 8, 1, tzinfo=UTC), china(1, 9)),
    ],
)
def test_the_hours_are_those_of_china(at: datetime, opens: datetime) -> None:
    found = hours().next_open(at)
    assert found == opens
    assert found.tzinfo == at.tzinfo
    assert hours().is_open(at) is (opens == at)
    assert hours().is_open(opens)


def test_weekdays_and_holidays() -> None:
    weekdays = hours(weekdays=[0, 1, 2, 3, 4])
    working = hours(working_days_only=True)
    assert weekdays.next_open(china(20, 10)) == china(21, 9), "a Sunday"
    assert working.next_open(china(20, 10)) == china(20, 10), "a Sunday that is worked"
    assert weekdays.next_open(china(25, 10)) == china(25, 10), "a holiday"
    assert working.next_open(china(24, 21)) == china(28, 9)
    assert working.next_open(china(30, 20)) == china(8, 9, month=10)
    assert hours(working_days_only=True, weekdays=[5]).next_open(china(21, 9)) == china(10, 9, month=10)


def test_a_campaign_ends() -> None:
    until = hours(ends=date(2026, 9, 22))
    assert until.next_open(china(22, 19, 59)) == china(22, 19, 59)
    assert until.next_open(china(22, 20)) is None
    assert not until.is_open(china(23, 10))
    assert not until.is_open(datetime(2026, 8, 31, 10, tzinfo=CHINA))
    assert hours(starts=date(2026, 12, 1)).next_open(china(21, 9)) == china(1, 9, month=12)
    never = hours(weekdays=[6], starts=date(2026, 9, 21), ends=date(2026, 9, 26))
    assert never.next_open(china(21, 9)) is None
    nobody_works = Hours(hours(working_days_only=True).campaign, lambda _: False)
    assert nobody_works.next_open(china(21, 9)) is None


def test_another_time_of_day() -> None:
    morning, afternoon = china(21, 10), china(21, 15)
    two = hours()
    assert two.other_window(morning, china(21, 12, 5)) == china(21, 14)
    assert two.other_window(morning, china(21, 16)) == china(21, 16)
    assert two.other_window(afternoon, china(21, 17)) == china(22, 9)
    assert two.other_window(china(21, 13), china(21, 15)) == china(21, 15), "tried in none: any is another"
    assert hours(ends=date(2026, 9, 21)).other_window(afternoon, china(21, 17)) is None


def test_another_time_of_day_where_there_is_one_window_only() -> None:
    one = hours("09:00-19:00")
    assert one.other_window(china(21, 10), china(21, 12)) == china(21, 14)
    assert one.other_window(china(21, 15), china(21, 17)) == china(22, 9)
    assert one.other_window(china(21, 15), china(22, 14)) == china(23, 9)
    assert hours("09:00-09:01").other_window(china(21, 9), china(21, 11)) == china(22, 9) + MINUTE / 2


@pytest.mark.parametrize(
    "windows",
    ["07:59-10:00", "09:00-21:01", "12:00-09:00", "09:00-09:00", "09:00:30-10:00", "09:00-12:00 11:00-15:00"],
)
def test_windows_that_cannot_be(windows: str) -> None:
    with pytest.raises(ValidationError):
        hours(windows)


def test_windows_may_meet() -> None:
    assert hours("14:00-20:00 09:00-14:00").next_open(china(21, 14)) == china(21, 14)


minutes = st.integers(0, 60 * 24 * 90)


@given(
    st.lists(st.integers(8 * 60, 21 * 60), min_size=2, max_size=8, unique=True),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.booleans(),
    minutes,
    minutes,
)
def test_nobody_is_rung_outside(times: list[int], weekdays: frozenset[int], working: bool, at: int, tried: int) -> None:
    marks = [f"{one // 60:02}:{one % 60:02}" for one in sorted(times)]
    windows = [Window.model_validate({"start": start, "end": end}) for start, end in list(pairwise(marks))[::2]]
    rules = Rules(windows=tuple(windows), weekdays=weekdays, working_days_only=working)
    campaign = NewCampaign(name="回访", kind=Kind.LIST, survey="poll", starts_on=date(2026, 9, 10), rules=rules)
    found = Hours(campaign, DAYS.is_working_day)
    moment, before = china(1, 0) + at * MINUTE, china(1, 0) + tried * MINUTE
    opens, other = found.next_open(moment), found.other_window(before, moment)
    for one in (opens, other):
        if one is None:
            continue
        local = one.astimezone(CHINA)
        assert one >= moment
        assert found.is_open(one)
        assert EARLIEST <= local.time() < LATEST
        assert local.weekday() in weekdays
        assert not working or DAYS.is_working_day(local.date())
    assert found.is_open(moment) is (opens == moment)
    if opens is not None and opens > moment:
        assert not found.is_open(opens - MINUTE / 60)
        assert other is None or other >= opens


NOW = china(21, 10)
AGO = [NOW - timedelta(hours=hours) for hours in (200, 167, 100, 50, 30)]


def test_a_number_is_not_rung_too_often() -> None:
    assert allowed_from([], 2, 4, NOW) == NOW
    assert allowed_from([NOW - DAY, NOW - timedelta(hours=3)], 2, 4, NOW) == NOW
    assert allowed_from([NOW - timedelta(hours=23), NOW - timedelta(hours=3)], 2, 4, NOW) == NOW + timedelta(hours=1)
    assert allowed_from(AGO, 2, 4, NOW) == AGO[1] + WEEK
    assert allowed_from(AGO, 2, 5, NOW) == NOW
    assert allowed_from([*AGO, NOW - MINUTE], 1, 5, NOW) == NOW - MINUTE + DAY
    ahead = [NOW + timedelta(days=400)]
    assert allowed_from(ahead, 1, 4, NOW) == NOW + DAY, "the clock was set back"


@given(
    st.lists(st.integers(-20_000, 0), max_size=30),
    st.integers(1, 5),
    st.integers(1, 35),
)
def test_never_more_than_the_limits(ago: list[int], per_day: int, per_week: int) -> None:
    rung = [NOW + one * MINUTE for one in ago]
    at = NOW
    for _ in range(per_week + 1):
        at = allowed_from(rung, per_day, per_week, at)
        assert sum(one > at - DAY for one in rung) < per_day
        assert sum(one > at - WEEK for one in rung) < per_week
        rung.append(at)


def test_how_long_until_it_is_tried_again() -> None:
    retry = Retry()
    waits = {outcome: pause(retry, outcome) for outcome in Outcome}
    assert waits == {
        Outcome.ANSWERED: 120 * MINUTE,
        Outcome.BUSY: 10 * MINUTE,
        Outcome.NO_ANSWER: 120 * MINUTE,
        Outcome.UNALLOCATED: None,
        Outcome.CONGESTION: 5 * MINUTE,
        Outcome.REJECTED: 240 * MINUTE,
        Outcome.NOT_DIALLED: AGAIN,
        Outcome.UNKNOWN: 120 * MINUTE,
    }
    assert [pause(retry, Outcome.CONGESTION, n) for n in (1, 2, 3, 4)] == [n * MINUTE for n in (5, 10, 20, 40)]
    assert pause(Retry(congestion=10_080), Outcome.CONGESTION, 10) == timedelta(days=7)


@pytest.mark.parametrize(
    ("outcome", "attempts", "tried", "now", "again"),
    [
        (Outcome.BUSY, 1, china(21, 11, 55), china(21, 11, 56), china(21, 14)),
        (Outcome.BUSY, 2, china(21, 10), china(21, 10, 1), china(21, 10, 11)),
        (Outcome.BUSY, 3, china(21, 10), china(21, 10, 1), None),
        (Outcome.NO_ANSWER, 1, china(21, 9), china(21, 9, 1), china(21, 14)),
        (Outcome.NO_ANSWER, 2, china(21, 15), china(21, 15, 1), china(22, 9)),
        (Outcome.UNKNOWN, 1, china(21, 9), china(21, 11, 59), china(21, 14)),
        (Outcome.REJECTED, 1, china(21, 9), china(21, 9, 1), china(21, 14)),
        (Outcome.REJECTED, 1, china(21, 10, 30), china(21, 10, 31), china(21, 14, 31)),
        (Outcome.UNALLOCATED, 1, china(21, 10), china(21, 10, 1), None),
        (Outcome.NOT_DIALLED, 3, china(21, 10), china(21, 10, 1), china(21, 10, 2)),
    ],
)
def test_when_it_is_tried_again(
    outcome: Outcome, attempts: int, tried: datetime, now: datetime, again: datetime | None
) -> None:
    assert next_try(Retry(), outcome, attempts, 1, tried, now, hours()) == again
