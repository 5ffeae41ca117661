from __future__ import annotations

import pytest

from phone.keys import parse_keys


def times(text: str) -> list[tuple[float, str]]:
    return [(press.at, press.digit) for press in parse_keys(text)]


def test_digits_are_150_ms_apart() -> None:
    assert times("110") == [(0.0, "1"), (0.15, "1"), (0.3, "0")]


def test_waits_come_between() -> None:
    assert times("w2,1,w1,0#") == [(2.0, "1"), (3.15, "0"), (3.3, "#")]


def test_nothing_to_key() -> None:
    assert times("") == []


def test_fractions_and_letters() -> None:
    assert times("w0.5, *a") == [(0.5, "*"), (0.65, "A")]


@pytest.mark.parametrize("text", ["x", "1,w", "w2w3", "1 2", "w99999", "1" * 201, "１"])
def test_wrong_keys_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"^keys: "):
        parse_keys(text)
