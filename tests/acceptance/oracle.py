"""What is due when, worked out a second time: to check the product against, and from nothing of the product.

Everything here is typed from the documents themselves: the days off and the make-up days from the notices of the State
Council's office, the limits from the five regulations, the way of counting from the project's fixed readings. It
imports neither the product nor a calendar library, and it counts day by day, without any cleverness.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
ONE_DAY = timedelta(days=1)

# 2024: 国办发明电〔2023〕7号, 2023-10-25.
# 2025: 国办发明电〔2024〕12号, 2024-11-12.
# 2026: 国办发明电〔2025〕7号, 2025-11-04.
DAYS_OFF = """
2024-01-01 2024-01-01  元旦：1月1日放假，与周末连休
2024-02-10 2024-02-17  春节：2月10日至17日放假调休（除夕只是鼓励休息，仍是工作日）
2024-04-04 2024-04-06  清明节：4月4日至6日放假调休
2024-05-01 2024-05-05  劳动节：5月1日至5日放假调休
2024-06-10 2024-06-10  端午节：6月10日放假，与周末连休
2024-09-15 2024-09-17  中秋节：9月15日至17日放假调休
2024-10-01 2024-10-07  国庆节：10月1日至7日放假调休
2025-01-01 2025-01-01  元旦：1月1日（周三）放假1天，不调休
2025-01-28 2025-02-04  春节：1月28日（除夕、周二）至2月4日（周二）放假调休
2025-04-04 2025-04-06  清明节：4月4日（周五）至6日（周日）放假
2025-05-01 2025-05-05  劳动节：5月1日（周四）至5日（周一）放假调休
2025-05-31 2025-06-02  端午节：5月31日（周六）至6月2日（周一）放假
2025-10-01 2025-10-08  国庆节、中秋节：10月1日（周三）至8日（周三）放假调休
2026-01-01 2026-01-03  元旦：1月1日（周四）至3日（周六）放假调休
2026-02-15 2026-02-23  春节：2月15日（周日）至23日（周一）放假调休
2026-04-04 2026-04-06  清明节：4月4日（周六）至6日（周一）放假
2026-05-01 2026-05-05  劳动节：5月1日（周五）至5日（周二）放假调休
2026-06-19 2026-06-21  端午节：6月19日（周五）至21日（周日）放假
2026-09-25 2026-09-27  中秋节：9月25日（周五）至27日（周日）放假
2026-10-01 2026-10-07  国庆节：10月1日（周四）至7日（周三）放假调休
"""

MAKE_UP_DAYS = """
2024-02-04 2024-02-18 2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12
2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11
2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10
"""


def _spell_out(table: str) -> set[date]:
    days: set[date] = set()
    for row in table.strip().splitlines():
        first, last = (date.fromisoformat(text) for text in row.split()[:2])
        while first <= last:
            days.add(first)
            first += ONE_DAY
    return days


OFF = _spell_out(DAYS_OFF)
MADE_UP = {date.fromisoformat(text) for text in MAKE_UP_DAYS.split()}
LAST_KNOWN = date(2026, 12, 31)


class BeyondNotices(Exception):
    """The answer lies past the last notice."""


def worked(day: date) -> bool:
    if day > LAST_KNOWN:
        raise BeyondNotices(day)
    if day in MADE_UP:
        return True
    if day in OFF:
        return False
    return day.strftime("%a") not in ("Sat", "Sun")


def after_working_days(at: datetime, number: int) -> datetime:
    """The last second of the ``number``-th working day after the day of ``at`` in Beijing."""
    day = at.astimezone(BEIJING).date()
    while number > 0:
        day += ONE_DAY
        if worked(day):
            number -= 1
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=BEIJING)


# Limits from the dispatch to a unit. Numbers are working days.


def _dalian(category: str, urgent: bool, complex_: bool, stricter: int | None) -> dict[str, int]:
    # 第十八条 "2·20": two days to get in touch and to finish a consultation; twenty for 求助、建议、投诉、举报.
    # A category that the article does not name takes the complaint's twenty.
    complete = [2] if category == "consultation" else [20]
    contact = 2
    if category == "consultation" and complex_:
        complete.append(1)  # 第十六条: within one working day get in touch and answer
        contact = 1
    if urgent:
        complete.append(2)  # 第十九条: answer within two working days
    if stricter is not None:
        complete.append(stricter)  # 第十八条: 法律法规严于“2·20”规定的从其规定
    return {"contact": contact, "complete": min(complete), "return": 2}  # 第十五条


def _anhui(category: str, urgent: bool, complex_: bool, stricter: int | None) -> dict[str, int]:
    complete = 3 if category == "consultation" else 10  # 第十七条（一）、（二）
    if stricter is not None and stricter < complete:
        complete = stricter  # 第十七条（三）
    return {"contact": 1, "return": 2, "complete": complete}  # 第十五条、第十六条


def _yangling(category: str, urgent: bool, complex_: bool, stricter: int | None) -> dict[str, int]:
    # 第十四条（一）咨询3，（二）投诉举报5，（四）求助2. 建议 and 其他 are not named: the complaint's five.
    complete = {"consultation": 3, "complaint": 5, "report": 5, "help": 2, "suggestion": 5, "other": 5}[category]
    return {"complete": complete if stricter is None else min(complete, stricter)}  # no article limits a return


def _longnan(category: str, urgent: bool, complex_: bool, stricter: int | None) -> dict[str, int]:
    limits = {"return": 1}  # 第十条（二）
    if category == "report":
        # 第十三条（三）: two days to decide whether to take it up; what comes then counts from the decision.
        return limits | {"decide_report": 2}
    if category == "consultation":
        own = 2  # 第十三条（一）
    else:
        own = 5  # 第十三条（二）、（四）、（五）、（六）
        limits["contact"] = 2
    return limits | {"complete": own if stricter is None else min(own, stricter)}  # 第十三条末款


def _fuzhou(category: str, urgent: bool, complex_: bool, stricter: int | None) -> dict[str, int]:
    # 第八条（一）查阅、呈报2，（二）答复10（不分类别），（三）退单2.
    return {"view": 2, "return": 2, "complete": 10 if stricter is None else min(10, stricter)}


UNITS = {
    "dalian-2015": _dalian,
    "anhui-2021": _anhui,
    "yangling-2018": _yangling,
    "longnan-2021": _longnan,
    "fuzhou-2007": _fuzhou,
}


def deadlines(
    policy_name: str,
    category: str,
    at: datetime,
    urgent: bool,
    complex_: bool,
    county: bool,
    stricter: int | None,
) -> dict[str, datetime]:
    """Every limit that starts when a ticket is dispatched at ``at``. Raises :class:`BeyondNotices`."""
    if county:
        if policy_name != "fuzhou-2007":
            raise ValueError("only Fuzhou has counties")
        # 第七条: one day to pass it on; 第八条（三）第二款: one day to ask for its return.
        limits = {"forward": 1, "return": 1}
    else:
        limits = UNITS[policy_name](category, urgent, complex_, stricter)
    found = {name: after_working_days(at, number) for name, number in limits.items()}
    if policy_name == "dalian-2015" and urgent:
        found["onsite"] = at + timedelta(hours=2)  # 第十九条: by the clock, day and night
    return found
