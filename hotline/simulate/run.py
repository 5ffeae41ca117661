"""Robots call the running hotline: begin, watch, wait for the end, ask the database."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from calls import cel
from calls.events import CEL
from calls.store import load_cursor
from calls.tail import Tail
from hotline.agent_state import login, logout, states
from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.phone import reachable
from hotline.robot_network import RobotError
from hotline.rules import load_rules
from hotline.secrets import load_secrets
from hotline.settings import Settings
from hotline.simulate import rows
from hotline.simulate.counted import Counted, Counter
from hotline.simulate.figures import Report, report
from hotline.simulate.network import SimulationNetwork, extensions_free
from hotline.simulate.plan import Load, PlannedCall, plan
from hotline.simulate.positions import Positions
from hotline.stopping import pause
from routing.ami import Ami
from routing.live import is_reachable, queue_status
from routing.number import normalise

DIALLED = "12345"
REGISTERED_SECONDS, UNREGISTERED_SECONDS = 20.0, 3.0
LOOK_SECONDS = 1.0
DRAIN_SECONDS = 90.0
"""Beyond the longest call: whoever keeps a place is rung when agents are free."""
WRITTEN_SECONDS = 30.0
HANG_UP_SECONDS = 10.0
MAX_LINES = 4_000


class Refused(RobotError):
    """Not on this hotline, or not now; one line."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``seconds``: since the first call could begin. ``waiting``: in the hotline's queues."""

    seconds: float
    planned: int
    counted: Counted
    waiting: int


Tell = Callable[[Progress], None]


async def simulate(settings: Settings, load: Load, host: str, beside: bool, stop: asyncio.Event, tell: Tell) -> Report:
    """``host``: where phones of this machine reach the hotline. ``beside``: real agents may be logged in. Ends early
    when ``stop`` is set, with the report of what happened until then.

    Raises Refused, RobotError, ValueError; AmiError and the database's errors where the hotline does not run.
    """
    planned = plan(load)
    if settings.sip.trunk.host:
        raise Refused(
            "已设置外线 sip.trunk.host，机器人市民只能拨打测试系统 a trunk is set: there are no test citizens then"
        )
    if not reachable(host, settings.sip.port):
        raise Refused(f"热线没有运行 no SIP server at {host}:{settings.sip.port} (make run)")
    async with open_ami(settings) as ami, open_engine(settings, pool_size=2) as engine:
        agents = await _agents(ami, load.agents, beside)
        passwords = load_secrets(settings).agents
        network = SimulationNetwork(
            settings, settings.home / "simulate", host, {one: passwords[one] for one in agents}, load.talk
        )
        try:
            async with network, _logged_in(settings, ami, network, agents):
                return await _Run(settings, engine, ami, network, planned, load).run(stop, tell)
        finally:
            # The agents' passwords are in it.
            await asyncio.to_thread(shutil.rmtree, network.folder, ignore_errors=True)


async def _agents(ami: Ami, wanted: int, beside: bool) -> list[str]:
    book = load_rules().agents
    known = await states(ami, book)
    there = [one.extension for one in known if one.queues]
    if there and not beside:
        raise Refused(f"有座席已签入 {'、'.join(there[:5])}：机器人会拨到其话机，确要如此请加 --beside-agents")
    free = [one.extension for one in known if not one.queues and book.agents[one.extension].phone == "desk"]
    registered = {one: await is_reachable(ami, one) for one in free}
    return extensions_free(free, registered, wanted)


@asynccontextmanager
async def _logged_in(
    settings: Settings, ami: Ami, network: SimulationNetwork, agents: list[str]
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REGISTERED_SECONDS):
            for one in agents:
                while not await is_reachable(ami, one):
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise RobotError(f"robot agent {one} does not get registered: see {network.folder / 'log'}") from None
    try:
        for one in agents:
            await login(settings, one)
        yield
    finally:
        for one in agents:
            await logout(settings, one)
        await network.unregister()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNREGISTERED_SECONDS):
                while [one for one in agents if await is_reachable(ami, one)]:
                    await asyncio.sleep(0.1)


