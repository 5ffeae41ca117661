"""The clock of the tickets: looks every few seconds what time has done, and writes it down (:mod:`tickets.sweep`).

When a holiday notice has been added, the limits that were counted without it are counted again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import Alert, close_alerts, raise_alerts
from hotline.stopping import pause
from tickets.number import today
from tickets.recount import provisional_year, recount
from tickets.rulebook import Rulebook
from tickets.sweep import sweep

log = logging.getLogger(__name__)

INTERVAL = 3.0
SAY_SECONDS = 60.0
"""Between two looks whether a limit rests on a year without a notice."""
BATCH = 200
FAILED, UNKNOWN = "clock_failed", "calendar_unknown"
WHY = "放假安排已更新，按新的工作日重新计算时限"


class ClockJob:
    """``rulebooks``: the rules of now; when they have changed, limits are counted again."""

    def __init__(self, engine: AsyncEngine, rulebooks: Callable[[], Rulebook]) -> None:
        self._engine, self._rulebooks = engine, rulebooks
        self._rulebook: Rulebook | None = None
        self._said_at = -SAY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. The database may come and go; a fault of ours is an alert, and all is tried again."""
        while not stop.is_set():
            try:
                await self.step(stop)
            except (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError) as error:
                log.warning("clock: %s", " ".join(str(error).split())[:200])
            except Exception:
                log.exception("the clock cannot run")
                await self._try_to_say("时限的推算出错，暂停推进，请查日志")
            await pause(stop, INTERVAL)

    async def step(self, stop: asyncio.Event) -> int:
        """All that is due now. Returns how many tickets were looked at."""
        rulebook = await asyncio.to_thread(self._rulebooks)
        if rulebook is not self._rulebook:
            done = await recount(self._engine.begin, rulebook, datetime.now(UTC), WHY)
            if done.tickets:
                log.warning("limits of %d tickets counted again, %d moved", done.tickets, done.limits)
            if done.failed:
                await self._say(f"工单 {done.failed[0]} 等 {len(done.failed)} 个的时限无法重新计算，请查日志")
            self._rulebook, self._said_at = rulebook, -SAY_SECONDS
        count = 0
        while not stop.is_set():
            swept = await sweep(self._engine.begin, rulebook, datetime.now(UTC), BATCH)
            count += swept.looked
            if swept.failed:
                await self._say(f"工单 {swept.failed[0]} 等 {len(swept.failed)} 个的时限无法推算，请查日志")
            if swept.looked < BATCH:
                break
        if time.monotonic() - self._said_at >= SAY_SECONDS:
            await self._say_unknown_year()
            self._said_at = time.monotonic()
        return count

    async def _say(self, words: str) -> None:
        async with self._engine.begin() as connection:
            await raise_alerts(connection, [Alert(FAILED, today(), words)])

    async def _try_to_say(self, words: str) -> None:
        try:
            await self._say(words)
        except (SQLAlchemyError, OSError) as error:
            log.warning("clock: %s", " ".join(str(error).split())[:200])

    async def _say_unknown_year(self) -> None:
        async with self._engine.begin() as connection:
            year = await provisional_year(connection)
            if year is None:
                await close_alerts(connection, UNKNOWN)
                return
            words = f"有工单的时限跨入 {year} 年，而该年放假安排未载入，时限为暂定"
            await raise_alerts(connection, [Alert(UNKNOWN, str(year), words)])
