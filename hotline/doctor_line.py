"""What callers are told before they get on: on purpose, and to be heard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.doctor import Finding, OfDatabase, error, ok, warning
from hotline.settings import Settings
from line import announcements, spoken, switches
from line.words import Switch


async def told(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    now = datetime.now(UTC)
    found = []
    maintained = await switches.find(connection, Switch.MAINTENANCE, now)
    if maintained is not None:
        words = f"维护模式开启中 callers leave messages only ({maintained.by}: {maintained.reason})"
        found.append(warning("line", words, "`hotline maintenance off`"))
    for one in await announcements.page(connection, now, limit=announcements.MAX_ON):
        if not spoken.path_of(settings.spoken_dir, one.sound).is_file():
            words = f"公告 {one.id} 没有声音 announcement {one.id} has no sound here: nobody hears it"
            remedy = f"`hotline announce off {one.id}`, and switch it on again on this machine"
            found.append(error("line", words, remedy))
    return found or [ok("line", "未在维护，公告均可播放 no maintenance, every announcement can be heard")]


CHECKS: tuple[OfDatabase, ...] = (told,)
