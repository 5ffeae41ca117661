"""From a prompt's written text to what the voice is to say: digits become Chinese words. Pure.

Service and telephone numbers are read digit by digit with 幺 for 1 (12345 幺二三四五, 110 幺幺零); a number of one or
two digits is a quantity or a key (按1 一, 15分钟 十五).
"""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"
_SPELT = "零幺二三四五六七八九"


def spoken(text: str) -> str:
    """``text`` with every run of digits written out as it is to be pronounced."""
    return re.sub(r"[0-9]+", lambda match: _number(match.group()), text)


def _number(digits: str) -> str:
    if len(digits) > 2 or (digits.startswith("0") and len(digits) == 2):
        return "".join(_SPELT[int(digit)] for digit in digits)
    tens, ones = divmod(int(digits), 10)
    if not tens:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")
