"""What the two streams say, line by line: the shared part of :mod:`calls.cel` and :mod:`calls.queue_log`."""

from __future__ import annotations

import re

CALL_ID = re.compile(r"[A-Za-z0-9_-]{0,40}[0-9]{9,11}\.[0-9]{1,10}")
"""``<systemname>-<epoch>.<n>``, Asterisk's unique id. Only what matches may become part of a file name."""

CEL = "cel"
QUEUE_LOG = "queue_log"
CHECK = "check"
"""Lines of our own in queue_log's format: what a look at the running Asterisk showed."""
MAX_FIELD = 1024
"""No field of ours is longer, characters."""


class MalformedLine(ValueError):
    """A line that is not what Asterisk writes. It is counted and logged, and reading goes on."""


def seconds(text: str) -> float:
    """Epoch seconds of a log line, refused outside the years 2001 to 2286 (ten digits)."""
    whole, _, fraction = text.partition(".")
    # "²" is a digit to isdigit(), but not to float().
    if len(whole) != 10 or not text.isascii() or not whole.isdigit() or (fraction and not fraction.isdigit()):
        raise MalformedLine(f"not a time: {text[:40]!r}")
    return float(text)


def call_id(text: str) -> str:
    if not CALL_ID.fullmatch(text):
        raise MalformedLine(f"not a call id: {text[:80]!r}")
    return text
