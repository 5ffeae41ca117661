from __future__ import annotations

import asyncio

from hotline.stopping import pause


async def test_a_pause_ends_by_itself() -> None:
    await asyncio.wait_for(pause(asyncio.Event(), 0.0), 5)


async def test_a_stop_ends_a_pause() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(pause(stop, 3600))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(waiting, 5)
