"""Deadlines 2024-2026 against the oracle: 10,000 random cases a policy, not one difference."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import cycle, product

import pytest

from tests.acceptance.oracle import BEIJING, MADE_UP, OFF, UNITS, BeyondNotices, deadlines, worked
from tickets.calendar import load_working_days
from tickets.due import due
from tickets.policy_file import find_policy
from tickets.words import Category

SEED = 12345
CASES = 10_000
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
EVERY = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
EDGES = sorted({day + timedelta(days=n) for day in OFF | MADE_UP for n in (-2, -1, 0, 1)} & {*EVERY})
TIMES = [(0, 0, 0), (8, 59, 59), (12, 0, 0), (17, 30, 0), (22, 0, 0), (23, 59, 59)]
ZONES = [BEIJING, UTC, timezone(timedelta(hours=-8))]


def moment(dice: random.Random) -> datetime:
    """Any second of the three years, and more often one beside a holiday or on a boundary of the day."""
    day = dice.choice(EDGES if dice.random() < 0.3 else EVERY)
    if dice.random() < 0.4:
        hour, minute, second = dice.choice(TIMES)
    else:
        hour, minute, second = dice.randrange(24), dice.randrange(60), dice.randrange(60)
    # The same moment, as some other clock would show it.
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=BEIJING).astimezone(dice.choice(ZONES))


@pytest.mark.parametrize("name", sorted(UNITS))
def test_ten_thousand_cases_agree(name: str) -> None:
    policy, days, dice = find_policy(name), load_working_days(), random.Random(f"{SEED} {name}")
    combinations = list(
        product(Category, (False, True), (False, True), (False, True) if name == "fuzhou-2007" else (False,))
    )
    compared, left_out, limits = 0, 0, 0
    # Every combination in turn, each with many moments; a stricter law in half of them.
    for category, urgent, is_complex, county in cycle(combinations):
        if compared == CASES:
            break
        at = moment(dice)
        stricter = dice.randint(1, 25) if dice.random() < 0.5 else None
        try:
            expected = deadlines(name, category.value, at, urgent, is_complex, county, stricter)
        except BeyondNotices:
            left_out += 1
            continue
        found = due(policy, days, at, category, urgent=urgent, is_complex=is_complex, county=county, stricter=stricter)
        case = f"{name} {category} {at.isoformat()} {urgent=} {is_complex=} {county=} {stricter=}"
        assert {kind.value: limit.at.isoformat() for kind, limit in found.items()} == {
            kind: limit.astimezone(BEIJING).isoformat() for kind, limit in expected.items()
        }, case
        assert not any(limit.provisional for limit in found.values()), case
        compared += 1
        limits += len(found)
    print(f"{name}: seed {SEED}, {compared} cases, {limits} limits, {left_out} past 2026 left out, 0 differences")
    assert compared == CASES


def test_every_day_agrees() -> None:
    """The calendars, apart from any limit."""
    days = load_working_days()
    assert [day for day in EVERY if days.is_working_day(day) != worked(day)] == []
