"""Callers who ring again and again for nothing are looked for; whether they are barred, a person decides."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.settings import Settings
from hotline.stopping import pause
from line.barred import Repeats, propose

log = logging.getLogger(__name__)

INTERVAL = 60.0


async def look_for_repeats(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Until ``stop``; the database may come and go."""
    rules = Repeats(settings.line.repeat_calls, settings.line.repeat_seconds)
    while not stop.is_set():
        try:
            async with engine.begin() as connection:
                found = await propose(connection, rules, datetime.now(UTC))
            if found:
                log.warning("%d callers proposed for the list of malicious ones", len(found))
        except (SQLAlchemyError, OSError) as error:
            log.warning("repeated calls are not looked at: %s", " ".join(str(error).split())[:200])
        await pause(stop, INTERVAL)
