"""Which items of the list a request may fall under."""

from __future__ import annotations

from datetime import date

import pytest

from tickets.policy_file import find_policy
from tickets.screen import Facts, proposals

DAY = date(2026, 11, 21)


def ids(policy: str, facts: Facts) -> list[str]:
    return [proposal.item.id for proposal in proposals(find_policy(policy), facts)]


@pytest.mark.parametrize(
    ("happened_on", "proposed"),
    [
        (date(2024, 11, 20), True),
        (date(2024, 11, 21), False),
        (date(2026, 1, 1), False),
    ],
)
def test_older_than_two_years(happened_on: date, proposed: bool) -> None:
    found = proposals(find_policy("dalian-2015"), Facts("拖欠工程款", DAY, happened_on=happened_on))
    assert any(one.item.when == "older_than_two_years" for one in found) is proposed


def test_the_day_after_a_leap_day() -> None:
    facts = Facts("旧事", date(2026, 3, 1), happened_on=date(2024, 2, 29))
    assert ids("dalian-2015", facts) == []
    assert len(ids("dalian-2015", Facts("旧事", date(2026, 3, 2), happened_on=date(2024, 2, 29)))) == 1


@pytest.mark.parametrize("policy", ["dalian-2015", "yangling-2018", "longnan-2021"])
def test_handled_and_nothing_new(policy: str) -> None:
    def found(something_new: bool) -> bool:
        facts = Facts("路灯", DAY, handled_before=True, something_new=something_new)
        return any(one.item.when == "handled_nothing_new" for one in proposals(find_policy(policy), facts))

    assert found(False)
    assert not found(True)


@pytest.mark.parametrize(("answered", "proposed"), [(3, False), (4, True)])
def test_answered_more_than_three_times(answered: int, proposed: bool) -> None:
    found = ids("fuzhou-2007", Facts("同一问题", DAY, answered=answered))
    assert ("answered_more_than_three_times" in found) is proposed


def test_who_is_told_instead() -> None:
    found = proposals(find_policy("dalian-2015"), Facts("举报某干部受贿", DAY))
    assert [(one.basis.article, one.item.tell and one.item.tell.article) for one in found] == [("第十二条", "第十七条")]
    assert "纪检" in found[0].office
