"""The demonstration 演示: a sample city in the database in use, robots that call, and all of it gone in one step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.recording import BadName
from calls.recording_files import remove as remove_sound
from datafile import DataFileError
from hotline import city, demo_removal
from hotline.city_file import CityFile, city_names
from hotline.demo_removal import Gone
from hotline.demo_robots import Robots, new_numbers
from hotline.settings import Settings
from people.audit import AuditEntry, record
from people.faults import PeopleFault
from people.roles import ROLE_NAMES
from people.tables import demo_items
from tickets.catalogue import Catalogue
from tickets.rulebook import Rulebook
from web.api.services import DemoCity, DemoLoaded, DemoNow, DemoRemoved, DemoStanding, DemoUser
from web.files import Files

log = logging.getLogger(__name__)

WRITTEN_SECONDS = 15.0
"""For what Asterisk's log says of the robots' last calls to be read."""
_LOOK_SECONDS = 0.3
_QUIET_SECONDS = 1.5
_ROLES = {chinese: role for role, chinese in ROLE_NAMES.items()}
_OPEN = text(f"SELECT count(*) FROM calls WHERE ended_at IS NULL AND id IN ({demo_removal.ROBOTS})")
_COUNT_CALLS = text(f"SELECT count(*) FROM ({demo_removal.ROBOTS}) robots")
_COUNT_TICKETS = text(f"SELECT count(*) FROM ({demo_removal.TICKETS}) demo")


class Demonstration:
    """:class:`web.api.services.Demo`."""

    def __init__(self, settings: Settings, engine: AsyncEngine, rulebook: Callable[[], Rulebook]) -> None:
        self._settings = settings
        self._engine = engine
        self._rulebook = rulebook
        self._robots = Robots(settings)
        self._city: CityFile | None = None
        self._offered: list[DemoCity] = []
        """Read once: they come with the program, and reading them takes seconds."""

    async def standing(self) -> DemoStanding:
        if not self._offered:
            self._offered = await asyncio.to_thread(lambda: [_offered(city.find_city(name)) for name in city_names()])
        async with self._engine.connect() as connection:
            now = await self._now(connection)
        return DemoStanding(self._offered, now, not self._robots.why_not())

    async def _now(self, connection: AsyncConnection) -> DemoNow | None:
        loaded = await city.loaded_city(connection)
        if loaded is None:
            return None
        kinds = demo_items.c.kind
        rows = await connection.execute(select(kinds, func.count().label("held")).group_by(kinds))
        held = {row.kind: row.held for row in rows}
        until = self._robots.running()
        return DemoNow(
            city=loaded.key,
            name=next((one.name for one in self._offered if one.id == loaded.key), loaded.key),
            loaded_at=loaded.at,
            units=held.get("unit", 0),
            users=held.get("user", 0),
            tickets=await connection.scalar(_COUNT_TICKETS) or 0,
            calls=await connection.scalar(_COUNT_CALLS) or 0,
            robots=until is not None,
            robots_until=until,
        )

    async def catalogue(self, connection: AsyncConnection) -> Catalogue | None:
        loaded = await city.loaded_city(connection)
        if loaded is None:
            return None
        if self._city is None or self._city.id != loaded.key:
            try:
                self._city = await asyncio.to_thread(city.find_city, loaded.key)
            except (city.CityError, DataFileError) as error:
                log.error("sample city %s: %s", loaded.key, error)
                return None
        return self._city.city

    async def load(self, name: str, by: str, address: str, *, force: bool) -> DemoLoaded:
        if self._settings.sip.trunk.host and not force:
            raise PeopleFault("demo_refused", "已接入运营商线路，没有加载：演示工单上的号码可能被真的回访")
        try:
            found = await asyncio.to_thread(city.find_city, name)
            rulebook = replace(self._rulebook(), default=found.city.policy)
            async with self._engine.begin() as connection:
                now = datetime.now(UTC)
                await city.turn(connection)
                other = await city.loaded_city(connection)
                if other is not None and other.key != found.id:
                    raise city.CityError(f"已加载样例城市 {other.key}，请先移除")
                loaded = await city.load(connection, rulebook, found, now, force=force, by=by, address=address)
        except city.CityError as error:
            known = name in city_names()
            raise PeopleFault("demo_refused" if known else "demo_unknown", str(error)) from error
        except DataFileError as error:
            log.error("sample city %s: %s", name, error)
            raise PeopleFault("demo_refused", "样例城市的文件有误，详见日志") from error
        users = [
            DemoUser(one.account, one.name, [_ROLES[role] for role in one.roles], one.unit, one.password)
            for one in loaded.users
        ]
        return DemoLoaded(found.id, len(loaded.units), len(loaded.tickets), users)

    async def start_robots(self) -> None:
        if why := self._robots.why_not():
            raise PeopleFault("demo_refused", why)
        async with self._engine.begin() as connection:
            await city.turn(connection)
            if await city.loaded_city(connection) is None:
                raise PeopleFault("demo_refused", "请先加载演示城市")
            if self._robots.running() is not None:
                return
            numbers = new_numbers()
            rows = [{"kind": "number", "key": one} for one in numbers]
            await connection.execute(insert(demo_items).on_conflict_do_nothing(), rows)
        # Noted before anybody calls: what they make is known to be theirs.
        await asyncio.to_thread(self._robots.start, numbers)

    async def stop_robots(self) -> None:
        await self._robots.stop()

    async def remove(self, by: str, address: str) -> DemoRemoved:
        called = await self._robots.stop()
        await self._until_written(called)
        async with self._engine.begin() as connection:
            await city.turn(connection)
            loaded = await city.loaded_city(connection)
            if loaded is None:
                raise PeopleFault("demo_refused", "没有加载演示城市")
            gone = await demo_removal.remove(connection)
            counts = DemoRemoved(len(gone.units), len(gone.users), len(gone.tickets), len(gone.calls), gone.kept)
            detail = {"units": counts.units, "tickets": counts.tickets, "calls": counts.calls, "users": gone.users}
            entry = AuditEntry(datetime.now(UTC), by, "demo.remove", f"city:{loaded.key}", detail, address)
            await record(connection, entry)
            await asyncio.to_thread(self._remove_files, gone)
        return counts

    async def _until_written(self, called: bool) -> None:
        """A call that is removed before its end was read would be written down again by what is read later."""
        deadline = time.monotonic() + WRITTEN_SECONDS
        quiet = time.monotonic() + (_QUIET_SECONDS if called else 0.0)
        while True:
            async with self._engine.connect() as connection:
                under_way = await connection.scalar(_OPEN) or 0
            if not under_way and time.monotonic() >= quiet:
                return
            if under_way:
                quiet = time.monotonic() + _QUIET_SECONDS
            if time.monotonic() > deadline:
                raise PeopleFault("demo_refused", "机器人的通话还没有记录完，请过几秒再移除")
            await asyncio.sleep(_LOOK_SECONDS)

    def _remove_files(self, gone: Gone) -> None:
        files = Files(self._settings.attachments_dir)
        for one in gone.files:
            files.erase(one)
        for sound in gone.sounds:
            with suppress(BadName):
                remove_sound(self._settings.recordings_dir, sound)


def _offered(found: CityFile) -> DemoCity:
    return DemoCity(
        id=found.id,
        name=found.city.name,
        policy=found.city.policy,
        units=len(found.city.units),
        users=len(found.city.users),
        tickets=len(found.city.samples),
    )
