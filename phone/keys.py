"""What to key and when: ``110`` or ``w2,1,w1,0`` → times and digits."""

from __future__ import annotations

import re
from dataclasses import dataclass

GAP_SECONDS = 0.15
"""From the start of one digit to the start of the next."""
MAX_DIGITS = 200
MAX_WAIT_SECONDS = 3600.0

_WAIT = re.compile(r"[wW](\d+(?:\.\d+)?)")
_DIGITS = re.compile(r"[0-9*#A-Da-d]+")


@dataclass(frozen=True)
class Press:
    at: float
    """Seconds after the keying starts."""
    digit: str


def parse_keys(text: str) -> tuple[Press, ...]:
    """Digits ``0-9 * # A-D`` are keyed 150 ms apart; ``wN`` waits N seconds. Raises ValueError with one line."""
    presses: list[Press] = []
    at = 0.0
    for token in filter(None, (part.strip() for part in text.split(","))):
        wait = _WAIT.fullmatch(token)
        if wait:
            seconds = float(wait.group(1))
            if seconds > MAX_WAIT_SECONDS:
                raise ValueError(f"keys: {token} waits longer than {MAX_WAIT_SECONDS:.0f} s")
            at += seconds
        elif _DIGITS.fullmatch(token):
            for digit in token.upper():
                presses.append(Press(round(at, 3), digit))
                at += GAP_SECONDS
        else:
            raise ValueError(f"keys: {token!r} is neither digits (0-9 * # A-D) nor a wait such as w2")
    if len(presses) > MAX_DIGITS:
        raise ValueError(f"keys: more than {MAX_DIGITS} digits")
    return tuple(presses)
