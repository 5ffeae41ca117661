"""A call whose end was never logged (a full disk, a killed Asterisk) does not stay open for ever."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.store import open_calls_before
from hotline.ami import open_ami
from hotline.reader import Reader
from hotline.settings import Settings
from hotline.stopping import pause
from routing.ami import AmiError
from routing.live import ChannelRow, channels

log = logging.getLogger(__name__)
INTERVAL = 300.0
OPEN_SECONDS = 600.0
"""A younger call may be open only because its end has not been read yet."""


def gone(open_calls: Iterable[str], live: Iterable[ChannelRow]) -> list[str]:
    """Open calls of which no channel is left."""
    known = {name for row in live for name in (row.unique_id, row.call_id)}
    return [call_id for call_id in open_calls if call_id not in known]


async def watch_open_calls(settings: Settings, engine: AsyncEngine, reader: Reader, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await pause(stop, INTERVAL)
        if stop.is_set() or not reader.caught_up.is_set():
            continue
        try:
            async with asyncio.timeout(30):
                await look(settings, engine, reader)
        except (AmiError, SQLAlchemyError, OSError, TimeoutError) as error:
            log.debug("open calls not compared: %s", error)


async def look(settings: Settings, engine: AsyncEngine, reader: Reader) -> None:
    now = time.time()
    async with engine.connect() as connection:
        old = await open_calls_before(connection, now - OPEN_SECONDS, settings.node.name)
    if not old:
        return
    async with open_ami(settings) as ami:
        lost = gone(old, await channels(ami))
    if lost:
        log.warning("%d calls are over, their ends were not logged, e.g. %s", len(lost), lost[0])
        reader.close_gone(lost, now)
