"""Files under ``<home>/run`` whose change time says that their process lives and its event loop turns."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hotline.stopping import pause

SECONDS = 1.0
HEARTBEAT = "worker.heartbeat"
DIALLER_HEARTBEAT = "dialler.heartbeat"
HEARTBEAT_SECONDS = 10.0
"""Older, and they do not work."""
SCRIBE_HEARTBEAT = "scribe.heartbeat"
SCRIBE_SECONDS = 120.0
"""The same of the scribe, which comes last when the machine is full."""


async def beat(file: Path, stop: asyncio.Event) -> None:
    while not stop.is_set():
        file.touch()
        await pause(stop, SECONDS)
    file.unlink(missing_ok=True)
