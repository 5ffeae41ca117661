"""Working days: which days count, and how long until so many of them have passed.

Three sources, the later before the earlier: the library `holidays` for the years whose notice it carries; notice files
(``holidays/YYYY.yaml``, see the README there) for years that are newer; and, for years whose notice is not out yet,
weekends and the statutory days alone (全国年节及纪念日放假办法, the 2024 revision), which is provisional: it knows no
bridged days and no make-up days (调休).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from holidays import HolidayBase, country_holidays
from holidays.countries.china import ChinaStaticHolidays
from pydantic import Field

from datafile import DataFile, DataFileError, Rule
from tickets.number import CHINA

FOLDER = Path(__file__).with_name("holidays")
FIRST_CHECKED = 2018
"""From here on the library was compared, day by day, with a second one."""
LAST = 2099
"""Nobody counts further, not even provisionally."""
LAW_SINCE = 2025
"""The statutory days below hold from 2025 on (国务院令第795号)."""

_DAY = timedelta(days=1)
_END = time(23, 59, 59, tzinfo=CHINA)


class UnknownYear(Exception):
    """No notice says which days of ``year`` are worked."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            f"{year} 年的放假安排未知：请按国务院办公厅通知建立 tickets/holidays/{year}.yaml，"
            "或用 --provisional 仅按周末和法定节假日暂算"
        )


class Holiday(Rule):
    """One 放假 of a notice: from its first to its last day, the weekends in it included."""

    name: str = Field(alias="节日", min_length=1)
    first: date = Field(alias="从")
    last: date = Field(alias="到")

    def days(self) -> list[date]:
        return [self.first + n * _DAY for n in range((self.last - self.first).days + 1)]


class Notice(Rule):
    """国务院办公厅关于某年部分节假日安排的通知. May reach back into the December before, as that of 2019 did."""

    year: Annotated[int, Field(ge=2008, le=2099)] = Field(alias="年份")
    number: str = Field(alias="文号", min_length=1)
    holidays: list[Holiday] = Field(alias="放假", min_length=1)
    made_up: list[date] = Field(default=[], alias="补班")

    def days_off(self) -> set[date]:
        return {day for holiday in self.holidays for day in holiday.days()}


class WorkingDays:
    """The calendar. Without ``provisional`` a year that no notice covers raises :class:`UnknownYear`."""

    def __init__(self, notices: Mapping[int, Notice] | None = None, provisional: bool = False) -> None:
        self.provisional = provisional
        self._notices = dict(notices or {})
        self._years: dict[int, tuple[list[date], frozenset[date]]] = {}

    def knows(self, year: int) -> bool:
        """Whether a notice covers ``year``."""
        return year in self._notices or year in library_years()

    def is_working_day(self, day: date) -> bool:
        return day in self._year(day.year)[1]

    def add(self, day: date, working_days: int) -> date:
        """The last day of a limit that an event on ``day`` starts. That day itself is not counted."""
        if working_days < 1:
            raise ValueError("a limit has at least one working day")
        left, start = working_days, day + _DAY
        for year in range(start.year, date.max.year):
            days = self._year(year)[0]
            last = bisect_right(days, day) + left - 1
            if last < len(days):
                return days[last]
            left = last - len(days) + 1
        raise OverflowError(day)

    def between(self, after: date, until: date) -> int:
        """How many working days lie after ``after``, up to and including ``until``."""
        if until <= after:
            return 0
        count = 0
        for year in range((after + _DAY).year, until.year + 1):
            days = self._year(year)[0]
            count += bisect_right(days, until) - bisect_right(days, after)
        return count

    def is_provisional(self, day: date) -> bool:
        """Whether the notice that decides about ``day`` is not known."""
        return not self.knows(day.year)

    def span_provisional(self, start: date, end: date) -> bool:
        """Whether a count from ``start`` (itself not counted) to ``end`` rests on a year without a notice."""
        return end > start and any(not self.knows(year) for year in range((start + _DAY).year, end.year + 1))

    @staticmethod
    def end_of(day: date) -> datetime:
        """When a limit that ends on ``day`` is over."""
        return datetime.combine(day, _END)

    def _year(self, year: int) -> tuple[list[date], frozenset[date]]:
        if year not in self._years:
            if not self.knows(year) and (not self.provisional or year > LAST):
                raise UnknownYear(year)
            days = self._count_year(year)
            self._years[year] = days, frozenset(days)
        return self._years[year]

    def _count_year(self, year: int) -> list[date]:
        """The working days of a year, in order."""
        if notice := self._notices.get(year):
            off, made_up = notice.days_off(), set(notice.made_up)
        elif year in library_years():
            off, made_up = set(_library().keys()), set(_library().weekend_workdays)
        else:
            off, made_up = set(statutory_days(year)), set()
        if following := self._notices.get(year + 1):
            off = (off | following.days_off()) - set(following.made_up)
            made_up = (made_up | set(following.made_up)) - following.days_off()
        everyday = (date(year, 1, 1) + n * _DAY for n in range(366))
        return [day for day in everyday if day.year == year and _works(day, off, made_up)]


