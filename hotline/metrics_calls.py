"""Ended calls, counted by the worker: how they ended, and how long it took until somebody answered.

The reader tells which calls have changed (``NOTIFY calls``, so after the commit that changed them). A call is counted
once; what was written while nobody listened (the worker was down) is counted when the reader has caught up on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.metrics import Figure, histogram

log = logging.getLogger(__name__)

REMEMBERED = 20_000
"""Calls that are known to be counted: the last lines about one come within seconds of its end."""
MAX_BACK_OFF = 4.0
_ENDED = text(
    "SELECT id, via, human_at IS NOT NULL AS human, message_file <> '' AS message, abandoned, missed, informed,"
    " time_to_human FROM calls WHERE id = ANY(:ids) AND ended_at IS NOT NULL"
)


def outcome_of(human: bool, message: bool, abandoned: bool, missed: bool, informed: bool) -> str:
    if human:
        return "human"
    if message:
        return "message"
    return "abandoned" if abandoned else "missed" if missed else "informed" if informed else "ended"


class CallTally:
    def __init__(self) -> None:
        self.to_human = histogram("hotline_time_to_human_seconds")
        self._ended: Counter[tuple[str, str]] = Counter()
        self._counted: OrderedDict[str, None] = OrderedDict()

    def figures(self) -> Iterator[Figure]:
        for labels, count in self._ended.items():
            yield Figure("hotline_calls_total", count, labels)

    def count(self, rows: Iterable[Mapping[Any, Any]]) -> None:
        for row in rows:
            if row["id"] in self._counted:
                continue
            self._counted[row["id"]] = None
            if len(self._counted) > REMEMBERED:
                self._counted.popitem(last=False)
            outcome = outcome_of(row["human"], row["message"], row["abandoned"], row["missed"], row["informed"])
            self._ended[row["via"] or "unknown", outcome] += 1
            if row["time_to_human"] is not None:
                self.to_human.observe(row["time_to_human"])

    async def run(self, engine: AsyncEngine, url: str, stop: asyncio.Event) -> None:
        """Until ``stop``; libpq's ``url``, to listen. The database may come and go."""
        listening = asyncio.create_task(self._listen(engine, url))
        await stop.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, engine: AsyncEngine, url: str) -> None:
        back_off = 0.25
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as session:
                    await session.execute("LISTEN calls")
                    back_off = 0.25
                    async for note in session.notifies():
                        await self._look(engine, note.payload.split())
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                log.warning("calls are not counted: %s", " ".join(str(error).split())[:200])
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, MAX_BACK_OFF)

    async def _look(self, engine: AsyncEngine, changed: Sequence[str]) -> None:
        ids = [one for one in changed if one not in self._counted]
        if ids:
            async with engine.connect() as connection:
                self.count((await connection.execute(_ENDED, {"ids": ids})).mappings())
