"""How many calls may be begun: caps that nothing passes, a rate that is kept, citizens who call in first."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.pacing import Allowance, Bucket, Load, Pace, Recent, allowance, troubled_until

NOW = datetime(2026, 9, 21, 2, tzinfo=UTC)
QUIET = Load(inbound=0, waiting=0)
SECOND = timedelta(seconds=1)


def pace(lines: int = 10, per_second: float = 5.0, trunk: int = 0, reserve: int = 0, waiting: int = 1) -> Pace:
    return Pace(lines, per_second, trunk, reserve, waiting)


def full(tokens: float = 5.0) -> Bucket:
    return Bucket(tokens, NOW)


@pytest.mark.parametrize(
    ("rules", "load", "outbound", "calls", "held"),
    [
        (pace(), QUIET, 0, 5, ""),
        (pace(), QUIET, 7, 3, ""),
        (pace(), QUIET, 10, 0, ""),
        (pace(), QUIET, 12, 0, ""),
        (pace(), Load(0, 1), 0, 0, "waiting"),
        (pace(waiting=3), Load(0, 2), 0, 5, ""),
        (pace(waiting=3), Load(0, 3), 0, 0, "waiting"),
        (pace(trunk=30, reserve=10), Load(15, 0), 0, 5, "trunk"),
        (pace(trunk=30, reserve=10), Load(17, 0), 0, 3, "trunk"),
        (pace(trunk=30, reserve=10), Load(17, 0), 3, 0, "trunk"),
        (pace(trunk=30, reserve=10), Load(40, 0), 3, 0, "trunk"),
        (pace(trunk=30, reserve=10), Load(5, 0), 3, 5, ""),
        (pace(trunk=30, reserve=30), QUIET, 0, 0, "trunk"),
        (pace(trunk=0, reserve=30), Load(500, 0), 0, 5, ""),
    ],
)
def test_caps(rules: Pace, load: Load, outbound: int, calls: int, held: str) -> None:
    assert allowance(rules, load, outbound, full(), NOW) == Allowance(calls, full(), held)


def test_a_pause_saves_nothing_up() -> None:
    found = allowance(pace(lines=100, per_second=2.5), QUIET, 0, Bucket(0.0, NOW), NOW + timedelta(days=9))
    assert (found.calls, found.bucket) == (3, Bucket(3.0, NOW + timedelta(days=9)))
    slow = pace(per_second=0.1)
    assert allowance(slow, QUIET, 0, Bucket(0.0, NOW), NOW + 9.9 * SECOND).calls == 0
    assert allowance(slow, QUIET, 0, Bucket(0.0, NOW), NOW + 10 * SECOND).calls == 1
    assert allowance(slow, QUIET, 0, Bucket(0.0, NOW), NOW + 100 * SECOND).calls == 1
    assert allowance(pace(per_second=1), QUIET, 0, full(100.0), NOW).calls == 1, "the rate was lowered"


def calls(*failed: bool | None, apart: float = 10) -> list[Recent]:
    """The last of them ended now; the first given was begun last."""
    begun = [NOW - (n + 1) * apart * SECOND for n in range(len(failed))]
    return [Recent(at, None if bad is None else at + SECOND, bad) for at, bad in zip(begun, failed, strict=True)]


@pytest.mark.parametrize(
    ("recent", "seconds"),
    [
        ([], None),
        (calls(True, True, True, True), None),
        (calls(True, True, True, True, False, True), None),
        (calls(False, True, True, True, True, True), None),
        (calls(True, True, True, True, True, False, apart=1), -1 + 1 + 30),
        (calls(True, None, True, True, True, True, apart=1), 30),
        (calls(None, True, True, True, True, True, apart=100), -100 + 500),
        (calls(True, True, True, True, True, apart=60), -59 + 241),
        (calls(*[True] * 9, apart=600), -599 + 900),
        (calls(*[True] * 9, apart=7200), None),
    ],
)
def test_when_calls_fail_one_after_the_other(recent: list[Recent], seconds: float | None) -> None:
    until = troubled_until(recent, NOW)
    assert until == (None if seconds is None else NOW + seconds * SECOND)
    if until is not None:
        before, after = (allowance(pace(), QUIET, 3, full(), at, recent) for at in (until - SECOND, until))
        assert (before.calls, before.held_back) == (0, "trouble")
        assert (after.calls, after.held_back) == (1, "trouble")
        assert allowance(pace(lines=3), QUIET, 3, full(), until, recent).calls == 0
        assert allowance(pace(trunk=9, reserve=2), Load(4, 0), 3, full(), until, recent).calls == 0
        assert allowance(pace(), Load(0, 1), 3, full(), until, recent).held_back == "waiting"


def test_trouble_of_a_time_to_come_is_none() -> None:
    """The clock was set back since."""
    assert troubled_until(calls(*[True] * 9, apart=1), NOW - timedelta(hours=1)) is None


def test_a_clock_that_is_set_back() -> None:
    rules = pace(per_second=1)
    hour_back = NOW - timedelta(hours=1)
    back = allowance(rules, QUIET, 0, Bucket(0.25, NOW), hour_back)
    assert (back.calls, back.bucket) == (0, Bucket(0.25, hour_back))
    assert allowance(rules, QUIET, 0, back.bucket, hour_back + SECOND).calls == 1
    late = allowance(rules, QUIET, 0, Bucket(0.25, NOW), NOW - 0.2 * SECOND)
    assert late.bucket == Bucket(0.25, NOW), "whoever waited for the bucket does not fill the same time twice"


steps = st.tuples(
    st.floats(-30, 30) | st.sampled_from([-1e6, 1e6, 0.0]), st.integers(0, 40), st.integers(0, 3), st.integers(0, 20)
)
paces = st.builds(
    Pace,
    lines=st.integers(1, 30),
    per_second=st.floats(0.01, 30),
    trunk_lines=st.integers(0, 40),
    reserve=st.integers(0, 20),
    waiting=st.integers(1, 3),
)


@given(paces, st.lists(steps, max_size=40))
def test_no_cap_is_ever_passed(rules: Pace, sequence: list[tuple[float, int, int, int]]) -> None:
    capacity = max(1, math.ceil(rules.per_second))
    bucket, outbound, now = Bucket(float(capacity), NOW), 0, NOW
    for seconds, inbound, waiting, ended in sequence:
        now += seconds * SECOND
        outbound = max(0, outbound - ended)
        found = allowance(rules, Load(inbound, waiting), outbound, bucket, now)
        assert 0 <= found.calls <= capacity
        assert 0 <= found.bucket.tokens <= capacity
        if found.calls:
            assert waiting < rules.waiting
            assert outbound + found.calls <= rules.lines
            assert not rules.trunk_lines or inbound + outbound + found.calls + rules.reserve <= rules.trunk_lines
        bucket = found.bucket.without(found.calls)
        assert bucket.tokens >= 0
        outbound += found.calls


@given(paces, st.integers(0, 40), st.integers(0, 40), st.integers(0, 3), st.floats(0, 30), st.floats(0, 100))
def test_more_load_never_means_more_calls(
    rules: Pace, outbound: int, inbound: int, waiting: int, tokens: float, seconds: float
) -> None:
    now = NOW + seconds * SECOND
    found = allowance(rules, Load(inbound, waiting), outbound, Bucket(tokens, NOW), now)
    for load, busy in (
        (Load(inbound + 1, waiting), outbound),
        (Load(inbound, waiting + 1), outbound),
        (Load(inbound, waiting), outbound + 1),
    ):
        assert allowance(rules, load, busy, Bucket(tokens, NOW), now).calls <= found.calls
    assert allowance(rules, Load(inbound, waiting), outbound, Bucket(tokens, NOW), now + SECOND).calls >= found.calls


@given(st.sampled_from([1.2, 2.5, 7.0, 33.3]), st.floats(0.05, 0.5))
def test_the_rate_is_kept(per_second: float, share: float) -> None:
    """``share`` of the time between two calls goes by between two looks."""
    rules = pace(lines=1 << 30, per_second=per_second)
    bucket, now, begun = Bucket(0.0, NOW), NOW, 0
    for _ in range(round(100 / share)):
        now += timedelta(microseconds=round(share / per_second * 1e6))
        found = allowance(rules, QUIET, 0, bucket, now)
        bucket = found.bucket.without(found.calls)
        begun += found.calls
    due = (now - NOW).total_seconds() * per_second
    assert due - 1.01 < begun <= due + 0.01


def test_the_rate_is_kept_exactly_by_looks_that_divide_it() -> None:
    rules = pace(lines=1 << 30, per_second=1.0)
    bucket, now, begun = Bucket(0.0, NOW), NOW, 0
    for _ in range(10_000):
        now += 0.1 * SECOND
        found = allowance(rules, QUIET, 0, bucket, now)
        bucket = found.bucket.without(found.calls)
        begun += found.calls
    assert begun == 1000
