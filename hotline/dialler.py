"""The dialler process: ``python -m hotline.dialler``. Rings the citizens of running campaigns, each attempt once, and
those who kept a place in line (:mod:`hotline.places`).

An attempt is claimed (written down and committed) before anybody is rung, and only the process that claimed it asks
Asterisk for the call, once. What came of it is in Asterisk's log and nowhere else: an attempt of which this process
does not know whether Asterisk got it is left to :mod:`hotline.callback_job`. Without a manager connection nobody is
claimed. Killing the dialler loses nothing, and two of them take turns.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from callback import store
from callback.claim import BEFORE_IT_RINGS, Claim, claim
from callback.manage import CHANNEL
from callback.pacing import Load, Pace
from datafile import DataFileError
from hotline.ami import DIALLER, OUTBOUND
from hotline.db import database_url, driver_url, open_engine
from hotline.heart import DIALLER_HEARTBEAT, beat
from hotline.logs import configure_logging
from hotline.metrics import Figure, Publisher
from hotline.metrics_database import pool_figures
from hotline.nodes import others_dial
from hotline.places import Places
from hotline.rulebook import Rulebooks, open_rulebook
from hotline.rules import load_rules
from hotline.secrets import load_secrets
from hotline.settings import Settings, SettingsError, load_settings
from hotline.settings_sections import Callback
from hotline.stopping import pause
from ivr.fastagi_probe import probe as voice_probe
from routing.ami import Ami, AmiError, AmiInvalid
from routing.lines import Lines
from routing.live import is_reachable
from routing.number import NotDialable, dialable

log = logging.getLogger(__name__)

INTERVAL = 0.5
IDLE_SECONDS = 5.0
"""Between two looks whether a campaign runs, unless somebody says so."""
FRESH_SECONDS = BEFORE_IT_RINGS.total_seconds()
"""A claim that was not dialled within is not dialled any more: whoever decides about lost attempts waits longer."""
MOST_RINGING = 500
"""At once by one dialler: as many requests wait for their answers on the manager connection."""
MAX_BACK_OFF = 4.0
RULES_SECONDS = 10.0
PROBE_SECONDS = 2.0

_RUNNING = text("SELECT EXISTS (SELECT 1 FROM campaigns WHERE state = 'running')")


def pace_of(callback: Callback) -> Pace:
    return Pace(callback.lines, callback.per_second, callback.trunk_lines, callback.reserve, callback.waiting)


class Dialler:
    """``ami`` is started and closed by the dialler. ``name``: who claimed an attempt, for the operator.
    ``obstacle``: why nobody can be rung now, or nothing. ``node``: whose Asterisk it is."""

    def __init__(
        self,
        engine: AsyncEngine,
        ami: Ami,
        callback: Callback,
        name: str,
        is_working_day: Callable[[date], bool],
        obstacle: Callable[[], Awaitable[str]],
        node: str = "",
    ) -> None:
        self._engine, self._ami, self._settings, self._name = engine, ami, callback, name
        self._node = node
        self._is_working_day, self._obstacle = is_working_day, obstacle
        self._asked_at, self._why_not = -PROBE_SECONDS, ""
        self._lines = Lines(ami, self._note_freed)
        self._freed: set[str] = set()
        self._ringing: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._changed, self._looked_at = True, 0.0
        self._running = self._connecting = False

    def look_again(self) -> None:
        """Campaigns have changed."""
        self._changed = True
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; calls under way go on without us. The database may come and go."""
        back_off = INTERVAL
        while not stop.is_set():
            self._wake.clear()
            try:
                await self.step(stop)
                seconds, back_off = INTERVAL if self._running else IDLE_SECONDS, INTERVAL
            except (SQLAlchemyError, OSError) as error:
                log.warning("database: %s", " ".join(str(error).split())[:200])
                seconds, back_off = back_off, min(back_off * 2, MAX_BACK_OFF)
                await pause(stop, seconds)
                continue
            await self._rest(stop, seconds)
        for task in self._ringing:
            task.cancel()
        await asyncio.gather(*self._ringing, return_exceptions=True)
        await self._ami.close()

    async def step(self, stop: asyncio.Event) -> int:
        """Note the lines that are free again, and begin as many calls as may be. Returns how many."""
        await self._free()
        await self._keep_connected(await self._campaigns())
        if not self._running or not self._ami.connected.is_set() or stop.is_set():
            return 0
        if len(self._ringing) >= MOST_RINGING or not await self._ready():
            return 0
        load = Load(self._lines.taken, self._lines.waiting)
        before = time.monotonic()
        async with self._engine.begin() as connection:
            now = datetime.now(UTC)
            pace, days = pace_of(self._settings), self._is_working_day
            claims = await claim(connection, pace, load, now, self._name, days, self._node)
        for one in claims:
            task = asyncio.create_task(self._ring(one, before))
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)
        return len(claims)

    async def _ring(self, one: Claim, claimed_at: float) -> None:
        """Asks once. Whatever is not known afterwards is looked up in the log by others."""
        try:
            number = dialable(one.number, self._settings.area_code, self._settings.prefix)
        except NotDialable as error:
            log.warning("%s: %s", one.call_id, error)
            return
        # This process may have stood still since it claimed.
        if time.monotonic() - claimed_at > FRESH_SECONDS:
            log.warning("%s: too late to be dialled", one.call_id)
            return
        try:
            answer = await self._ami.originate(
                f"PJSIP/{number}@{OUTBOUND}",
                channel_id=one.call_id,
                context="callback",
                exten="answered",
                caller_id=self._settings.shown_as,
                ring_seconds=one.ring_seconds,
                variables={"CB_SURVEY": one.survey, "CB_SCALE": "-".join(one.scale), "CB_NUMBER": one.number},
            )
        except AmiInvalid:
            log.exception("%s: not sent", one.call_id)
        except AmiError as error:
            log.warning("%s: %s", one.call_id, error)
        else:
            log.info("%s: %s", one.call_id, answer.get("Response", ""))

    async def _ready(self) -> bool:
        if time.monotonic() - self._asked_at >= PROBE_SECONDS:
            why_not = await self._obstacle()
            if why_not and why_not != self._why_not:
                log.warning("nobody is rung: %s", why_not)
            self._why_not, self._asked_at = why_not, time.monotonic()
        return not self._why_not

    async def _campaigns(self) -> bool:
        """Whether any runs; looked up now and then only."""
        if self._running or self._changed or time.monotonic() - self._looked_at >= IDLE_SECONDS:
            # Before the question: what changes while it is being answered is asked again.
            self._changed, self._looked_at = False, time.monotonic()
            try:
                async with self._engine.connect() as connection:
                    self._running = bool(await connection.scalar(_RUNNING))
            except BaseException:
                self._changed = True
                raise
        return self._running

    async def _keep_connected(self, wanted: bool) -> None:
        """To Asterisk, while a campaign runs: its events are work for both."""
        if wanted and not self._connecting:
            self._connecting = True
            self._ami.start()
        elif not wanted and self._connecting:
            self._connecting = False
            await self._ami.close()

    async def _free(self) -> None:
        if not self._freed:
            return
        freed, self._freed = self._freed, set()
        try:
            async with self._engine.begin() as connection:
                await store.free(connection, freed, datetime.now(UTC))
        except BaseException:
            self._freed |= freed
            raise

    def _note_freed(self, call_id: str) -> None:
        self._freed.add(call_id)
        self._wake.set()

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(self._wake.wait()), asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