def _works(day: date, off: set[date], made_up: set[date]) -> bool:
    return day in made_up or (day.weekday() < 5 and day not in off)


@lru_cache
def library_years() -> frozenset[int]:
    """The years whose notice the library carries.

    It computes any year. What it knows by notice shows in its table of exchanged days: since 2001 every notice has
    moved some day, and a year without a notice has no entry there.
    """
    return frozenset(year for year in ChinaStaticHolidays.special_public_holidays if year >= FIRST_CHECKED)


@lru_cache
def _library() -> HolidayBase:
    # All at once: a year's table may move a day of the December before.
    return country_holidays("CN", years=sorted(library_years()), expand=False)


@lru_cache
def statutory_days(year: int) -> tuple[date, ...]:
    """The 13 days off by law, or fewer where two fall on one day. No shifting."""
    return tuple(sorted(country_holidays("CN", years=year, observed=False, expand=False)))


def load_working_days(folder: Path = FOLDER, provisional: bool = False) -> WorkingDays:
    """The calendar with the notices in ``folder``. Raises :class:`DataFileError` for the first fault."""
    if not folder.is_dir():
        raise DataFileError(folder, 1, "没有这个文件夹")
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    notices = (load_notice(path) for path in paths)
    return WorkingDays({notice.year: notice for notice in notices}, provisional)


def load_notice(path: Path) -> Notice:
    """Read and check one notice. Raises :class:`DataFileError`."""
    file = DataFile(path)
    notice = file.parse(Notice)
    if path.name != f"{notice.year}.yaml":
        raise file.error(f"年份是 {notice.year}，文件名应为 {notice.year}.yaml", "年份")
    off: set[date] = set()
    for n, holiday in enumerate(notice.holidays):
        if holiday.last < holiday.first:
            raise file.error(f"{holiday.name}：到 {holiday.last} 早于从 {holiday.first}", "放假", n, "到")
        _check_inside(file, notice.year, (holiday.first, holiday.last), "放假", n)
        if twice := off.intersection(holiday.days()):
            raise file.error(f"{holiday.name}：{min(twice)} 已在另一放假中", "放假", n)
        off.update(holiday.days())
    for n, day in enumerate(notice.made_up):
        _check_inside(file, notice.year, (day,), "补班", n)
        if day.weekday() < 5:
            raise file.error(f"{day} 不是周六或周日，本来就上班", "补班", n)
        if day in off:
            raise file.error(f"{day} 又放假又补班", "补班", n)
        if day in notice.made_up[:n]:
            raise file.error(f"{day} 写了两次", "补班", n)
    if notice.year >= LAW_SINCE and (missing := set(statutory_days(notice.year)) - off):
        raise file.error(f"法定节假日 {min(missing)} 不在放假之列", "放假")
    return notice


def _check_inside(file: DataFile, year: int, days: Iterable[date], *at: str | int) -> None:
    for day in days:
        if not date(year - 1, 12, 1) <= day <= date(year, 12, 31):
            raise file.error(f"{day} 不在 {year} 年（或上年十二月）内", *at)
