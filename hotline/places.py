"""Places in line, in the dialler's process: each is held in Asterisk's queue, and whose turn it is is rung, once a try.

The rows are the truth and Asterisk is what it is: each step compares both (:mod:`line.turn`) and does what is missing,
so that it does not matter what died in between. A try is written down and committed before Asterisk is asked for the
call; what came of it is in Asterisk's log (:mod:`hotline.place_log`), and of a try that nobody can tell of it is
looked up here. One process does it for a node: whoever has the database's advisory lock, on the connection that all of
it is done with.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.placed import HOLD
from hotline.ami import OUTBOUND
from hotline.callback_lost import Log, is_read, log_at
from hotline.settings import Settings
from hotline.stopping import pause
from line import places
from line.places import OpenTry, Try
from line.turn import Exchange, Hold, Move, Waiting, on_the_line, steps, unknown_holds
from line.words import TryOutcome
from routing.ami import Ami, AmiError, AmiInvalid, AmiRefused
from routing.live import channels, hang_up, is_reachable, queue_status
from routing.number import NotDialable, dialable
from routing.queues import Queue

log = logging.getLogger(__name__)

INTERVAL, IDLE_INTERVAL = 0.5, 1.0
MAX_BACK_OFF = 4.0
ACTION_SECONDS = 5.0
FRESH_SECONDS = 5.0
"""A claim that was not dialled within is not dialled any more."""
GRACE_SECONDS, AGAIN_SECONDS = 10.0, 5.0
"""So long a try is left alone, and so long it must be in no channel, before it is looked up."""
UNKNOWN_SECONDS = 60.0
"""What holds a place that nobody has written down (yet) is left so long."""
MAKE_SECONDS = 5.0
"""Between two attempts to hold a place."""

_LOCK = text("SELECT pg_try_advisory_lock(hashtext('hotline places'), hashtext(:node))")
_LOGGED = text("SELECT EXISTS (SELECT 1 FROM call_events WHERE call_id = :call)")


class Places:
    """``ami`` is started and closed here: connected while there is anything to hold. ``queues``: the rules."""

    def __init__(self, settings: Settings, engine: AsyncEngine, ami: Ami, queues: Mapping[str, Queue]) -> None:
        self._settings, self._engine, self._ami, self._queues = settings, engine, ami, queues
        self._node = settings.node.name
        self._connection: AsyncConnection | None = None
        self._connecting = False
        self._looked = False
        """Into Asterisk, since there was a live place: nothing is held there any more."""
        self._ringing: set[asyncio.Task[None]] = set()
        self._unknown: dict[str, float] = {}
        self._made: dict[str, float] = {}
        self._missing: dict[str, tuple[float, Log]] = {}
        self._why_not = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. Database and Asterisk may come and go."""
        back_off = INTERVAL
        while not stop.is_set():
            try:
                seconds, back_off = (INTERVAL if await self.step() else IDLE_INTERVAL), INTERVAL
            except (SQLAlchemyError, OSError, AmiError) as error:
                log.warning("places: %s", " ".join(str(error).split())[:200])
                if not isinstance(error, AmiError):
                    await self._let_go()
                seconds, back_off = back_off, min(back_off * 2, MAX_BACK_OFF)
            await pause(stop, seconds)
        for task in self._ringing:
            task.cancel()
        await asyncio.gather(*self._ringing, return_exceptions=True)
        await self._ami.close()
        await self._let_go()

    async def step(self) -> bool:
        """Whether there is anything to do."""
        connection = await self._held()
        if connection is None:
            return False
        before, now = time.monotonic(), datetime.now(UTC)
        async with connection.begin():
            await places.give_up_old(connection, now, self._node)
            live = await places.live(connection, self._node)
            tries = await places.open_tries(connection, self._node)
        if live or tries:
            self._looked = False
        if not await self._is_connected(bool(live or tries or not self._looked)):
            return bool(live or tries)
        status = await queue_status(self._ami)
        rows = await channels(self._ami)
        async with connection.begin():
            tried = await places.tried(connection, now, self._node)
        exchange = Exchange(status, frozenset(row.unique_id for row in rows), self._queues, tried, now)
        found = steps(live, exchange)
        for channel in (*found.drop, *await self._to_drop(connection, live, exchange)):
            await self._drop(channel)
        for one in found.move:
            await self._move(connection, one)
        for hold in found.make:
            await self._hold(hold)
        if found.ring and await self._may_ring():
            for hold in found.ring:
                await self._claim(connection, hold, before)
        await self._look_up(connection, tries, exchange.live)
        self._looked = not live and not tries and not any(row.channel.startswith(HOLD) for row in rows)
        return not self._looked

    async def _held(self) -> AsyncConnection | None:
        """The connection, with the lock; None: another process has it."""
        if self._connection is None:
            connection = await self._engine.connect()
            try:
                async with connection.begin():
                    mine = await connection.scalar(_LOCK, {"node": self._node})
            except BaseException:
                await connection.invalidate()
                await connection.close()
                raise
            if not mine:
                await connection.close()
                return None
            self._connection = connection
        return self._connection

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                # The lock is the session's: it must not go back into the pool.
                await connection.invalidate()
                await connection.close()
            except (SQLAlchemyError, OSError) as error:
                log.debug("places: %s", error)

    async def _is_connected(self, wanted: bool) -> bool:
        if wanted and not self._connecting:
            self._connecting = True
            self._ami.start()
        elif not wanted and self._connecting:
            self._connecting = False
            await self._ami.close()
        return wanted and self._ami.connected.is_set()

    async def _to_drop(self, connection: AsyncConnection, live: list[Waiting], exchange: Exchange) -> list[str]:
        """What holds a place that is over, or that nobody has written down for a while."""
        unknown = unknown_holds([*live, *on_the_line(exchange)], exchange.status)
        if not unknown:
            self._unknown.clear()
            return []
        async with connection.begin():
            # Written down since ``live`` was read: looked at again in the next step.
            over = await places.known(connection, unknown.values())
            over -= {one.call_id for one in await places.live(connection, self._node)}
            # Who was reached is told so first, and takes the place of what holds it when he joins.
            tried = await places.tried(connection, exchange.now, self._node)
            over -= {one.call_id for rung_as, one in tried.items() if rung_as in exchange.live}
        now = time.monotonic()
        self._unknown = {channel: self._unknown.get(channel, now) for channel in unknown}
        return [
            channel
            for channel, call_id in unknown.items()
            if call_id in over or now - self._unknown[channel] > UNKNOWN_SECONDS
        ]

    async def _drop(self, channel: str) -> None:
        try:
            await hang_up(self._ami, channel)
        except AmiRefused as error:
            log.debug("%s: %s", channel, error)  # it has gone meanwhile

    async def _hold(self, hold: Hold) -> None:
        place, now = hold.place, time.monotonic()
        self._made = {call_id: at for call_id, at in self._made.items() if now - at < MAKE_SECONDS}
        if place.call_id in self._made:
            return
        self._made[place.call_id] = now
        log.info("%s: place held in %s at %d", place.call_id, place.queue, hold.position)
        try:
            await self._ami.originate(
                f"{HOLD}{place.call_id}@place-hold/n",
                channel_id="",
                context="place-hold",
                exten="wait",
                ring_seconds=ACTION_SECONDS,
                variables={"HOLD_QUEUE": place.queue, "HOLD_POSITION": str(hold.position)},
            )
        except AmiError as error:
            log.warning("%s: place not held: %s", place.call_id, error)

    async def _move(self, connection: AsyncConnection, move: Move) -> None:
        async with connection.begin():
            moved = await places.move(connection, move.place.id, move.queue)
        if moved:
            await self._drop(move.channel)
            # Zero: at the end.
            await self._hold(Hold(replace(move.place, queue=move.queue), 0))

    async def _may_ring(self) -> bool:
        """Citizens on a dead network would pass for such as do not answer."""
        reached = await is_reachable(self._ami, OUTBOUND)
        why_not = "" if reached else f"the network does not answer (SIP OPTIONS, endpoint {OUTBOUND})"
        if why_not and why_not != self._why_not:
            log.warning("nobody is rung for a place in line: %s", why_not)
        self._why_not = why_not
        return reached

    async def _claim(self, connection: AsyncConnection, hold: Hold, seen_at: float) -> None:
        try:
            own = self._settings.callback
            dialled = dialable(hold.place.number, own.area_code, own.prefix)
        except NotDialable as error:
            log.warning("%s: %s", hold.place.call_id, error)
            async with connection.begin():
                await places.give_up(connection, hold.place.id, datetime.now(UTC))
            return
        async with connection.begin():
            claimed = await places.claim(connection, hold.place.id, datetime.now(UTC))
        if claimed is None:
            return
        if time.monotonic() - seen_at > FRESH_SECONDS:
            log.warning("%s: too late to be dialled", claimed.call_id)
            return
        task = asyncio.create_task(self._ring(claimed, dialled, hold.position))
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)

    async def _ring(self, claimed: Try, dialled: str, position: int) -> None:
        """Asks once. What is not known afterwards is looked up."""
        place = claimed.place
        try:
            answer = await self._ami.originate(
                f"PJSIP/{dialled}@{OUTBOUND}",
                channel_id=claimed.call_id,
                context="place-called",
                exten="answered",
                caller_id=self._settings.callback.shown_as,
                ring_seconds=self._settings.line.place_ring_seconds,
                variables={
                    "PLACE_NUMBER": place.number,
                    "PLACE_QUEUE": place.queue,
                    "PLACE_CALL": place.call_id,
                    "PLACE_JOINED": str(int(place.joined_at.timestamp() * 1000)),
                    "PLACE_POSITION": str(position),
                },
            )
        except AmiInvalid:
            log.exception("%s: not sent", claimed.call_id)
        except AmiError as error:
            log.warning("%s: %s", claimed.call_id, error)
        else:
            log.info("%s: %s", claimed.call_id, answer.get("Response", ""))

    async def _look_up(self, connection: AsyncConnection, tries: list[OpenTry], live: frozenset[str]) -> None:
        """Tries of which nobody has said what came of them. In no channel, and not in the log that is read to its end:
        it was never dialled."""
        seen_at, now = time.monotonic(), datetime.now(UTC)
        logs = log_at(self._settings.cel_file)
        old = [one.call_id for one in tries if abs((now - one.begun_at).total_seconds()) >= GRACE_SECONDS]
        self._missing = {call: self._missing.get(call, (seen_at, logs)) for call in old if call not in live}
        for call, (since, log_was) in list(self._missing.items()):
            if seen_at - since < AGAIN_SECONDS:
                continue
            async with connection.begin():
                if not await is_read(connection, log_was, logs, self._node):
                    continue
                logged = await connection.scalar(_LOGGED, {"call": call})
                outcome = TryOutcome.UNKNOWN if logged else TryOutcome.NOT_DIALLED
                await places.note_outcome(connection, call, outcome, self._settings.line.place_tries, now)
            log.warning("%s: nobody said what came of it: %s", call, outcome.value)