async def listen(url: str, dialler: Dialler) -> None:
    """For ever: ``NOTIFY callbacks`` wakes the dialler. Without it campaigns are seen a little later."""
    back_off = INTERVAL
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                back_off = INTERVAL
                dialler.look_again()
                async for _ in connection.notifies():
                    dialler.look_again()
        except (psycopg.Error, OSError) as error:
            log.warning("database: %s", " ".join(str(error).split())[:200])
        await asyncio.sleep(back_off)
        back_off = min(back_off * 2, MAX_BACK_OFF)


async def obstacle(ami: Ami, agi_port: int) -> str:
    """Nobody is rung to hear that nobody is there; and citizens on a dead network would pass for such as do not answer.
    Empty when all is well."""
    if not await voice_probe("127.0.0.1", agi_port, PROBE_SECONDS):
        return "the voice server does not answer"
    try:
        if await is_reachable(ami, OUTBOUND):
            return ""
    except AmiError as error:
        return str(error)
    return f"the network does not answer (SIP OPTIONS, endpoint {OUTBOUND})"


async def open_rules(settings: Settings, stop: asyncio.Event) -> Rulebooks | None:
    """The calendar of holidays comes with the rules. None: told to stop while a file was faulty."""
    while not stop.is_set():
        try:
            return Rulebooks(await asyncio.to_thread(open_rulebook, settings))
        except (SettingsError, DataFileError, OSError) as error:
            log.error("nobody is rung: %s", error)
            await pause(stop, RULES_SECONDS)
    return None


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(beat(settings.run_dir / DIALLER_HEARTBEAT, stop))
        group.create_task(keep_places(settings, stop))
        rulebook = await open_rules(settings, stop)
        if rulebook is not None:
            await _dial(settings, rulebook, stop)
    log.info("stopped")


async def keep_places(settings: Settings, stop: asyncio.Event) -> None:
    """Whoever asked for it in the queue is rung when it is his turn; whatever becomes of campaigns."""
    queues = (await asyncio.to_thread(load_rules)).queues
    ami = Ami("127.0.0.1", settings.ami.port, DIALLER, load_secrets(settings).ami)
    async with open_engine(settings, pool_size=1) as engine:
        await Places(settings, engine, ami, queues).run(stop)


async def _dial(settings: Settings, rulebook: Rulebooks, stop: asyncio.Event) -> None:
    ami = Ami("127.0.0.1", settings.ami.port, DIALLER, load_secrets(settings).ami)
    name = f"{socket.gethostname()}/{os.getpid()}"
    async with open_engine(settings, pool_size=2) as engine:

        async def why_not() -> str:
            return await others_dial(engine, settings) or await obstacle(ami, settings.agi.port)

        dialler = Dialler(
            engine,
            ami,
            settings.callback,
            name,
            lambda day: rulebook().days.is_working_day(day),
            why_not,
            settings.node.name,
        )
        publisher = Publisher(
            "dialler",
            lambda: (Figure("hotline_dialler_connected", ami.connected.is_set()), *pool_figures("dialler", engine)),
        )
        publishing = asyncio.create_task(publisher.run(settings.run_dir, stop))
        listening = asyncio.create_task(listen(driver_url(database_url(settings)), dialler))
        try:
            await dialler.run(stop)
        finally:
            listening.cancel()
            publishing.cancel()
            await asyncio.gather(listening, publishing, return_exceptions=True)


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(load_settings(), stop)


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main())
