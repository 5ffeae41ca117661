"""How often people whom nobody knows may ask. Counted in this process; what must outlive it is counted elsewhere
(``line/progress.py``).

Only what was let through is counted, so that trying on keeps nobody out for longer, and so that there are never more
places to remember than twice the :attr:`Limit.of_all` of all limits together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_SUBSCRIBER_BITS = 64
"""Of an IPv6 address: a network, the least that one subscriber is given, and can take any address of."""
_SITE_BITS = 48
"""The most that one site is given as a rule: 65,536 such networks (RFC 6177)."""
_SITE_SHARE = 5
"""A site may be a carrier's thousands, too: it gets one part in so many of what all get, and no more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many times from one place, and so many times in all, within any ``seconds``. An address is often a whole
    office, or a mobile network's thousands behind one translator. Of IPv6 the places of one site (/48) have
    :attr:`of_site` together, or one customer could use up what is for all."""

    name: str
    of_one: int
    of_all: int
    seconds: float

    @property
    def of_site(self) -> int:
        return max(self.of_one, self.of_all // _SITE_SHARE)


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
        self._taken: dict[str, deque[tuple[float, tuple[str, ...]]]] = {}
        self._of: dict[tuple[str, str], deque[float]] = {}
        self._told: dict[tuple[str, str], float] = {}

    def take(self, limit: Limit, address: str) -> TooMany | None:
        """None: go on, and it is counted."""
        now, places = self._clock(), (place_of(address), *_site_of(address))
        taken = self._forget(limit, now)
        for place, most in zip(places, (limit.of_one, limit.of_site), strict=False):
            times = self._of.get((limit.name, place), deque())
            if len(times) >= most:
                return self._too_many(limit, place, times[0], now)
        if len(taken) >= limit.of_all:
            return self._too_many(limit, "", taken[0][0], now)
        taken.append((now, places))
        for place in places:
            self._of.setdefault((limit.name, place), deque()).append(now)
        return None

    def _forget(self, limit: Limit, now: float) -> deque[tuple[float, tuple[str, ...]]]:
        taken = self._taken.setdefault(limit.name, deque())
        while taken and taken[0][0] <= now - limit.seconds:
            for place in taken.popleft()[1]:
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
    found = _read(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((int(found), _SUBSCRIBER_BITS), strict=False))
    return "?" if found is None else str(found)


def _site_of(address: str) -> tuple[str, ...]:
    """Empty but for IPv6."""
    found = _read(address)
    return (str(ip_network((int(found), _SITE_BITS), strict=False)),) if isinstance(found, IPv6Address) else ()


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
