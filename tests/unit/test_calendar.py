"""Working days: around weekends, holidays, make-up days, the year's end, and where no notice is out."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafile import DataFileError
from tickets.calendar import (
    FOLDER,
    UnknownYear,
    WorkingDays,
    library_years,
    load_working_days,
    statutory_days,
)

KNOWN = WorkingDays()
ROUGH = WorkingDays(provisional=True)

# Not a real notice: what one for 2027 may look like, with a bridged Monday and a make-up day in the December before.
NOTICE = """\
年份: 2027
文号: 测试〔2026〕1号
放假:
  - {节日: 元旦, 从: 2026-12-31, 到: 2027-01-02}
  - {节日: 春节, 从: 2027-02-05, 到: 2027-02-12}
  - {节日: 清明节, 从: 2027-04-03, 到: 2027-04-05}
  - {节日: 劳动节, 从: 2027-05-01, 到: 2027-05-05}
  - {节日: 端午节, 从: 2027-06-09, 到: 2027-06-09}
  - {节日: 中秋节, 从: 2027-09-15, 到: 2027-09-15}
  - {节日: 国庆节, 从: 2027-10-01, 到: 2027-10-07}
补班: [2026-12-27, 2027-02-20, 2027-10-09]
"""


def write(folder: Path, text: str = NOTICE, name: str = "2027.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("start", "number", "end"),
    [
        ("2026-11-20", 1, "2026-11-23"),  # Friday: Monday
        ("2026-11-21", 1, "2026-11-23"),  # Saturday, Sunday: the same
        ("2026-11-22", 1, "2026-11-23"),
        ("2026-11-19", 2, "2026-11-23"),
        ("2026-09-30", 2, "2026-10-09"),  # over National Day
        ("2026-09-30", 3, "2026-10-10"),  # a make-up Saturday
        ("2026-10-01", 1, "2026-10-08"),
        ("2026-09-18", 1, "2026-09-20"),  # a make-up Sunday
        ("2026-09-20", 1, "2026-09-21"),
        ("2024-02-08", 1, "2024-02-09"),  # New Year's Eve of 2024 was only recommended
        ("2024-02-09", 1, "2024-02-18"),
        ("2025-12-31", 1, "2026-01-04"),  # the year's end
        ("2024-12-31", 20, "2025-02-05"),
        ("2017-12-31", 1, "2018-01-02"),  # the day itself is not counted: its year need not be known
    ],
)
def test_the_last_day_of_a_limit(start: str, number: int, end: str) -> None:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    assert KNOWN.add(first, number) == last
    assert KNOWN.between(first, last) == number


def test_nothing_lies_between_a_day_and_an_earlier_one() -> None:
    day = date(2026, 10, 10)
    assert KNOWN.between(day, day) == 0
    assert KNOWN.between(day, date(2026, 10, 1)) == 0
    assert KNOWN.between(date(2026, 9, 30), date(2026, 10, 7)) == 0


def test_a_limit_has_a_length() -> None:
    with pytest.raises(ValueError, match="at least one"):
        KNOWN.add(date(2026, 1, 5), 0)


def test_a_limit_ends_with_the_last_second_of_the_day() -> None:
    assert KNOWN.end_of(date(2026, 10, 9)).isoformat() == "2026-10-09T23:59:59+08:00"


@given(st.dates(date(2024, 1, 1), date(2040, 12, 31)), st.integers(1, 300))
def test_adding_and_counting_agree(start: date, number: int) -> None:
    end = ROUGH.add(start, number)
    assert ROUGH.is_working_day(end)
    assert ROUGH.between(start, end) == number
    assert ROUGH.between(start, end - timedelta(days=1)) == number - 1


def test_the_library_knows_by_notice_only_these_years() -> None:
    """A newer release may know more; then this list grows, and the notice file of that year can go."""
    assert sorted(library_years()) == list(range(2018, 2027))


def test_every_known_year_has_the_working_days_that_the_law_leaves() -> None:
    """What a notice takes it gives back; so the weekdays lost are the days off by law, but for 2020's epidemic."""
    by_law = dict.fromkeys(range(2018, 2025), 11) | {2020: 11 + 2, 2025: 13, 2026: 13}
    for year in sorted(library_years()):
        everyday = [date(year, 1, 1) + timedelta(days=n) for n in range(365 + (year % 4 == 0))]
        weekdays = sum(day.weekday() < 5 for day in everyday)
        assert weekdays - KNOWN.between(date(year - 1, 12, 31), date(year, 12, 31)) == by_law[year], year


def test_an_unknown_year_is_refused() -> None:
    with pytest.raises(UnknownYear, match=r"2027 年.*2027\.yaml.*--provisional"):
        KNOWN.add(date(2026, 12, 30), 2)
    with pytest.raises(UnknownYear):
        KNOWN.is_working_day(date(2017, 6, 1))
    with pytest.raises(UnknownYear):
        KNOWN.between(date(2026, 12, 1), date(2027, 1, 4))
    assert KNOWN.add(date(2026, 12, 30), 1) == date(2026, 12, 31)


