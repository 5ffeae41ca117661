"""Callbacks in the worker: who is to be rung is looked up, and what came of each call is carried out, in the target, in
its ticket and in the outbox, in one transaction a call.

The database may come and go; a fault of ours with one call is an alert, and the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback import attempts, store
from callback.attempts import Ended, ToFollow
from callback.follow import Follow, follow, left
from callback.hours import Hours
from callback.plan import plan
from callback.survey import Answer, Result
from callback.words import CampaignState, Outcome
from calls.alerts import Alert, raise_alerts
from calls.outgoing import Outgoing
from hotline.callback_lost import Search
from hotline.notices_job import SURVEY
from hotline.settings import Settings
from hotline.stopping import pause
from notify.outbox import Owed, notice_id, post
from routing.ami import AmiError
from tickets import book
from tickets.commands import AnyCommand
from tickets.number import today
from tickets.permits import CALLBACK
from tickets.rulebook import Rulebook

log = logging.getLogger(__name__)

INTERVAL = 1.0
PLAN_SECONDS = 60.0
SEARCH_SECONDS = 5.0
AGAIN_SECONDS = 300.0
"""What could not be carried out is tried again so much later."""
FAULT_SECONDS = 10.0
FAILED, STALE = "callback_failed", "此后已重新办结，所答为前一次办理"
DROPS = 4
"""In a step, of :data:`callback.store.ENDED_AT_ONCE` each."""

Take = Callable[[AsyncConnection, int], Awaitable[ToFollow | None]]


class Stale(Exception):
    """The ticket was done once more: what was said is of what was done before."""


async def note_ended(connection: AsyncConnection, ended: list[Outgoing]) -> None:
    """What the log says of calls that are over; in the reader's transaction."""
    now = datetime.now(UTC)
    for one in ended:
        await attempts.note_outcome(connection, _ended(one), now)


