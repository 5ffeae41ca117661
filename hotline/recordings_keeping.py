"""The job that removes recordings whose time is over, and the files of those that were erased. Want of room never does.

What a call was is asked of the calls and their tickets at the moment of the removal, so a ticket that became a dispute
yesterday keeps its call. Each removal is a transaction of its own; the files go after it, and if that is cut short, at
the next run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls import keeping
from calls.alerts import Alert, close_alerts, raise_alerts
from calls.keeping import OVER
from calls.recording import BadName
from calls.recording_files import remove
from calls.retention import Facts, Retention, Verdict, judge
from datafile import DataFileError
from people.audit import AuditEntry, record
from web.keeping import forget_drafts_of, lock_tickets

log = logging.getLogger(__name__)

BATCH = 200
RUN_SECONDS = 30.0
"""Recordings wait to be converted meanwhile; what is left is done at the next run."""
BY = "system"
RULES_FAULTY = "retention_faulty"
SETTLED, LATEST = timedelta(hours=1), timedelta(days=40)
"""When a call that has ended counts as not recorded, and how far back such calls are looked for."""
HELD_AGAIN = timedelta(days=1)
"""What is over its time and held, or of a call whose end is not known, is looked at again so much later."""

_DUE = text(
    "SELECT call_id FROM recordings WHERE state NOT IN ('pending', 'erased') AND"
    " (keep_rules < :rules OR keep_rules > :rules OR keep_rules = :rules AND keep_look_at <= :now) LIMIT :limit"
)
# Without its call (a crash) a recording's time is in its name.
_FACTS = text(
    "SELECT r.call_id, COALESCE(c.arrived_at,"
    " to_timestamp(CAST(substring(r.call_id FROM '([0-9]{9,11})\\.[0-9]+$') AS float8))) AS arrived_at,"
    " COALESCE(c.via, '') AS via, COALESCE(c.emergency <> '' OR c.via = 'emergency' OR c.queue = 'emergency', false)"
    " AS emergency, COALESCE(c.abandoned OR c.missed, false) AS abandoned,"
    " COALESCE(c.message_file, '') <> '' OR r.clips @> '[{\"kind\": \"message\"}]' AS message,"
    " COALESCE(f.complaint, false) AS complaint, COALESCE(f.disputed, false) AS disputed,"
    " COALESCE(f.ticket_open, false) AS ticket_open"
    " FROM recordings r LEFT JOIN calls c ON c.id = r.call_id LEFT JOIN LATERAL (SELECT"
    " bool_or(t.category IN ('complaint', 'report')) AS complaint,"
    " bool_or(t.life->>'rating' IN ('dissatisfied', 'very_dissatisfied')"
    " OR t.life->>'unsolved' = 'true' OR t.state = 'rework' OR t.supervised"
    " OR COALESCE(CAST(t.life->>'failed_reviews' AS int), 0) > 0"
    " OR COALESCE(CAST(t.life->>'rating_reworks' AS int), 0) > 0) AS disputed,"
    " bool_or(t.state NOT IN ('archived', 'declined') AND t.duplicate_of IS NULL) AS ticket_open"
    # OFFSET 0: of this call alone, not of all that there are.
    " FROM (SELECT m.number FROM call_tickets m WHERE m.call_id = r.call_id OFFSET 0) m"
    " JOIN tickets t ON t.number = m.number) f ON true WHERE r.call_id = ANY(:calls)"
)
# By when the call has been read to its end, and its recording would be known.
_NOT_RECORDED = text(
    "INSERT INTO recordings (call_id, file, state, reason, node)"
    " SELECT c.id, '', 'none', 'not recorded', c.node FROM calls c"
    " WHERE c.arrived_at >= :since AND c.ended_at < :until"
    " AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.call_id = c.id) ON CONFLICT DO NOTHING"
)
_LOOKED = text(
    "UPDATE recordings AS r SET keep_class = d.class, keep_rules = :rules, keep_look_at = to_timestamp(d.look_at)"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d(call text, class text, look_at float8)"
    " WHERE r.call_id = d.call AND r.state <> 'erased'"
)


async def facts_of(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, Facts]:
    """What the rules look at, of recordings that there are."""
    found = await connection.execute(_FACTS, {"calls": list(call_ids)})
    return {
        row.call_id: Facts(
            arrived_at=row.arrived_at,
            via=row.via,
            emergency=row.emergency,
            abandoned=row.abandoned,
            message=row.message,
            complaint=row.complaint,
            disputed=row.disputed,
            ticket_open=row.ticket_open,
        )
        for row in found
    }


async def _looked(
    connection: AsyncConnection, rules: Retention, verdicts: Mapping[str, Verdict], now: datetime
) -> None:
    rows = [
        {"call": call_id, "class": one.of, "look_at": (one.look_at or now + HELD_AGAIN).timestamp()}
        for call_id, one in sorted(verdicts.items())
    ]
    await connection.execute(_LOOKED, {"rules": rules.version, "rows": json.dumps(rows)})


@dataclass(frozen=True, slots=True)
class Keeper:
    """``rules`` are asked for at each run; raises DataFileError, and then nothing is removed by time. The files of
    other nodes' recordings (``node``) are left to those."""

    engine: AsyncEngine
    root: Path
    rules: Callable[[], Retention]
    stop: asyncio.Event
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    node: str = ""

    async def run(self) -> int:
        """Returns how many recordings were erased because their time was over."""
        await self.remove_files()
        async with self.engine.begin() as connection:
            span = {"since": self.now() - LATEST, "until": self.now() - SETTLED}
            await connection.execute(_NOT_RECORDED, span)
        rules = await asyncio.to_thread(self.rules)
        count, until = 0, time.monotonic() + RUN_SECONDS
        while not self.stop.is_set() and time.monotonic() < until:
            now = self.now()
            over, looked_at = await self._look(rules, now)
            for call_id in over:
                count += await self._erase(rules, call_id, now)
            if looked_at < BATCH:
                break
        if count:
            log.info("%d recordings were over their time", count)
        await self.remove_files()
        return count

    async def run_or_say(self) -> None:
        """A faulty rule file removes nothing, and is an alert until it is mended."""
        try:
            await self.run()
        except DataFileError as error:
            words = f"录音保存期限文件有误，到期录音暂不删除：{error}"[:500]
            async with self.engine.begin() as connection:
                await raise_alerts(connection, [Alert(RULES_FAULTY, "retention", words)])
        else:
            async with self.engine.begin() as connection:
                await close_alerts(connection, RULES_FAULTY)

    async def remove_files(self) -> int:
        """The files of what is erased. Returns how many calls had some left."""
        count = 0
        while not self.stop.is_set():
            async with self.engine.connect() as connection:
                waiting = await keeping.to_remove(connection, BATCH, self.node)
            gone = await asyncio.to_thread(self._remove, waiting)
            async with self.engine.begin() as connection:
                await keeping.removed(connection, gone)
            count += len(gone)
            if len(gone) < BATCH:
                break
        return count

    def _remove(self, waiting: Sequence[tuple[str, str]]) -> list[str]:
        gone = []
        for call_id, file in waiting:
            try:
                remove(self.root, file)
            except BadName as error:
                log.error("erased recording of call %s: %s", call_id, error)
            except OSError as error:
                log.error("erased recording of call %s is still there: %s", call_id, error)
                continue
            gone.append(call_id)
        return gone

    async def _look(self, rules: Retention, now: datetime) -> tuple[list[str], int]:
        """Those that are over their time unless somebody holds them, and how many were looked at."""
        async with self.engine.begin() as connection:
            asked = {"rules": rules.version, "now": now, "limit": BATCH}
            due = (await connection.scalars(_DUE, asked)).all()
            facts = await facts_of(connection, due)
            held = set(await connection.scalars(keeping.HELD, {"calls": list(due)}))
            verdicts = {call_id: judge(rules, facts[call_id], now) for call_id in due}
            over = [call_id for call_id, one in verdicts.items() if one.look_at is None and call_id not in held]
            left = {call_id: one for call_id, one in verdicts.items() if call_id not in over}
            await _looked(connection, rules, left, now)
        return over, len(due)

    async def _erase(self, rules: Retention, call_id: str, now: datetime) -> int:
        async with self.engine.begin() as connection:
            await lock_tickets(connection, call_id)
            # Asked again, now that nobody changes the tickets.
            verdict = judge(rules, (await facts_of(connection, [call_id]))[call_id], now)
            erased = []
            reason = f"{OVER}：{rules.classes[verdict.of].name}（{rules.classes[verdict.of].days} 天）"
            if verdict.look_at is None:
                erased = await keeping.erase(connection, [call_id], reason=reason, by=BY, at=now)
            if not erased:
                await _looked(connection, rules, {call_id: verdict}, now)
            for one in erased:
                await forget_drafts_of(connection, one)
                detail = {"reason": reason, "sha256": one.kept[0].sha256 if one.kept else ""}
                await record(connection, AuditEntry(now, BY, "recording.erase", f"call:{call_id}", detail))
        return len(erased)
