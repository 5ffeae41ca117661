"""Sentences built from recorded parts: numbers, ticket numbers, queue position. Pure; results are prompt ids."""

from __future__ import annotations

from itertools import accumulate

PAUSE = "digits/pause"
_SPELT = {"1": "digits/yao", "*": "digits/star", "#": "digits/pound"}
_USUAL = {8: [4, 4], 11: [3, 4, 4], 14: [4, 4, 3, 3]}
"""Digits per group: date or land line, mobile number, date with a day's serial number (ticket)."""
MAX_NUMBER = 10**12 - 1


def say_digits(text: str) -> list[str]:
    """A telephone, service or ticket number, digit by digit, 1 read 幺.

    Blanks and hyphens are pauses, and so are the joints of a run of more than five: 2026 1121, 139 0000 1111, else
    threes and fours. Raises ValueError for anything but digits, ``*``, ``#``, blank and hyphen.
    """
    runs = text.replace("-", " ").split()
    ids: list[str] = []
    for group in (group for run in runs for group in _groups(run)):
        if ids:
            ids.append(PAUSE)
        ids.extend(_key(character) for character in group)
    return ids


def say_number(number: int, counted: bool = False) -> list[str]:
    """A quantity, 0 to 999,999,999,999, as 一百零五.

    ``counted``: a measure word follows (两位, 两分钟), so a bare 2 is 两. 两 is also said before 百千万亿 at the head.
    """
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"{number} is out of range")
    if number == 0:
        return ["digits/0"]
    if number == 2 and counted:
        return ["digits/liang"]
    ids: list[str] = []
    gap = False  # a zero inside the number is said once, before the next digit
    for power, unit in ((10**8, "digits/yi"), (10**4, "digits/wan"), (1, "")):
        section = number // power % 10**4
        if not section:
            gap = bool(ids)
            continue
        if ids and (gap or section < 1000):
            ids.append("digits/0")
        ids += _section(section, head=not ids, unit_follows=bool(unit))
        if unit:
            ids.append(unit)
        gap = False
    return ids


def say_position(position: int) -> list[str]:
    """您当前排在第…位，请您耐心等候。 From the first place on: 您是下一位. ``position`` counts from 1."""
    if position < 1:
        raise ValueError(f"{position} is no position")
    if position == 1:
        return ["queue-youarenext"]
    return ["queue-thereare", *say_number(position), "queue-callswaiting"]


def say_minutes(minutes: int) -> list[str]:
    """大约还需等候…分钟，; below one minute: 不足一分钟."""
    if minutes < 0:
        raise ValueError(f"{minutes} is no wait")
    if minutes == 0:
        return ["queue-holdtime", "queue-less-than", "digits/1", "queue-minute"]
    return ["queue-holdtime", *say_number(minutes, counted=True), "queue-minutes"]


def _key(character: str) -> str:
    if character not in "0123456789*#":
        raise ValueError(f"{character!r} cannot be said as a digit")
    return _SPELT.get(character, f"digits/{character}")


def _groups(run: str) -> list[str]:
    if len(run) <= 5:
        return [run]
    sizes = _USUAL.get(len(run)) or [4] * (len(run) % 3) + [3] * (len(run) // 3 - len(run) % 3)
    starts = accumulate(sizes, initial=0)
    return [run[start : start + size] for start, size in zip(starts, sizes, strict=False)]


def _section(section: int, head: bool, unit_follows: bool) -> list[str]:
    """1 to 9999 inside a larger number; ``head``: nothing was said before."""
    if section == 2 and head and unit_follows:
        return ["digits/liang"]
    ids: list[str] = []
    gap = False
    for power, unit in ((1000, "digits/thousand"), (100, "digits/hundred")):
        digit = section // power % 10
        if not digit:
            gap = bool(ids)
            continue
        if gap:
            ids.append("digits/0")
            gap = False
        ids += ["digits/liang" if digit == 2 and head and not ids else f"digits/{digit}", unit]
    tens, ones = divmod(section % 100, 10)
    if tens:
        if gap:
            ids.append("digits/0")
        if tens == 1 and (ids or not head):
            ids.append("digits/1")  # 一百一十, but 十五
        ids.append(f"digits/{tens}0")
    elif ones and ids:
        ids.append("digits/0")
    if ones:
        ids.append(f"digits/{ones}")
    return ids