def test_an_unknown_year_may_be_estimated_and_is_marked() -> None:
    start = date(2026, 12, 31)
    end = ROUGH.add(start, 1)
    assert end == date(2027, 1, 4)  # Friday 1 January is off by law, then a weekend; no make-up day
    assert ROUGH.is_provisional(end)
    assert not ROUGH.is_provisional(start)
    assert ROUGH.span_provisional(start, end)
    assert not ROUGH.span_provisional(date(2026, 12, 1), start)
    assert not ROUGH.span_provisional(end, end)


def test_the_days_off_by_law() -> None:
    assert [f"{day:%m-%d}" for day in statutory_days(2027)] == (
        "01-01 02-05 02-06 02-07 02-08 04-05 05-01 05-02 06-09 09-15 10-01 10-02 10-03".split()
    )
    assert not ROUGH.is_working_day(date(2027, 2, 5))
    assert ROUGH.is_working_day(date(2027, 10, 4))
    assert not ROUGH.is_working_day(date(2027, 10, 9))


def test_a_notice_changes_the_count(tmp_path: Path) -> None:
    write(tmp_path)
    days = load_working_days(tmp_path)
    assert days.knows(2027)
    assert ROUGH.add(date(2027, 9, 30), 1) == date(2027, 10, 4)
    assert days.add(date(2027, 9, 30), 1) == date(2027, 10, 8)
    assert days.add(date(2027, 9, 30), 2) == date(2027, 10, 9)
    assert not days.span_provisional(date(2027, 9, 30), date(2027, 10, 9))
    # The December before is put right as well.
    assert KNOWN.is_working_day(date(2026, 12, 31))
    assert not days.is_working_day(date(2026, 12, 31))
    assert days.is_working_day(date(2026, 12, 27))
    assert days.add(date(2026, 12, 26), 1) == date(2026, 12, 27)


def test_a_notice_prevails_over_the_library(tmp_path: Path) -> None:
    example = (FOLDER / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    write(tmp_path, example, "2026.yaml")
    days = load_working_days(tmp_path)
    every = [date(2025, 12, 1) + timedelta(days=n) for n in range(396)]
    assert [day for day in every if days.is_working_day(day) != KNOWN.is_working_day(day)] == []
    write(tmp_path, example.replace("2026-10-10]", "2026-10-11]"), "2026.yaml")
    days = load_working_days(tmp_path)
    assert not days.is_working_day(date(2026, 10, 10))
    assert days.is_working_day(date(2026, 10, 11))


def test_what_is_shipped_loads() -> None:
    assert load_working_days().knows(2026)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "message"),
    [
        ("年份: 2027", "年份: 2028", 1, "文件名应为 2028.yaml"),
        ("2027-02-05, 到: 2027-02-12", "2027-02-12, 到: 2027-02-05", 5, "早于"),
        ("2027-06-09, 到: 2027-06-09", "2026-06-09, 到: 2027-06-09", 8, "不在 2027 年"),
        ("到: 2027-10-07", "到: 2028-01-07", 10, "不在 2027 年"),
        ("从: 2027-05-01", "从: 2027-04-05", 7, "已在另一放假中"),
        ("2027-10-09", "2027-10-08", 11, "不是周六或周日"),
        ("2027-10-09", "2027-10-03", 11, "又放假又补班"),
        ("2027-10-09", "2027-02-20", 11, "写了两次"),
        ("2027-10-09", "2028-10-14", 11, "不在 2027 年"),
        ("2027-02-12", "2027-02-29", 5, "没有这一天"),
        ("从: 2027-02-05", "从: 2027-02-06", 3, "法定节假日 2027-02-05 不在放假之列"),
        ("补班", "补办", 11, "补办"),
        ("文号: 测试〔2026〕1号", "文号: 测试〔2026〕1号\n文号: 又一个", 3, "twice"),
        ("节日: 春节", "节日: ''", 5, "节日"),
        ("到: 2027-10-07", "到: 十月七日", 10, "到"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, wrong: str, right: str, line: int, message: str) -> None:
    assert wrong in NOTICE
    path = write(tmp_path, NOTICE.replace(wrong, right))
    with pytest.raises(DataFileError, match=message) as error:
        load_working_days(tmp_path)
    assert str(error.value).startswith(f"{path}:{line}: ")


def test_a_file_that_would_be_overlooked_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path, name="2027.yml")
    with pytest.raises(DataFileError, match=r"文件名应为 2027\.yaml"):
        load_working_days(tmp_path)
    path.unlink()
    with pytest.raises(DataFileError, match="没有这个文件夹"):
        load_working_days(tmp_path / "nowhere")