class CallbackJob:
    """``rulebooks``: the rules of now."""

    def __init__(self, settings: Settings, engine: AsyncEngine, rulebooks: Callable[[], Rulebook]) -> None:
        self._engine, self._rulebooks = engine, rulebooks
        self._area_code = settings.callback.area_code
        self._search = Search(settings, engine)
        self._searched_at = self._planned_at = -PLAN_SECONDS
        self._planned: set[int] = set()
        self._dropping = False
        self._clock: float | None = None
        """At the last step: wall clock less the one that does not jump. None: not known yet."""
        self._again_at: dict[tuple[bool, int], float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            try:
                await self.step(stop)
            except (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError) as error:
                log.warning("callbacks: %s", " ".join(str(error).split())[:200])
            except Exception:
                log.exception("callbacks cannot go on")
                await self._try_to_say("回访的计划或结果处理出错，请查日志")
                await pause(stop, FAULT_SECONDS)
            await pause(stop, INTERVAL)
        await self._search.close()

    async def step(self, stop: asyncio.Event) -> None:
        rulebook = await asyncio.to_thread(self._rulebooks)
        await self.carry_out(rulebook, stop)
        if time.monotonic() - self._searched_at >= SEARCH_SECONDS:
            await self._decide_lost()
            self._searched_at = time.monotonic()
        await self._plan(rulebook, stop)

    async def carry_out(self, rulebook: Rulebook, stop: asyncio.Event) -> int:
        """All attempts whose outcome is known, and all targets that ended without one. Returns how many."""
        count = 0
        for take in (attempts.take, attempts.take_untold):
            after = 0
            while not stop.is_set() and (after := await self._one(take, after, rulebook)) > 0:
                count += 1
        return count

    async def _one(self, take: Take, after: int, rulebook: Rulebook) -> int:
        """The next behind ``after``, whose id is returned; 0: there is none."""
        id, found = 0, None
        try:
            async with self._engine.begin() as connection:
                found = await take(connection, after)
                if found is None:
                    return 0
                id = found.target.id if found.attempt is None else found.attempt.id
                if time.monotonic() >= self._again_at.get((found.attempt is None, id), 0.0):
                    await carry_out(connection, rulebook, found, datetime.now(UTC))
        except (OperationalError, InterfaceError, PoolTimeout, OSError):
            raise
        except Exception:
            if found is None:
                raise
            log.exception("callback %d cannot be carried out", id)
            self._again_at[(found.attempt is None, id)] = time.monotonic() + AGAIN_SECONDS
            await self._say(f"工单 {found.target.ticket or '（无）'} 的回访结果无法处理，请查日志")
        return id

    async def _decide_lost(self) -> None:
        try:
            lost = await self._search.look()
        except AmiError as error:
            log.debug("lost attempts: %s", error)
            return
        for one in lost:
            async with self._engine.begin() as connection:
                await attempts.note_outcome(connection, Ended(one.call_id, one.outcome), datetime.now(UTC))

    async def _plan(self, rulebook: Rulebook, stop: asyncio.Event) -> None:
        """Each running campaign once a minute, and at once when it has begun to run."""
        now = datetime.now(UTC)
        all_of_them = time.monotonic() - self._planned_at >= PLAN_SECONDS
        clock, self._clock = self._clock, now.timestamp() - time.monotonic()
        async with self._engine.begin() as connection:
            if clock is None or self._clock < clock - store.AHEAD.total_seconds():
                await store.bring_back(connection, now)
            if all_of_them:
                await store.end_past_campaigns(connection, now)
            running = await store.list_campaigns(connection, (CampaignState.RUNNING,))
        for campaign in running:
            if stop.is_set() or not (all_of_them or campaign.id not in self._planned):
                continue
            async with self._engine.begin() as connection:
                planned = await plan(connection, rulebook, campaign, now, self._area_code)
            if planned.added or planned.dropped:
                log.info("campaign %d: %d more to ring, %d no more", campaign.id, planned.added, planned.dropped)
        if all_of_them or self._dropping:
            self._dropping = await self._drop_ended(stop)
        self._planned = {campaign.id for campaign in running}
        if all_of_them:
            self._planned_at = time.monotonic()

    async def _drop_ended(self, stop: asyncio.Event) -> bool:
        """Whether there are more: some millions take a while, and each step does its part."""
        for _ in range(DROPS):
            if stop.is_set():
                break
            async with self._engine.begin() as connection:
                if await store.drop_ended(connection, datetime.now(UTC)) == 0:
                    return False
        return True

    async def _say(self, words: str) -> None:
        async with self._engine.begin() as connection:
            await raise_alerts(connection, [Alert(FAILED, today(), words)])

    async def _try_to_say(self, words: str) -> None:
        try:
            await self._say(words)
        except (SQLAlchemyError, OSError) as error:
            log.warning("callbacks: %s", " ".join(str(error).split())[:200])


async def carry_out(connection: AsyncConnection, rulebook: Rulebook, found: ToFollow, now: datetime) -> Follow:
    """All that follows from one attempt, or from one target's end. Raises what the database raises."""
    rules, target = found.campaign.rules, found.target
    if found.attempt is None:
        then = left(target, found.reason, rules)
    else:
        hours = Hours(found.campaign, rulebook.days.is_working_day)
        then = follow(target, found.attempt, rules, found.campaign.state, hours, now)
    if target.ticket is not None:
        then = await _tell_ticket(connection, rulebook, found, target.ticket, then, now)
        if then.other_channel:
            id = notice_id(target.ticket, target.id, SURVEY)
            await post(connection, Owed(id, target.ticket, SURVEY, then.other_channel, now))
    await attempts.settle(connection, found, then, now)
    return then


async def _tell_ticket(
    connection: AsyncConnection, rulebook: Rulebook, found: ToFollow, number: str, then: Follow, now: datetime
) -> Follow:
    """The notes and commands that the ticket takes; of those that it refuses, because it has gone another way, the
    refusal stays in its history."""
    articles = (found.target.article,) if found.target.article else ()
    try:
        ticket = await book.lock(connection, rulebook, number, CALLBACK)
        for note in then.notes:
            await book.note(connection, rulebook, number, note.kind, CALLBACK, now, data=note.data, articles=articles)
    except (book.NotFound, book.NotAllowed, book.NoBox) as error:
        return replace(then, commands=(), other_channel="", reason=_with_refusal(then.reason, error))
    stale = Stale(STALE) if found.target.about != f"{number}/{ticket.life.completions}" else None
    for command in then.commands:
        why = stale or await _execute(connection, rulebook, number, command, now)
        if why is None:
            continue
        then = replace(then, reason=_with_refusal(then.reason, why), other_channel="")
        data = {"command": command.do, "refused": str(why)[:500]}
        await book.note(connection, rulebook, number, "callback_answered", CALLBACK, now, data=data, articles=articles)
    return then


async def _execute(
    connection: AsyncConnection, rulebook: Rulebook, number: str, command: AnyCommand, now: datetime
) -> Exception | None:
    """What the ticket says against it."""
    try:
        async with connection.begin_nested():
            await book.execute(connection, rulebook, number, command, CALLBACK, now)
    except (book.Refused, book.NotAllowed, book.Conflict) as error:
        return error
    return None


def _with_refusal(reason: str, why: Exception) -> str:
    return f"{reason}；工单未办：{str(why) or type(why).__name__}"[:500]


def _ended(one: Outgoing) -> Ended:
    return Ended(
        one.call_id,
        Outcome(one.outcome),
        _moment(one.answered_at),
        _moment(one.ended_at),
        one.cause,
        Result(
            asked=one.asked,
            answers={question: Answer(given.value, given.by) for question, given in one.answers.items()},
            agent=one.agent,
            connected=one.connected,
            opted_out=one.opted_out,
            comment=one.comment,
        ),
    )


def _moment(epoch: float | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)
