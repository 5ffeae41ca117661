"""What was said in the recordings: expected when a recording is ready, written down when there is time, kept, sealed
and deleted with the same care as the sound. All functions work inside the caller's transaction.

A recording is known by its hash: the same one is never written down twice, whoever dies in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.store import forget_words
from calls.tables import live_words, transcript_segments, transcripts

CALLER, OTHER = "caller", "other"
MAX_ATTEMPTS = 3
LEASE_SECONDS = 600.0
"""Whoever took a recording up and has said nothing for so long (the more, the more often) is gone."""
LATE_DAYS = 7
"""What nobody came to in this time is given up: there is more to write down than the machine can."""
DELETED, LATE, SILENT = "deleted", "late", "silent"

Seal = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Said:
    """``channel``: ``caller`` or ``other`` (whoever spoke with the caller); times in ms after the recording's start."""

    channel: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A recording to be written down now. ``path`` is below the recordings folder; ``attempt`` counts from 1."""

    call_id: str
    sha256: str
    path: str
    offset_ms: int
    """When it begins, after the call's arrival."""
    attempt: int


@dataclass(frozen=True, slots=True)
class Made:
    """``cut``: only the beginning of a very long recording. ``message_ms``: from there on it is a message."""

    said: tuple[Said, ...]
    engine: str
    model: str
    seconds: float
    cut: bool = False
    message_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """``state``: pending, done, failed, none (nothing said, given up or deleted: ``reason``)."""

    call_id: str
    state: str
    reason: str
    engine: str
    model: str
    seconds: float | None
    cut: bool
    message_ms: int | None
    made_at: datetime | None
    said: tuple[Said, ...]


_EXPECT = text(
    "INSERT INTO transcripts AS t (call_id, sha256)"
    " SELECT call_id, sha256 FROM recordings WHERE call_id = ANY(:calls) AND state = 'done'"
    " ON CONFLICT (call_id) DO UPDATE SET state = 'pending', reason = '', sha256 = excluded.sha256, attempts = 0,"
    " expected_at = now(), next_try_at = now() WHERE t.sha256 <> excluded.sha256 AND t.reason <> :deleted"
)
_GIVE_UP = text(
    "UPDATE transcripts SET state = CASE WHEN attempts >= :attempts THEN 'failed' ELSE 'none' END,"
    " reason = CASE WHEN attempts < :attempts THEN :late WHEN reason = '' THEN 'ended in the middle' ELSE reason END"
    " WHERE state = 'pending' AND next_try_at <= now()"
    " AND (attempts >= :attempts OR expected_at < now() - make_interval(days => :days)) RETURNING call_id, state"
)
_DUE = (
    "FROM transcripts p JOIN recordings USING (call_id, sha256)"
    " WHERE p.state = 'pending' AND p.next_try_at <= now() AND recordings.state = 'done'"
    " AND recordings.node = :node"
)
_CLAIM = text(
    "UPDATE transcripts t SET attempts = t.attempts + 1,"
    " next_try_at = now() + make_interval(secs => :lease * (t.attempts + 1)) FROM recordings r"
    f" WHERE t.call_id = (SELECT p.call_id {_DUE}"
    " ORDER BY p.expected_at DESC, p.call_id LIMIT 1 FOR UPDATE OF p SKIP LOCKED)"
    " AND r.call_id = t.call_id"
    " RETURNING t.call_id, t.sha256, r.path, COALESCE(r.offset_ms, 0) AS offset_ms, t.attempts"
)


