"""procrastinate's workers, kept at work by the processes that have jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from hotline.stopping import pause

log = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0


async def run_jobs(work: Callable[[], Coroutine[None, None, None]], stop: asyncio.Event) -> None:
    """procrastinate's worker, begun again after the database was away."""
    while not stop.is_set():
        working = asyncio.create_task(work())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()
        (result,) = await asyncio.gather(working, return_exceptions=True)
        if isinstance(result, Exception) and not stop.is_set():
            log.warning("jobs: %s", " ".join(str(result).split())[:200] or type(result).__name__)
            await pause(stop, AGAIN_SECONDS)
