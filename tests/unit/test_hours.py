"""Hours of queues over three years, against the State Council's notices written down by hand; the file's faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from datafile import DataFileError
from hotline.rules import ROUTING
from routing.hours import SHANGHAI, Hours, Timetable
from routing.queues import load_queues
from tickets.calendar import load_working_days

DAYS = load_working_days(provisional=True)
DAY = timedelta(days=1)
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)

# 国务院办公厅关于 2024、2025、2026 年部分节假日安排的通知, with the weekends that they join (与周末连休).
OFF = """
2024-01-01 2024-01-01  2024-02-10 2024-02-17  2024-04-04 2024-04-06  2024-05-01 2024-05-05  2024-06-08 2024-06-10
2024-09-15 2024-09-17  2024-10-01 2024-10-07
2025-01-01 2025-01-01  2025-01-28 2025-02-04  2025-04-04 2025-04-06  2025-05-01 2025-05-05  2025-05-31 2025-06-02
2025-10-01 2025-10-08
2026-01-01 2026-01-03  2026-02-15 2026-02-23  2026-04-04 2026-04-06  2026-05-01 2026-05-05  2026-06-19 2026-06-21
2026-09-25 2026-09-27  2026-10-01 2026-10-07
""".split()
MADE_UP = """
2024-02-04 2024-02-18 2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12
2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11
2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10
""".split()


def holidays() -> Iterator[date]:
    for first, last in zip(OFF[::2], OFF[1::2], strict=True):
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            yield day
            day += DAY


HOLIDAYS, MAKE_UP = frozenset(holidays()), frozenset(date.fromisoformat(day) for day in MADE_UP)
SPECIAL = date(2026, 2, 13)
WORKED, SATURDAY, HOLIDAY, MADE, SHORT = (
    "08:30-12:00 13:30-17:30", "09:00-12:00", "10:00-11:00", "08:00-16:00", "08:30-11:30"
)  # fmt: skip
HOURS = Hours.model_validate(
    {
        "days": {"mon-fri": WORKED, "sat": SATURDAY},
        "holidays": HOLIDAY,
        "make_up": MADE,
        "special": {SPECIAL: SHORT, "2026-10-01": "closed", "2026-10-10": "00:00-24:00"},
    }
)
TABLE = Timetable(HOURS, DAYS.is_working_day)


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def days() -> Iterator[date]:
    for n in range((LAST - FIRST).days + 1):
        yield FIRST + n * DAY


def expected(day: date) -> str:
    if day in (SPECIAL, date(2026, 10, 1), date(2026, 10, 10)):
        return {13: SHORT, 1: "closed", 10: "00:00-24:00"}[day.day]
    if day in HOLIDAYS:
        return HOLIDAY
    if day in MAKE_UP:
        return MADE
    return (WORKED, WORKED, WORKED, WORKED, WORKED, SATURDAY, "closed")[day.weekday()]


def told(day: date) -> str:
    spans = TABLE.on(day)
    return " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans) or "closed"


def test_every_day_of_three_years() -> None:
    assert {day: told(day) for day in days()} == {day: expected(day) for day in days()}


def test_it_changes_when_it_opens_or_closes_and_at_no_other_moment() -> None:
    """Against every half hour of three years; all hours begin and end on one."""
    at, step = china("2024-01-01T00:00"), timedelta(minutes=30)
    changes, was = [], TABLE.is_open(at)
    while at.date() <= LAST:
        if (now := TABLE.is_open(at)) is not was:
            changes.append(at)
        at, was = at + step, now
    found, at = [], china("2024-01-01T00:00")
    while (change := TABLE.next_change(at)) is not None and change.date() <= LAST:
        found.append(change)
        at = change
    assert found == changes
    assert len(changes) > 2500


@pytest.mark.parametrize(
    ("at", "is_open", "changes"),
    [
        ("2026-09-20T10:00", True, "2026-09-20T16:00"),  # a Sunday that is worked
        ("2026-09-20T16:00", False, "2026-09-21T08:30"),
        ("2026-09-13T10:00", False, "2026-09-14T08:30"),  # any Sunday
        ("2026-10-01T10:30", False, "2026-10-02T10:00"),  # a holiday Thursday
        ("2026-10-08T12:00", False, "2026-10-08T13:30"),
        ("2026-10-08T11:59", True, "2026-10-08T12:00"),
        ("2026-10-10T23:59", True, "2026-10-11T00:00"),
    ],
)
def test_a_moment_in_whatever_zone(at: str, is_open: bool, changes: str) -> None:
    moment = china(at)
    for same in (moment, moment.astimezone(UTC)):
        assert TABLE.is_open(same) is is_open
        assert TABLE.next_change(same) == china(changes)


def test_midnight_is_no_change_where_it_goes_on() -> None:
    night = Hours.model_validate({"days": {"mon-sat": "00:00-08:00 20:00-24:00"}})
    table = Timetable(night, lambda day: day.weekday() < 6)
    assert table.next_change(china("2026-09-15T21:00")) == china("2026-09-16T08:00")
    always = Timetable(Hours.model_validate({"days": {"mon-sun": "00:00-24:00"}}), lambda _: True)
    assert always.next_change(china("2026-09-15T21:00")) is None
    assert always.is_open(china("2026-09-13T00:00"))
    never = Timetable(Hours.model_validate({"days": {"mon": "closed"}}), lambda _: False)
    assert never.next_change(china("2026-09-15T21:00")) is None


def test_what_is_not_written() -> None:
    plain = Timetable(Hours.model_validate({"days": {"mon-fri": "09:00-17:00"}}), DAYS.is_working_day)
    assert plain.is_open(china("2026-09-20T10:00")), "a make-up day is as a Monday"
    assert not plain.is_open(china("2026-10-01T10:00"))
    assert not plain.is_open(china("2026-09-12T10:00"))


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ({"days": {}}, "at least 1"),
        ({"days": {"mon-fri": 510}}, "hours of a day"),
        ({"days": {"mon-fri": False}}, "hours of a day"),
        ({"days": {"mon-fri": ""}}, "hours of a day"),
        ({"days": {"mon-fri": "8:30-12:00"}}, "'8:30-12:00'"),
        ({"days": {"mon-fri": "08:30-24:01"}}, "24:01"),
        ({"days": {"mon-fri": "08:30-25:00"}}, "24:00 at the latest"),
        ({"days": {"mon-fri": "12:00-12:00"}}, "must end after"),
        ({"days": {"mon-fri": "22:00-06:00"}}, "must end after"),
        ({"days": {"mon-fri": "08:30-12:00 11:30-17:00"}}, "in front of it"),
        ({"days": {"mon-fri": "13:30-17:00 08:30-12:00"}}, "in front of it"),
        ({"days": {"monday": "closed"}}, "'monday'"),
        ({"days": {"fri-mon": "closed"}}, "'fri-mon'"),
        ({"days": {"mon-": "closed"}}, "'mon-'"),
        ({"days": {"-": "closed"}}, "'-'"),
        ({"days": {"mon-fri": "closed", "wed": "closed"}}, "wed has hours twice"),
        ({"days": {"mon": "closed"}, "special": {"tomorrow": "closed"}}, "date"),
        ({"days": {"mon": "closed"}, "special": ["2026-01-01"]}, "dict"),
        ({"days": {"mon": "closed"}, "night": "closed"}, "Extra"),
        ({"days": {"mon": "closed"}, "special": {FIRST + n * DAY: "closed" for n in range(1001)}}, "at most 1000"),
    ],
)
def test_faulty_hours_are_refused(hours: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Hours.model_validate(hours)


FILE = (ROUTING / "queues.yaml").read_text(encoding="utf-8")
OURS = FILE[FILE.index("    hours:\n") : FILE.index("  english:")]


def load(tmp_path: Path, old: str, new: str) -> None:
    assert old in FILE
    path = tmp_path / "queues.yaml"
    path.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    load_queues(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("closed: agents", "closed: nowhere", "closed: nowhere", "closed: unknown queue 'nowhere'"),
        ("closed: agents", "closed: emergency", "closed: emergency", "for emergencies"),
        ("closed: agents", "closed: enterprise", "closed: enterprise", "round for ever: enterprise → enterprise"),
        ("    closed: agents\n", "", "hours:", "hours need closed"),
        (OURS, "    closed: agents\n", "closed: agents", "closed needs hours"),
        ("mon-fri: 08:30-12:00 13:30-17:30", "mon-fri: 08:30-12:00 13:30", "mon-fri: 08:30", "'13:30'"),
        ("special: {}", "special: {2027-02-05: 8-12}", "special: {", "'8-12'"),
        ("special: {}", "special:\n        2027-02-04: closed\n        2027-02-05: noon", "02-05: noon", "'noon'"),
        ("special: {}", "special: {2027-02-30: closed}", "2027-02-30", "没有这一天"),
        ("    weight: 1\n    known: true\n", OURS.replace(": agents", ": message"), "@hours", "day and night"),
        ("    weight: 9\n", "    weight: 9\n    known: true\n", "@known", "waits for nobody"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_by_its_line(tmp_path: Path, old: str, new: str, line: str, why: str) -> None:
    with pytest.raises(DataFileError) as error:
        load(tmp_path, old, new)
    assert why in str(error.value)
    lines = (tmp_path / "queues.yaml").read_text(encoding="utf-8").splitlines()
    if line.startswith("@"):
        inside = "  agents:" if line == "@hours" else "  handover:"
        start = next(n for n, text in enumerate(lines) if text.startswith(inside))
        wanted = next(n for n, text in enumerate(lines) if n > start and text.strip().startswith(line[1:]))
    else:
        wanted = next(n for n, text in enumerate(lines) if line in text and not text.startswith("#"))
    assert error.value.line == wanted + 1


def test_callers_who_go_round_between_closed_and_full_queues_are_refused(tmp_path: Path) -> None:
    """Closed leads to english, and english's longest wait back."""
    with pytest.raises(DataFileError, match=r"(enterprise → english → enterprise|english → enterprise → english)"):
        load(
            tmp_path,
            FILE[FILE.index("    closed: agents") : FILE.index("  agents:")],
            "    closed: english\n  english:\n    name: 英语服务\n    then: enterprise\n",
        )


def test_many_queues_are_checked_in_time(tmp_path: Path) -> None:
    """Two ways on from each of them: as many ways through as there are sums."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"q{a}{b}" for a in letters for b in letters][:300]
    lines = []
    for n, name in enumerate(names):
        then, closed = [*names[n + 1 : n + 3], "agents", "message"][:2]
        lines += [f"  {name}:", "    name: 某", f"    then: {then}", "    hours: {days: {mon: closed}}"]
        lines += [f"    closed: {closed}"]
    load(tmp_path, "  consultation:\n", "\n".join(lines) + "\n  consultation:\n")


def test_what_we_ship_is_open_day_and_night_but_for_one_queue() -> None:
    queues = load_queues(ROUTING / "queues.yaml")
    assert [name for name, queue in queues.items() if queue.hours is not None] == ["enterprise"]
    hours = queues["enterprise"].hours
    assert hours is not None
    table = Timetable(hours, DAYS.is_working_day)
    assert table.is_open(china("2026-09-20T10:00"))
    assert not table.is_open(china("2026-10-01T10:00"))
    assert not table.is_open(china("2026-09-21T12:30"))