async def expect(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Their recordings are ready. One that was written down before, or was deleted on purpose, stays as it is."""
    await connection.execute(_EXPECT, {"calls": list(call_ids), "deleted": DELETED})


async def give_up(connection: AsyncConnection) -> list[tuple[str, str]]:
    """What was tried too often, or waited too long: call and new state."""
    asked = {"attempts": MAX_ATTEMPTS, "days": LATE_DAYS, "late": LATE}
    return [(row.call_id, row.state) for row in await connection.execute(_GIVE_UP, asked)]


async def claim(connection: AsyncConnection, node: str = "") -> Claim | None:
    """The newest one that waits: whoever has a ticket in hand wants the words now. It counts as tried from here on.
    ``node``: where the recording is."""
    row = (await connection.execute(_CLAIM, {"lease": LEASE_SECONDS, "node": node})).one_or_none()
    return None if row is None else Claim(row.call_id, row.sha256, row.path, row.offset_ms, row.attempts)


def _waits(one: Claim) -> tuple[Any, ...]:
    c = transcripts.c
    return c.call_id == one.call_id, c.sha256 == one.sha256, c.state == "pending"


async def hand_back(connection: AsyncConnection, one: Claim) -> None:
    """It was no fault of the recording's: as if it had not been tried."""
    values = {"attempts": one.attempt - 1, "next_try_at": text("now()")}
    await connection.execute(update(transcripts).where(*_waits(one)).values(values))


async def say_why(connection: AsyncConnection, one: Claim, reason: str) -> None:
    """It failed this time."""
    await connection.execute(update(transcripts).where(*_waits(one)).values(reason=reason[:200]))


async def finish(
    connection: AsyncConnection, one: Claim, made: Made, at: datetime, ticket: str = "", seal: Seal | None = None
) -> bool:
    """Write it down, sealed for a confidential ``ticket``. False: somebody else has, or it was deleted meanwhile."""
    values: dict[str, Any] = {
        "state": "done" if made.said else "none",
        "reason": "" if made.said else SILENT,
        "engine": made.engine,
        "model": made.model,
        "seconds": made.seconds,
        "cut": made.cut,
        "message_ms": made.message_ms,
        "made_at": at,
        "sealed": None,
        "sealed_for": None,
    }
    if seal is not None:
        values |= {"sealed_for": ticket, "sealed": seal(_packed(made.said))}
    done = await connection.execute(update(transcripts).where(*_waits(one)).values(values))
    if done.rowcount != 1:
        return False
    await _clear(connection, one.call_id)
    if made.said and seal is None:
        rows = [{"call_id": one.call_id, "place": n, **asdict(said)} for n, said in enumerate(made.said)]
        await connection.execute(insert(transcript_segments), rows)
    return True


async def load(connection: AsyncConnection, call_id: str, open_: Callable[[str, str], str]) -> Transcript | None:
    """``open_`` opens (envelope, ticket). Whether somebody may read it is the caller's question."""
    row = (await connection.execute(select(transcripts).where(transcripts.c.call_id == call_id))).one_or_none()
    if row is None:
        return None
    if row.sealed is not None:
        said = tuple(Said(**one) for one in json.loads(open_(row.sealed, row.sealed_for)))
    else:
        said = await _said(connection, call_id)
    known = row._mapping
    names = "call_id state reason engine model seconds cut message_ms made_at".split()
    return Transcript(**{name: known[name] for name in names}, said=said)


async def states(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, str]:
    """Of those calls that have one."""
    query = select(transcripts.c.call_id, transcripts.c.state).where(transcripts.c.call_id.in_(call_ids))
    return {row.call_id: row.state for row in await connection.execute(query)}


async def seal_one(connection: AsyncConnection, call_id: str, ticket: str, seal: Seal) -> None:
    """The call's ticket, locked in the caller's transaction, has become confidential."""
    c = transcripts.c
    await connection.execute(delete(live_words).where(live_words.c.call_id == call_id))  # of a call that goes on
    row = (await connection.execute(select(transcripts).where(c.call_id == call_id).with_for_update())).one_or_none()
    if row is None or row.sealed is not None or row.state != "done":
        return
    envelope = seal(_packed(await _said(connection, call_id)))
    await connection.execute(update(transcripts).where(c.call_id == call_id).values(sealed=envelope, sealed_for=ticket))
    await _clear(connection, call_id)


async def delete_one(connection: AsyncConnection, call_id: str) -> bool:
    """With what was heard at the menu, and for good: it is not written down again. False: the call has no transcript,
    and nothing was done. The ticket's draft is the ticket's: :func:`tickets.draft.forget_drafts`."""
    values = {"state": "none", "reason": DELETED, "sealed": None, "sealed_for": None}
    await _clear(connection, call_id)
    done = await connection.execute(update(transcripts).where(transcripts.c.call_id == call_id).values(values))
    if done.rowcount != 1:
        return False
    await forget_words(connection, call_id)
    return True


async def take_up_again(connection: AsyncConnection) -> None:
    """Nobody else writes: what was begun, or failed a while ago, waits no longer."""
    await connection.execute(text("UPDATE transcripts SET next_try_at = now() WHERE state = 'pending'"))


async def any_due(connection: AsyncConnection, node: str = "") -> bool:
    """Whether ``claim`` would find one."""
    return bool(await connection.scalar(text(f"SELECT EXISTS (SELECT 1 {_DUE})"), {"node": node}))


async def count_pending(connection: AsyncConnection) -> int:
    found: int = await connection.scalar(text("SELECT count(*) FROM transcripts WHERE state = 'pending'")) or 0
    return found


async def _clear(connection: AsyncConnection, call_id: str) -> None:
    for table in (transcript_segments, live_words):
        await connection.execute(delete(table).where(table.c.call_id == call_id))


async def _said(connection: AsyncConnection, call_id: str) -> tuple[Said, ...]:
    c = transcript_segments.c
    query = select(c.channel, c.start_ms, c.end_ms, c.text).where(c.call_id == call_id).order_by(c.place)
    return tuple(Said(*row) for row in await connection.execute(query))


def _packed(said: Sequence[Said]) -> str:
    return json.dumps([asdict(one) for one in said], ensure_ascii=False)
