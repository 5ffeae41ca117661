"""Live events: one connection listens to PostgreSQL for all clients; each client has a bounded buffer.

The feed of ticket events (:mod:`tickets.history`) has positions in the order of commits, so whoever reads on from a
position misses nothing and has nothing twice. A client that reads too slowly is cut off: it resumes from its position.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tickets.history import CHANNEL, FeedEvent, events_after, feed_end
from tickets.permits import CONFIDENTIAL, READ_ALL, Actor, Place, sees
from tickets.tables import tickets
from tickets.words import State

log = logging.getLogger(__name__)

BUFFER = 500
MAX_CLIENTS = 1_000
MAX_OF_ONE = 20
"""Pages and programs of one person, or of one platform."""
MAX_BEHIND = 20_000
"""Events; who was away for longer reads the lists anew."""
READ_AT_ONCE = 500
_LISTEN_SECONDS = 5.0
"""At least this often the feed is looked at, whatever was or was not notified."""
_BACK_OFF = (0.25, 4.0)
_EVERYTHING = Actor("live", frozenset({READ_ALL, CONFIDENTIAL}))


class TooMany(Exception):
    """As many clients listen as may."""


class CutOff(Exception):
    """The client's buffer is full, or the server goes: it can come back and go on from its position."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event and whose ticket it is now."""

    event: FeedEvent
    place: Place


@dataclass(frozen=True, slots=True)
class Joined:
    """``missed``: what there was meanwhile; ``complete``: if not, the client has to come back for the rest. ``afresh``:
    its position was too far back, or never given out: it begins from now and has to read the lists anew."""

    client: Client
    missed: list[FeedEvent]
    complete: bool
    afresh: bool


@dataclass(eq=False, slots=True)
class Client:
    """``position``: up to here it has what it may see. ``wake``: whoever has other news for it sets this."""

    actor: Actor
    position: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: deque[Seen] = field(default_factory=deque)
    _cut: bool = False

    def offer(self, seen: Seen) -> None:
        if self._cut or seen.event.position <= self.position or not sees(self.actor, seen.place):
            return
        if len(self._waiting) >= BUFFER:
            self.cut_off()
        else:
            self._waiting.append(seen)
            self.wake.set()

    def cut_off(self) -> None:
        self._cut = True
        self._waiting.clear()
        self.wake.set()

    async def next(self, seconds: float) -> list[FeedEvent]:
        """What has come, when it is woken, at the latest after ``seconds``: maybe nothing. Raises CutOff."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        if self._cut:
            raise CutOff
        self.wake.clear()
        found = [seen.event for seen in self._waiting if seen.event.position > self.position]
        self._waiting.clear()
        if found:
            self.position = found[-1].position
        return found

    def is_up_to(self, position: int) -> None:
        """Everything up to ``position`` was offered: unless some of it waits here, the client has what it may see."""
        if not self._waiting and not self._cut:
            self.position = max(self.position, position)


class Live:
    """``url``: libpq's, for the connection that listens. Call :meth:`run` as a task; without it nothing arrives."""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self._engine = engine
        self._url = url
        self._clients: set[Client] = set()
        self._position: int | None = None

    @contextlib.asynccontextmanager
    async def join(self, actor: Actor, position: int | None) -> AsyncIterator[Joined]:
        """A client that goes on after ``position`` (None: from now). Raises TooMany."""
        of_one = sum(client.actor.name == actor.name for client in self._clients)
        if len(self._clients) >= MAX_CLIENTS or of_one >= MAX_OF_ONE:
            raise TooMany
        client: Client | None = None
        try:
            async with self._engine.connect() as connection:
                end = await feed_end(connection)
                afresh = position is not None and not end - MAX_BEHIND <= position <= end
                client = Client(actor, end if position is None or afresh else position)
                # From here on all that comes is offered; what lies before is read, and known again by its position.
                self._clients.add(client)
                if self._position is None:
                    self._position = end
                missed, at = await _missed(connection, actor, client.position)
            client.position = max(client.position, at)
            yield Joined(client, missed, len(missed) < BUFFER, afresh)
        finally:
            if client is not None:
                self._clients.discard(client)

    def note_position(self, client: Client) -> None:
        """Everything up to the feed's position was offered to all."""
        client.is_up_to(self._position or 0)

    def close(self) -> None:
        """The server goes."""
        for client in self._clients:
            client.cut_off()

    async def run(self) -> None:
        """For ever; the database may come and go."""
        back_off = _BACK_OFF[0]
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5
                ) as found:
                    await found.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                    await self.catch_up()
                    back_off = _BACK_OFF[0]
                    await self._listen(found)
            except Exception as error:  # nobody else would notice that the events have ceased
                expected = isinstance(error, psycopg.Error | SQLAlchemyError | OSError)
                log.warning("live events: %s", " ".join(str(error).split())[:200], exc_info=not expected)
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, _BACK_OFF[1])

    async def _listen(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        while True:
            await self.catch_up()
            async for _ in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                pass

    async def catch_up(self) -> None:
        """Read on and hand out. Nobody listening: nothing is read."""
        if not self._clients:
            self._position = None
            return
        async with self._engine.connect() as connection:
            while self._position is not None:
                seen, end = await read(connection, self._position, READ_AT_ONCE)
                if end == self._position:
                    return
                self._position = end
                for one in seen:
                    for client in list(self._clients):
                        client.offer(one)


async def _missed(connection: AsyncConnection, actor: Actor, position: int) -> tuple[list[FeedEvent], int]:
    """What ``actor`` may see after ``position``, to the end of the feed or until it is BUFFER events or more."""
    missed: list[FeedEvent] = []
    while len(missed) < BUFFER:
        seen, end = await read(connection, position, READ_AT_ONCE)
        if end == position:
            break
        missed += [one.event for one in seen if sees(actor, one.place)]
        position = end
    return missed, position


async def read(connection: AsyncConnection, position: int, limit: int) -> tuple[list[Seen], int]:
    """Events after ``position`` with their tickets' places, and where to go on."""
    events, end = await events_after(connection, _EVERYTHING, position, limit)
    places = await _places(connection, sorted({one.event.number for one in events}))
    return [Seen(one, places[one.event.number]) for one in events], end


async def _places(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, Place]:
    if not numbers:
        return {}
    c = tickets.c
    query = select(c.number, c.state, c.unit, c.co_units, c.county, c.confidential, c.handler).where(
        c.number.in_(numbers)
    )
    return {
        row.number: Place(
            State(row.state),
            row.unit,
            tuple(row.co_units),
            row.county,
            confidential=row.confidential,
            handler=row.handler,
        )
        for row in await connection.execute(query)
    }
