"""Several nodes 节点 that share a database: each says every second that it is there, and takes over from one that is
gone.

Gone is who has been silent both in the database and by SIP. Silence in the database alone is no reason: its Asterisk
may hold its callers all the same, and whoever is rung back would be on two lines. Times are the database's own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.attempts import Ended, note_outcome
from callback.words import Outcome
from calls.alerts import Alert, close_alert, raise_alerts
from calls.cut import Waiting
from calls.events import CEL
from calls.queue_log import LOST
from calls.record import Call
from calls.store import Caller, open_calls_before
from hotline.ami import DIALLER
from hotline.reader import Reader
from hotline.secrets import load_secrets
from hotline.settings import Settings
from hotline.sip_ask import answers
from hotline.stopping import pause
from line import places
from line.cut import keep_places, take_places
from line.words import TryOutcome
from routing.ami import Ami

log = logging.getLogger(__name__)

INTERVAL = 1.0
LOOK_SECONDS = 15.0
"""A look that takes longer is given up: the database may be frozen."""
MOST_TRIES = 5
"""To end a call: one of which no record can be made stays open."""
NODE_LOST = "node_lost"

_BEAT = text(
    "INSERT INTO nodes (name, address, beat_at) VALUES (:name, :address, clock_timestamp())"
    " ON CONFLICT (name) DO UPDATE SET address = excluded.address, beat_at = excluded.beat_at, lost_at = NULL"
)
_SILENT = text(
    "SELECT name, address FROM nodes WHERE name <> :name AND lost_at IS NULL"
    " AND beat_at < clock_timestamp() - make_interval(secs => :seconds) ORDER BY name"
)
_LOSE = text(
    "UPDATE nodes SET lost_at = clock_timestamp() WHERE name = :lost AND lost_at IS NULL"
    " AND beat_at < clock_timestamp() - make_interval(secs => :seconds) RETURNING name"
)
_TAKE = text("UPDATE log_cursors SET taken = taken + 1 WHERE node = :lost")
_UNDER_WAY = text("SELECT call_id FROM callback_attempts WHERE node = :lost AND outcome IS NULL ORDER BY id")
_GONE = text("SELECT name FROM nodes WHERE lost_at IS NOT NULL AND name <> :name ORDER BY name")
_FIRST = text(
    "SELECT min(name) FROM nodes WHERE lost_at IS NULL"
    " AND beat_at >= clock_timestamp() - make_interval(secs => :seconds)"
)
_NAMELESS = text(
    "SELECT device, inode FROM log_cursors WHERE node = '' AND stream = :stream"
    " AND NOT EXISTS (SELECT 1 FROM log_cursors WHERE node = :node)"
)
_NAMED = "log_cursors calls recordings callback_attempts line_places".split()


async def take_name(connection: AsyncConnection, node: str, cel_file: Path) -> None:
    """What this hotline did while it had no name is this node's, by the log it read then. Needed once."""
    if not node:
        return
    row = (await connection.execute(_NAMELESS, {"stream": CEL, "node": node})).one_or_none()
    mine = {(one.stat().st_dev, one.stat().st_ino) for one in cel_file.parent.glob(f"{cel_file.name}*")}
    if row is None or (int(row.device), int(row.inode)) not in mine:
        return
    await connection.execute(text("SET LOCAL statement_timeout = 0"))
    for table in _NAMED:
        await connection.execute(text(f"UPDATE {table} SET node = :node WHERE node = ''"), {"node": node})
    log.warning("what was recorded here without a node's name is node %s's now", node)


async def first_node(connection: AsyncConnection, seconds: float) -> str | None:
    """Of those that are there: it dials the campaigns."""
    name: str | None = await connection.scalar(_FIRST, {"seconds": seconds})
    return name


async def others_dial(engine: AsyncEngine, settings: Settings) -> str:
    """Why this node dials no campaign; empty: it does, or there is no other node."""
    if not settings.node.name:
        return ""
    async with engine.connect() as connection:
        first = await first_node(connection, settings.node.lost_seconds)
    return "" if first in (None, settings.node.name) else f"node {first} dials"


async def note_cut(node: str, connection: AsyncConnection, cut: list[tuple[Call, Caller, Waiting]]) -> None:
    """For the reader: they are rung back."""
    count = await keep_places(connection, cut, datetime.now(UTC), node)
    log.warning("%d callers were cut off while they waited; %d are rung back", len(cut), count)


class Nodes:
    """``ask``: whether an Asterisk answers at an address."""

    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        reader: Reader,
        ask: Callable[[str], Awaitable[bool]] = answers,
    ) -> None:
        self._node, self._engine, self._reader, self._ask = settings.node, engine, reader, ask
        self._place_tries = settings.line.place_tries
        self._address = settings.node.address or f"{settings.sip.bind}:{settings.sip.port}"
        self._settings = settings
        self._said: set[str] = set()
        self._tried: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        ami = Ami("127.0.0.1", self._settings.ami.port, DIALLER, load_secrets(self._settings).ami)
        ami.start()
        while not stop.is_set():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    # Without an Asterisk of its own a node is no node: it neither beats nor takes over.
                    if ami.connected.is_set():
                        await self.look()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("nodes: %s", " ".join(str(error).split())[:200] or type(error).__name__)
            await pause(stop, INTERVAL)
        await ami.close()

    async def look(self) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(_BEAT, {"name": self._node.name, "address": self._address})
            await close_alert(connection, NODE_LOST, self._node.name)
        if not self._reader.caught_up.is_set():
            return
        seconds = self._node.lost_seconds
        async with self._engine.connect() as connection:
            silent = (await connection.execute(_SILENT, {"name": self._node.name, "seconds": seconds})).all()
        for name, address in silent:
            if address and await self._ask(address):
                if name not in self._said:
                    log.error("node %s says nothing in the database, but its Asterisk answers: left alone", name)
                self._said.add(name)
            else:
                await self._take_over(name)
        self._said &= {name for name, _ in silent}
        await self._end_calls()

    async def _take_over(self, lost: str) -> None:
        """One of the living nodes does it; a reader of the lost one that only stood still must begin again."""
        async with self._engine.begin() as connection:
            asked = {"lost": lost, "seconds": self._node.lost_seconds}
            if (await connection.execute(_LOSE, asked)).one_or_none() is None:
                return
            await connection.execute(_TAKE, {"lost": lost})
            # Whoever was being rung counts as rung.
            now = datetime.now(UTC)
            for one in await places.open_tries(connection, lost):
                await places.note_outcome(connection, one.call_id, TryOutcome.UNKNOWN, self._place_tries, now)
            count = await take_places(connection, lost, self._node.name)
            for call_id in (await connection.scalars(_UNDER_WAY, {"lost": lost})).all():
                await note_outcome(connection, Ended(call_id, Outcome.UNKNOWN), now)
            words = f"节点 {lost} 失联：新来电由其他节点接听，排队中的来电人将被回拨"
            await raise_alerts(connection, [Alert(NODE_LOST, lost, words)])
        log.error("node %s is gone; %d places of its line are ours now", lost, count)

    async def _end_calls(self) -> None:
        """Of lost nodes. Looked for each time: what is not written now is found again."""
        now = time.time()
        async with self._engine.connect() as connection:
            for lost in (await connection.scalars(_GONE, {"name": self._node.name})).all():
                found = [one for one in await open_calls_before(connection, now, lost) if self._tried[one] < MOST_TRIES]
                self._tried.update(found)
                if found:
                    log.warning("%d calls of node %s are over, e.g. %s", len(found), lost, found[0])
                    self._reader.close_gone(found, now, LOST)
