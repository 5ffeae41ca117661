"""What the handlers work with. The composition root fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tickets.catalogue import Catalogue
from tickets.rulebook import Rulebook
from web.files import Files
from web.live import Live


@dataclass(frozen=True, slots=True)
class Services:
    """``document``: the OpenAPI document. ``catalogue``: the city's 派单目录, if one is set. ``https``: browsers reach
    us by it, so the cookie is for it alone. ``proxies``: addresses whose ``X-Forwarded-For`` is believed. ``rulebook``
    is asked for each time, because the calendar can be loaded anew."""

    engine: AsyncEngine
    rulebook: Callable[[], Rulebook]
    live: Live
    files: Files
    document: Callable[[], dict[str, Any]]
    catalogue: Catalogue | None = None
    https: bool = False
    proxies: frozenset[str] = frozenset()
