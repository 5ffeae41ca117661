"""A place in line kept for a caller who hung up to be rung back 排队回拨 (the dialplan's ``PLACE``), checked before it
is believed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HOLD = "Local/hold-"
"""How the channels are called that hold such places in Asterisk's queues (asterisk_conf/extensions.conf.j2,
[place-hold]): no person is on them, and what they do is no call."""
CALLS = "pl-"
"""Ids of our calls to those who kept a place begin so: ``pl-<epoch seconds>.<try>``."""
VIA = "place"
"""How such a call came about, where a citizen's own is ``public``."""
_QUEUE = re.compile(r"[a-z-]{1,40}")
_NUMBER = re.compile(r"\+?[0-9]{5,20}")
_EPOCH_MS = re.compile(r"[0-9]{13}")


@dataclass(frozen=True, slots=True)
class Place:
    """Times are epoch seconds; ``joined_at``: when the caller joined the queue. ``number``: as the caller has it, or
    keyed it."""

    queue: str
    joined_at: float
    asked_at: float
    number: str


def asked(extra: Mapping[str, str], at: float) -> Place | None:
    """None for what is not as it should be. ``at``: of the event; nobody joined later."""
    queue, number, joined = (extra.get(name, "") for name in ("queue", "number", "joined"))
    if not _QUEUE.fullmatch(queue) or not _NUMBER.fullmatch(number):
        return None
    joined_at = int(joined) / 1000 if _EPOCH_MS.fullmatch(joined) else at
    return Place(queue, min(joined_at, at), at, number)


def is_hold(channel: str) -> bool:
    return channel.startswith(HOLD)


def held_for(channel: str) -> str:
    """Id of the call whose place ``Local/hold-<call id>@…`` holds."""
    return channel.removeprefix(HOLD).partition("@")[0]
