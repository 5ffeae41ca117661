"""How often people whom nobody knows may ask. Counted in this process; what must outlive it is counted elsewhere
(``line/progress.py``).

Only what was let through is counted, so that trying on keeps nobody out for longer, and so that there are never more
addresses to remember than :attr:`Limit.of_all` of all limits together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

_SITE_BITS = 64
"""Of an IPv6 address: what one subscriber is given (RFC 6177)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many times from one place, and so many times in all, within any ``seconds``. An address is often a whole
    office, or a mobile network's thousands behind one translator."""

    name: str
    of_one: int
    of_all: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TooMany:
    """``wait``: seconds until it may be tried again. ``of_all``: not this place alone asks too often. ``news``: it is
    the first time that this is said of it in so long a time."""

    wait: float
    of_all: bool
    news: bool


class Limits:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[str, deque[tuple[float, str]]] = {}
        self._of: dict[tuple[str, str], deque[float]] = {}
        self._told: dict[tuple[str, str], float] = {}

    def take(self, limit: Limit, address: str) -> TooMany | None:
        """None: go on, and it is counted."""
        now, place = self._clock(), place_of(address)
        taken = self._forget(limit, now)
        mine = self._of.get((limit.name, place), deque())
        if len(mine) >= limit.of_one:
            return self._too_many(limit, place, mine[0], now)
        if len(taken) >= limit.of_all:
            return self._too_many(limit, "", taken[0][0], now)
        taken.append((now, place))
        self._of.setdefault((limit.name, place), mine).append(now)
        return None

    def _forget(self, limit: Limit, now: float) -> deque[tuple[float, str]]:
        taken = self._taken.setdefault(limit.name, deque())
        while taken and taken[0][0] <= now - limit.seconds:
            _, place = taken.popleft()
            key = limit.name, place
            self._of[key].popleft()
            if not self._of[key]:
                del self._of[key]
                self._told.pop(key, None)
        return taken

    def _too_many(self, limit: Limit, place: str, first: float, now: float) -> TooMany:
        key = limit.name, place
        news = self._told.get(key, float("-inf")) <= now - limit.seconds
        if news:
            self._told[key] = now
        return TooMany(first + limit.seconds - now, not place, news)


def place_of(address: str) -> str:
    """By what those who ask from there are counted together."""
    try:
        found = ip_address(address)
    except ValueError:
        return "?"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((int(found), _SITE_BITS), strict=False))
    return str(found)
