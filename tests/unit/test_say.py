"""Numbers as a caller hears them: said, then understood again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.prompts import load_prompts
from ivr.say import MAX_NUMBER, PAUSE, say_digits, say_minutes, say_number, say_position

PROMPTS = load_prompts()
IDS = PROMPTS.ids
WORDS = {name.removeprefix("digits/"): text for name, text in PROMPTS.texts.prompts.items() if "digits/" in name}


def words(ids: list[str]) -> str:
    return "".join(WORDS[name.removeprefix("digits/")] if name != PAUSE else " " for name in ids)


def understand(said: str) -> int:
    """The inverse, written apart from the code under test: sections of 亿 and 万, then 千百十."""
    total = 0
    for unit, power in (("亿", 10**8), ("万", 10**4)):
        if unit in said:
            head, said = said.split(unit)
            total += _section(head) * power
    return total + _section(said)


def _section(said: str) -> int:
    values = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
    total, digit = 0, 0
    for letter in said:
        if letter in values:
            digit = values[letter]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[letter]
            digit = 0
    return total + digit


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (15, "十五"),
        (20, "二十"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
        (117, "一百一十七"),
        (200, "两百"),
        (222, "两百二十二"),
        (1005, "一千零五"),
        (1010, "一千零一十"),
        (1050, "一千零五十"),
        (2200, "两千二百"),
        (9999, "九千九百九十九"),
        (10000, "一万"),
        (10005, "一万零五"),
        (20000, "两万"),
        (100000, "十万"),
        (101000, "十万一千"),
        (120030, "十二万零三十"),
        (100000001, "一亿零一"),
        (200010000, "两亿零一万"),
        (100001000, "一亿零一千"),
    ],
)
def test_number(number: int, said: str) -> None:
    assert words(say_number(number)) == said


@given(st.integers(0, MAX_NUMBER) | st.integers(0, 20000))
def test_number_is_understood(number: int) -> None:
    said = words(say_number(number))
    assert understand(said) == number
    assert "零零" not in said
    assert number == 0 or not said.startswith("零")
    assert number == 0 or not said.endswith("零")


def test_number_before_a_measure_word() -> None:
    assert words(say_number(2, counted=True)) == "两"
    assert words(say_number(12, counted=True)) == "十二"


@pytest.mark.parametrize("number", [-1, MAX_NUMBER + 1])
def test_number_out_of_range(number: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        say_number(number)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("12345", "幺二三四五"),
        ("110", "幺幺零"),
        ("119", "幺幺九"),
        ("20261121-000123", "二零二六 幺幺二幺 零零零 幺二三"),
        ("20261121000123", "二零二六 幺幺二幺 零零零 幺二三"),
        ("13900001111", "幺三九 零零零零 幺幺幺幺"),
        ("010-87654321", "零幺零 八七六五 四三二幺"),
        ("*1#", "星号幺井号"),
        ("", ""),
    ],
)
def test_digits(written: str, said: str) -> None:
    assert words(say_digits(written)) == said


@given(st.text("0123456789", max_size=40))
def test_digits_are_all_there(written: str) -> None:
    ids = say_digits(written)
    value = {
        "零": "0",
        "幺": "1",
        "二": "2",
        "三": "3",
        "四": "4",
        "五": "5",
        "六": "6",
        "七": "7",
        "八": "8",
        "九": "9",
    }
    assert "".join(value[letter] for letter in words(ids).replace(" ", "")) == written
    runs = words(ids).split()
    assert all(len(run) <= 5 for run in runs)


@pytest.mark.parametrize("written", ["12a", "1.5", "１２", "1\n;2"])
def test_digits_refuse_the_rest(written: str) -> None:
    with pytest.raises(ValueError, match="cannot be said"):
        say_digits(written)


def test_position() -> None:
    assert say_position(1) == ["queue-youarenext"]
    assert say_position(12) == ["queue-thereare", "digits/10", "digits/2", "queue-callswaiting"]
    with pytest.raises(ValueError, match="no position"):
        say_position(0)


def test_minutes() -> None:
    assert say_minutes(2) == ["queue-holdtime", "digits/liang", "queue-minutes"]
    assert say_minutes(0) == ["queue-holdtime", "queue-less-than", "digits/1", "queue-minute"]
    with pytest.raises(ValueError, match="no wait"):
        say_minutes(-1)


@given(st.integers(1, 9999))
def test_every_part_is_recorded(number: int) -> None:
    used = {*say_position(number), *say_minutes(number), *say_digits(str(number))}
    assert used <= IDS
