"""How often people whom nobody knows may ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.limits import Limit, Limits, place_of

LIMIT = Limit("ask", of_one=2, of_all=3, seconds=60)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_place_and_all_places() -> None:
    clock = Clock()
    limits = Limits(clock)
    assert limits.take(LIMIT, "192.0.2.1") is limits.take(LIMIT, "192.0.2.1") is None
    clock.now += 10
    refused = limits.take(LIMIT, "192.0.2.1")
    assert refused is not None
    assert (refused.wait, refused.of_all, refused.news) == (50, False, True)
    again = limits.take(LIMIT, "192.0.2.1")
    assert again is not None
    assert not again.news, "told once"
    assert limits.take(LIMIT, "192.0.2.2") is None
    everybody = limits.take(LIMIT, "192.0.2.3")
    assert everybody is not None
    assert (everybody.wait, everybody.of_all, everybody.news) == (50, True, True)
    clock.now += 50
    assert limits.take(LIMIT, "192.0.2.1") is None


def test_limits_know_nothing_of_each_other() -> None:
    limits = Limits(Clock())
    for _ in range(2):
        assert limits.take(LIMIT, "192.0.2.1") is None
    assert limits.take(Limit("other", 1, 1, 60), "192.0.2.1") is None


def test_one_site_does_not_use_up_what_is_for_all() -> None:
    limit, limits = Limit("ask", of_one=2, of_all=20, seconds=60), Limits(Clock())
    assert limit.of_site == 4
    networks = [limits.take(limit, f"2001:db8:1:{network:x}::1") for network in range(20)]
    assert networks[:4] == [None] * 4
    assert [one and (one.of_all, one.news) for one in networks[4:]] == [(False, True)] + [(False, False)] * 15
    assert limits.take(limit, "2001:db8:2::1") is limits.take(limit, "192.0.2.1") is None


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", "?"),
        ("no address", "?"),
    ],
)
def test_who_is_counted_together(address: str, place: str) -> None:
    assert place_of(address) == place


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 40))))
def test_never_more_than_is_allowed_and_nothing_is_kept_for_ever(asked: list[tuple[int, float]]) -> None:
    clock = Clock()
    limits = Limits(clock)
    taken: list[tuple[float, int]] = []
    for who, pause in asked:
        clock.now += pause
        recent = [(at, one) for at, one in taken if at > clock.now - LIMIT.seconds]
        free = len(recent) < LIMIT.of_all and sum(one == who for _, one in recent) < LIMIT.of_one
        assert (limits.take(LIMIT, f"192.0.2.{who}") is None) == free
        if free:
            taken.append((clock.now, who))
        assert sum(map(len, limits._of.values())) == len(limits._taken["ask"]) <= LIMIT.of_all
        assert len(limits._told) <= LIMIT.of_all + 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 20))))
def test_nothing_of_ipv6_is_kept_for_ever_either(asked: list[tuple[int, int, float]]) -> None:
    clock = Clock()
    limits = Limits(clock)
    for site, network, pause in asked:
        clock.now += pause
        limits.take(LIMIT, f"2001:db8:{site}:{network}::1")
        assert sum(map(len, limits._of.values())) == 2 * len(limits._taken["ask"]) <= 2 * LIMIT.of_all
        assert len(limits._told) <= 2 * LIMIT.of_all + 1
