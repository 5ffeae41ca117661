"""Keeps the live floor 话务现场 of the web server: a manager connection of its own and some figures of the database.

After each login, and every minute, Asterisk is asked for its lists; in between its events say what changes
(:mod:`routing.floor`). Nothing is published more than four times a second. Without Asterisk the last state stays, and
says that it is not ready.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.outgoing import PREFIX
from calls.placed import CALLS
from hotline.ami import FLOOR
from hotline.floor_figures import sitting, today
from hotline.rules import Rules
from hotline.secrets import load_secrets
from hotline.settings import Settings
from people.masking import mask_phone
from routing.ami import Ami, AmiError
from routing.ami_wire import Event
from routing.floor import EVENTS, Fold
from routing.floor_plan import Now, Plan, Seated
from routing.floor_rows import Via
from routing.live import MemberRow, channels, is_reachable, queue_status
from routing.queues import agent_queue, longest_wrapup
from web.floor import Floors

log = logging.getLogger(__name__)

AGENT_CALLS = "ag-"
"""Ids of agents' calls to citizens begin so (:mod:`callback.outgoing`)."""
GATHER_SECONDS, APART_SECONDS = 0.05, 0.2
"""What happens at once is told at once; then the next may be told."""
LOOK_SECONDS = 1.0
"""Wrap-up times end by the clock, and a lost connection is noticed."""
ANEW_SECONDS = 60.0
BEGIN_SECONDS = 2.0
SEATS_SECONDS, TODAY_SECONDS, UNWATCHED_SECONDS = 1.0, 5.0, 10.0
AT_ONCE = 100
"""Questions to Asterisk."""
_AWAY = 5
"""Asterisk's device state of a telephone that is not there."""


def plan(rules: Rules) -> Plan:
    """What the floor consists of."""
    wrapup = {id: float(queue.wrapup_seconds) for id, queue in rules.queues.items()}
    own = {
        agent_queue(extension): float(longest_wrapup(rules.queues, agent))
        for extension, agent in rules.agents.agents.items()
    }
    return Plan(
        queues={id: queue.name for id, queue in rules.queues.items()},
        agents={extension: Seated(agent.name, agent.phone) for extension, agent in rules.agents.agents.items()},
        wrapup={**wrapup, **own},
        ours={PREFIX: Via.CALLBACK, CALLS: Via.PLACE, AGENT_CALLS: Via.OUTGOING},
        mask=mask_phone,
    )


async def keep(settings: Settings, rules: Rules, engine: AsyncEngine, floors: Floors) -> None:
    """Until cancelled. After a fault that nobody expected another keeper begins, and until it has Asterisk's lists what
    is told says that it is not ready."""
    while True:
        try:
            await FloorKeeper(settings, rules, engine, floors).run()
        except Exception:  # the live view alone is without a keeper; the web server goes on
            log.exception("the live view of the telephones begins anew")
        floors.publish_unready(datetime.now(UTC))
        await asyncio.sleep(BEGIN_SECONDS)


class FloorKeeper:
    """Publishes to ``floors`` for as long as :meth:`run` runs."""

    def __init__(self, settings: Settings, rules: Rules, engine: AsyncEngine, floors: Floors) -> None:
        self._plan = plan(rules)
        self._fold = Fold(self._plan)
        self._engine, self._floors = engine, floors
        self._ami = Ami("127.0.0.1", settings.ami.port, FLOOR, load_secrets(settings).ami)
        self._ami.on_event("*", self._happened)
        self._ami.on_resync(self._load)
        self._news = asyncio.Event()
        self._meanwhile: list[tuple[Event, datetime]] | None = None

    async def run(self) -> None:
        """Until cancelled. Asterisk and the database may come and go."""
        self._ami.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._publish())
                tasks.create_task(self._anew())
                tasks.create_task(self._figures())
        finally:
            await self._ami.close()

    def _happened(self, event: Event) -> None:
        if event["Event"] not in EVENTS:
            return  # an answer to a question
        at = datetime.now(UTC)
        if self._meanwhile is not None:
            self._meanwhile.append((event, at))
        self._fold.apply(event, at)
        self._news.set()

    async def _load(self) -> None:
        """From Asterisk's lists. What happens while they come is applied to them again."""
        meanwhile: list[tuple[Event, datetime]] = []
        self._meanwhile = meanwhile
        try:
            status = await queue_status(self._ami)
            rows = await channels(self._ami)
            self._fold.load(Now(status, rows, await self._reachable(status.members)), datetime.now(UTC))
            for event, at in meanwhile:
                self._fold.apply(event, at)
        finally:
            if self._meanwhile is meanwhile:  # a login begins another
                self._meanwhile = None
        self._news.set()

    async def _reachable(self, members: tuple[MemberRow, ...]) -> frozenset[str]:
        """The list of members tells it; of those who are logged out each is asked for."""
        known = {member.interface.removeprefix("PJSIP/"): member.status != _AWAY for member in members}
        others = [extension for extension in self._plan.agents if extension not in known]
        for first in range(0, len(others), AT_ONCE):
            some = others[first : first + AT_ONCE]
            known |= zip(some, await asyncio.gather(*(is_reachable(self._ami, one) for one in some)), strict=True)
        return frozenset(extension for extension, there in known.items() if there)

    async def _publish(self) -> None:
        last = None
        # Who is there is known before Asterisk has said anything.
        self._news.set()
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
                await asyncio.sleep(GATHER_SECONDS)
            except TimeoutError:
                pass
            self._news.clear()
            now = datetime.now(UTC)
            self._fold.set_ready(self._ami.connected.is_set())
            try:
                floor = self._fold.take(now)
            except Exception:  # nobody else would notice that the floor stands still
                log.exception("the floor is not told")
                continue
            if floor is not last:
                last = floor
                self._floors.publish(floor, now)
                await asyncio.sleep(APART_SECONDS)

    async def _anew(self) -> None:
        while True:
            await asyncio.sleep(ANEW_SECONDS)
            if self._ami.connected.is_set():
                try:
                    await self._load()
                except AmiError as error:
                    log.warning("the floor is not asked for anew: %s", error)
                except Exception:  # as in _publish: what is told would stay, and pass for what is true now
                    log.exception("the floor is not asked for anew")

    async def _figures(self) -> None:
        clock = asyncio.get_running_loop().time
        due = 0.0
        while True:
            try:
                now = datetime.now(UTC)
                async with self._engine.connect() as connection:
                    self._fold.set_seats(await sitting(connection, now))
                    if clock() >= due:
                        self._fold.set_today(await today(connection, now))
                        due = clock() + TODAY_SECONDS
                self._news.set()
            except (SQLAlchemyError, OSError) as error:
                log.warning("the floor's figures: %s", " ".join(str(error).split())[:200])
            await self._pause(SEATS_SECONDS if self._floors.watched else UNWATCHED_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Shorter when somebody begins to look."""
        ends = asyncio.get_running_loop().time() + seconds
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, SEATS_SECONDS))
            if self._floors.watched:
                return
