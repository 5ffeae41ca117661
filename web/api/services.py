"""What the handlers work with. The composition root fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from callback.outgoing import NewOutgoing
from line.spoken import Spoken
from tickets.catalogue import Catalogue
from tickets.rulebook import Rulebook
from web.files import Files
from web.live import Live
from web.sounds import Sounds


class Announcer(Protocol):
    """Makes sound of words, or of a recording, and keeps it where calls find it. Raises line.faults.LineFault."""

    async def speak(self, text: str) -> Spoken: ...

    async def keep(self, wav: bytes) -> Spoken: ...

    def has(self, name: str) -> bool: ...


class Ring(Protocol):
    """Rings an agent's telephone and then, from there, a citizen."""

    async def __call__(self, call: NewOutgoing) -> str:
        """Why it did not come about, in Chinese; empty: the agent has answered. Never repeated."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """``document``: the OpenAPI document. ``catalogue``: the city's 派单目录, if one is set. ``https``: browsers reach
    us by it, so the cookie is for it alone. ``proxies``: addresses whose ``X-Forwarded-For`` is believed. ``rulebook``
    is asked for each time, because the calendar can be loaded anew. ``surveys``: what campaigns may ask; ``lines``: of
    ours at once over all campaigns; ``area_code``: completes local numbers. ``extensions``: the agents'
    telephones; ``ring`` None: there is no telephone system. ``sounds`` None: nor are there recordings.
    ``announcer`` None: nothing can be announced."""

    engine: AsyncEngine
    rulebook: Callable[[], Rulebook]
    live: Live
    files: Files
    document: Callable[[], dict[str, Any]]
    catalogue: Catalogue | None = None
    https: bool = False
    proxies: frozenset[str] = frozenset()
    surveys: frozenset[str] = frozenset()
    lines: int = 10
    area_code: str = ""
    extensions: frozenset[str] = frozenset()
    ring: Ring | None = None
    sounds: Sounds | None = None
    announcer: Announcer | None = None
