"""Digits that were said: 二零二六, 幺幺零, 十二, 110; with the homophones that recognisers write for single digits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NUMERALS = "零〇一二三四五六七八九"
_VALUES = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_ONE = "[一二两三四五六七八九]"
_COUNTED = re.compile(f"(?:{_ONE}千零?)?(?:{_ONE}百零?)?(?:{_ONE}?十)?{_ONE}?")
_SILENT = re.compile(r"[\s，。、,.!！？?：:；;\-—~…\"“”'（）()]+")
_MEASURED = "年月日块元点路栋楼单室层岁个天米斤次"
LONG = 4
"""Within an ordinary sentence only a row of so many digits is a number that was dictated."""


class DigitRules:
    def __init__(
        self, spoken: Mapping[str, Sequence[str]], homophones: Mapping[str, str], fillers: Sequence[str]
    ) -> None:
        self._sure = {word: digit for digit, words in spoken.items() for word in words}
        self._sure |= {digit: digit for digit in "0123456789"} | {"〇": "0"}
        self._sure |= {chr(0xFF10 + n): str(n) for n in range(10)}
        self._doubtful = {
            sign: digit for digit, signs in homophones.items() for sign in signs if sign not in self._sure
        }
        words = sorted((re.escape(word) for word in fillers), key=len, reverse=True)
        self._filler = re.compile("|".join(words))

    def digits(self, text: str) -> str:
        """The digits; empty if this is an ordinary sentence."""
        text = counted(_SILENT.sub("", text[:400]))
        return self._dictated(text) or self._dictated(self._filler.sub("", text)) or self._within(text)

    def _dictated(self, text: str) -> str:
        """The whole of ``text`` as digits, if at least half of it is beyond doubt."""
        sure = sum(sign in self._sure for sign in text)
        if not sure or sure * 2 < len(text):
            return ""
        digits = [self._sure.get(sign) or self._doubtful.get(sign, "") for sign in text]
        return "".join(digits) if all(digits) else ""

    def _within(self, text: str) -> str:
        longest = ""
        for found in re.finditer("[" + "".join(map(re.escape, self._sure)) + "]+", text):
            after = text[found.end() : found.end() + 1]
            if len(found[0]) >= LONG and (not after or after not in _MEASURED) and len(found[0]) > len(longest):
                longest = found[0]
        return "".join(self._sure[sign] for sign in longest)


def counted(text: str) -> str:
    """十二 → 12, 一百零五 → 105; digits said one by one stay as they are."""

    def number(found: re.Match[str]) -> str:
        said = found[0]
        if not any(unit in said for unit in _UNITS):
            return said
        total, value = 0, 0
        for sign in said:
            if sign in _UNITS:
                total += (value or 1) * _UNITS[sign]
                value = 0
            else:
                value = _VALUES[sign]
        return str(total + value)

    return _COUNTED.sub(number, text)
