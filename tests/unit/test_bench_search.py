"""The order in which the benchmark tries rates."""

from __future__ import annotations

import pytest

from bench.search import GRID, climb, nearest, scout


def holds(limit: int, tried: list[int]) -> bool:
    return tried[-1] <= limit


@pytest.mark.parametrize("limit", [3, 20, 75, 180])
@pytest.mark.parametrize("start", [5.0, 60.0, 400.0])
def test_the_scout_ends_below_the_limit_and_near_it(limit: int, start: float) -> None:
    tried: list[int] = []

    def attempt(rate: int) -> bool:
        tried.append(rate)
        return rate <= limit

    found = GRID[scout(attempt, start, most=30)]
    assert limit * 0.6 <= found <= limit


def test_the_scout_of_something_that_never_works_ends() -> None:
    assert scout(lambda rate: False, 100.0) == 0


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 2])
def test_the_climb_finds_the_highest_rate_below_the_first_failure(offset: int) -> None:
    top = nearest(75)
    tried: list[int] = []

    def attempt(rate: int) -> bool:
        tried.append(rate)
        return rate <= GRID[top]

    assert climb(attempt, top + offset, most=6) == top
    assert len(tried) == len(set(tried)) <= 5


def test_a_rate_above_a_failed_one_does_not_count() -> None:
    bad = nearest(75)
    assert climb(lambda rate: rate != GRID[bad], bad, most=6) == bad - 1


def test_the_climb_is_bounded() -> None:
    tried: list[int] = []

    def attempt(rate: int) -> bool:
        tried.append(rate)
        return True

    assert climb(attempt, 10, most=4) == 13
    assert len(tried) == 4
    assert climb(lambda rate: False, 10, most=4) is None
