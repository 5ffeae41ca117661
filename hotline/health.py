"""Whether each part works now: asked by ``GET /health`` and ``hotline status``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.ami import open_ami
from hotline.heart import DIALLER_HEARTBEAT, HEARTBEAT, HEARTBEAT_SECONDS, SCRIBE_HEARTBEAT, SCRIBE_SECONDS
from hotline.settings import Settings
from ivr.fastagi_probe import probe as voice_probe

Probe = Callable[[], Awaitable[bool]]


def probes(settings: Settings, engine: AsyncEngine) -> Mapping[str, Probe]:
    async def database() -> bool:
        async with engine.connect() as connection:
            return bool(await connection.scalar(text("SELECT true")))

    async def asterisk() -> bool:
        async with open_ami(settings) as ami:
            await ami.action("Ping")
        return True

    async def voice() -> bool:
        return await voice_probe("127.0.0.1", settings.agi.port)

    def beats(name: str, seconds: float = HEARTBEAT_SECONDS) -> Probe:
        async def works() -> bool:
            return time.time() - (settings.run_dir / name).stat().st_mtime < seconds

        return works

    found: dict[str, Probe] = {
        "database": database,
        "asterisk": asterisk,
        "voice": voice,
        "worker": beats(HEARTBEAT),
        "dialler": beats(DIALLER_HEARTBEAT),
    }
    if settings.speech.transcripts:
        found["scribe"] = beats(SCRIBE_HEARTBEAT, SCRIBE_SECONDS)
    return found
