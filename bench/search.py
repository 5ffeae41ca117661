"""Which rates are tried, and in which order. Pure: what a try is, the caller says."""

from __future__ import annotations

from collections.abc import Callable

Try = Callable[[int], bool]
_FINEST = 1.05


def _grid(highest: int) -> list[int]:
    rates = [1]
    while rates[-1] < highest:
        rates.append(max(rates[-1] + 1, round(rates[-1] * _FINEST)))
    return rates


GRID = _grid(2000)
"""Calls a second, 5 % (at least 1) apart."""


def nearest(rate: float) -> int:
    """Index in the grid."""
    return min(range(len(GRID)), key=lambda index: abs(GRID[index] - rate))


def scout(attempt: Try, start: float, most: int = 12) -> int:
    """A quick look, in jumps of about a quarter, then halving: index of a rate near the highest that passes."""
    index, passed, failed = nearest(start), 0, len(GRID)
    for _ in range(most):
        if attempt(GRID[index]):
            passed = index
        else:
            failed = index
        if failed - passed <= 2:
            break
        if failed == len(GRID):
            index = min(nearest(GRID[index] * 1.25), len(GRID) - 1)
        elif passed == 0:
            index = nearest(GRID[index] * 0.6)
        else:
            index = (passed + failed) // 2
    return passed


def climb(attempt: Try, start: int, most: int) -> int | None:
    """Step by step up the grid until one fails; begins lower if the first fails. At most ``most`` tries.

    Returns the index of the highest rate that passed with no failure below it, or None.
    """
    tried: dict[int, bool] = {}
    index = start
    while len(tried) < most and index not in tried and 0 <= index < len(GRID):
        tried[index] = attempt(GRID[index])
        passed = [one for one, good in tried.items() if good]
        index = max(passed) + 1 if passed else max(0, index - 2)
    lowest_failure = min((one for one, good in tried.items() if not good), default=len(GRID))
    return max((one for one, good in tried.items() if good and one < lowest_failure), default=None)