class _Run:
    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        ami: Ami,
        network: SimulationNetwork,
        planned: list[PlannedCall],
        load: Load,
    ) -> None:
        self._settings, self._engine, self._ami, self._network = settings, engine, ami, network
        self._planned, self._load = planned, load
        self._numbers = [e164 for one in planned if (e164 := normalise(one.number).e164)]
        self._counter, self._positions = Counter(), Positions()
        self._begun = 0

    async def run(self, stop: asyncio.Event, tell: Tell) -> Report:
        async with self._engine.begin() as connection:
            cursor = await load_cursor(connection, CEL, self._settings.node.name)
        tail = Tail(self._settings.cel_file, cursor)
        began, clock = datetime.now(UTC), time.monotonic()
        over = asyncio.Event()
        watching = asyncio.create_task(self._watch(tail, clock, over, tell))
        try:
            await self._dial(clock, stop)
            await self._drain(clock, stop)
            await self._written(began)
        finally:
            over.set()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            tail.close()
        seconds = time.monotonic() - clock
        async with self._engine.connect() as connection:
            callers = await rows.callers(connection, began, self._numbers)
            said = self._positions.judged(await rows.places(connection, began))
        mine = {one.id for one in callers}
        said = [one for one in said if one.call in mine]
        return report(callers, said, self._counter.counted, began, seconds)

    async def _dial(self, clock: float, stop: asyncio.Event) -> None:
        for name, one in enumerate(self._planned):
            await pause(stop, max(0.0, clock + one.at - time.monotonic()))
            if stop.is_set():
                return
            await asyncio.to_thread(self._network.call, name, one, DIALLED)
            self._begun += 1

    async def _drain(self, clock: float, stop: asyncio.Event) -> None:
        """Until nobody is on the line and nobody is still to be rung."""
        deadline = time.monotonic() + self._load.longest + DRAIN_SECONDS
        while time.monotonic() < deadline and not stop.is_set():
            counted = self._counter.counted
            if counted.calls >= self._begun and not counted.busy:
                async with self._engine.connect() as connection:
                    if not await rows.live_places(connection, self._numbers):
                        return
            await pause(stop, LOOK_SECONDS)
        await self._network.hang_up()
        deadline = time.monotonic() + HANG_UP_SECONDS
        while self._counter.counted.busy and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS / 2)

    async def _written(self, began: datetime) -> None:
        """Until the log's reader has caught up, or for as long as that may take."""
        deadline = time.monotonic() + WRITTEN_SECONDS
        while time.monotonic() < deadline:
            async with self._engine.connect() as connection:
                calls, still_open = await rows.written(connection, began, self._numbers)
            counted = self._counter.counted
            if not still_open and calls >= counted.answered - counted.under_way:
                return
            await asyncio.sleep(LOOK_SECONDS / 2)

    async def _watch(self, tail: Tail, clock: float, over: asyncio.Event, tell: Tell) -> None:
        last = False
        while not last:
            last = over.is_set()
            self._counter.feed(await asyncio.to_thread(self._network.log_news))
            await asyncio.to_thread(self._listen, tail)
            waiting = len((await queue_status(self._ami)).waiting)
            tell(Progress(time.monotonic() - clock, len(self._planned), self._counter.counted, waiting))
            if not last:
                await pause(over, LOOK_SECONDS)

    def _listen(self, tail: Tail) -> None:
        while True:
            batch = tail.read(MAX_LINES)
            for line in batch.lines:
                # What the reader of the log cannot use it counts and tells of.
                with contextlib.suppress(ValueError):
                    if (sound := cel.played(line.text)) is not None:
                        self._positions.heard(sound)
                    elif (event := cel.parse(line.position, line.text)) is not None:
                        self._positions.happened(event)
            if batch.at_end:
                return
