"""What the database knows of a caller, in time or not at all: :class:`ivr.desk.Desk`."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.desk_progress import progress
from hotline.intake import caller_of, known_as
from hotline.settings import Settings
from ivr.desk import Arrival, Notice, Progress
from line.known import Known, OnAir, look
from line.spoken import sound_of
from routing.number import normalise

log = logging.getLogger(__name__)

SECONDS = 0.4
"""A caller waits no longer for what is not known."""
AGAIN_SECONDS = 2.0
"""After that nobody waits at all for so long."""
MAX_ASKED = 64
"""So many questions may be without an answer; with more, none is asked."""
_EXTENSION = re.compile("[0-9]{2,6}")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _OnAir:
    """What is on for everybody, as it was last heard: it holds while the database is away, each to its own end."""

    maintenance: bool = False
    maintenance_until: datetime | None = None
    notices: tuple[OnAir, ...] = ()


class SqlDesk:
    """Connects when first asked. Whatever happens to the database, calls go on; its going and coming is logged once."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        # One statement and nothing to take back: no transaction to begin and end.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._on_air = _OnAir()
        self._away = False
        self._again_at = 0.0
        self._asked: set[asyncio.Task[object]] = set()

    async def arrival(self, number: str | None, presentation: str) -> Arrival:
        now = datetime.now(UTC)
        # Who hides a number that the network delivers is not recognised by it, but barred by it.
        barred = normalise(number, area_code=self._settings.callback.area_code).e164
        person = known_as(caller_of(number or "", presentation))
        since = now - timedelta(hours=self._settings.line.known_hours)

        async def ask() -> Known:
            async with self._reading.connect() as connection:
                return await look(connection, person, barred, since, now)

        known = await self._in_time(ask)
        if known is None:
            return self._arrival(self._on_air, now)
        self._on_air = _OnAir(known.maintenance, known.maintenance_until, known.notices)
        return self._arrival(self._on_air, now, known)

    async def progress(self, number: str | None, presentation: str, ticket: str, last_four: str) -> Progress:
        async def ask() -> Progress:
            return await progress(self._engine, self._settings, number, presentation, ticket, last_four)

        return await self._in_time(ask) or Progress("unknown")

    def _arrival(self, on: _OnAir, now: datetime, known: Known | None = None) -> Arrival:
        maintenance = on.maintenance and (on.maintenance_until is None or on.maintenance_until > now)
        notices = tuple(
            Notice(str(one.id), sound_of(self._settings.spoken_dir, one.sound), one.topic or None, one.district or None)
            for one in on.notices
            if one.ends_at > now
        )
        if known is None:
            return Arrival(maintenance=maintenance, notices=notices)
        agent = known.last_agent if _EXTENSION.fullmatch(known.last_agent) else None
        return Arrival(known.barred, maintenance, known.open_tickets, agent, notices)

    async def _in_time(self, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """None: not known. A question that is late is left to itself: to give up a connection whose server is frozen
        may take as long as the answer."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._again_at or len(self._asked) >= MAX_ASKED:
            return None
        task = asyncio.ensure_future(ask())
        self._asked.add(task)
        task.add_done_callback(self._answered)
        await asyncio.wait({task}, timeout=SECONDS)
        if not task.done():
            self._missing(f"no answer within {SECONDS} s")
            return None
        if task.cancelled():
            return None
        error = task.exception()
        if isinstance(error, (SQLAlchemyError, OSError)):
            self._missing(" ".join(str(error).split())[:200])
            return None
        if error is not None:
            log.error("a question to the database failed", exc_info=error)
            return None
        if self._away:
            self._away = False
            log.info("the database answers again: callers are known")
        return task.result()

    def _missing(self, why: str) -> None:
        self._again_at = asyncio.get_running_loop().time() + AGAIN_SECONDS
        if not self._away:
            self._away = True
            log.warning("the database does not answer, calls go on without: %s", why)

    def _answered(self, task: asyncio.Task[object]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # heard here, so that nobody complains of a late one

    async def close(self) -> None:
        """Without waiting for an answer that is late."""
        for task in self._asked:
            task.cancel()
        await self._engine.dispose()
