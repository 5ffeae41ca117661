"""A file whose change time says that its process lives and its event loop turns."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hotline.stopping import pause

SECONDS = 1.0


async def beat(file: Path, stop: asyncio.Event) -> None:
    while not stop.is_set():
        file.touch()
        await pause(stop, SECONDS)
    file.unlink(missing_ok=True)
