"""What may go and what must stay: holds on recordings, and the erasure of one. All functions work inside the caller's
transaction. The files themselves are removed after it (:func:`to_remove`), so that none goes without a record of why.

Whoever erases and whoever holds take turns at a lock: a hold that is set while a recording is being erased comes either
before, and the recording stays, or after, and is told that it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import transcripts
from calls.recording_files import Kept, kept_of
from calls.store import forget_words
from calls.tables import recording_holds, recordings

ERASED = "erased"
OVER = "保存期满"
"""Reason of what nobody decided but the rules."""
MAX_REASON = 200
_LOCK = 12_345_008


class KeepingFault(Exception):
    """``code``: unknown, held, erased, under_way, not_held. The text is Chinese, for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Hold:
    """``ticket`` empty: of the call alone. ``lifted_at`` None: it holds."""

    id: int
    call_id: str
    ticket: str
    reason: str
    by: str
    at: datetime
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """``state``: pending, done, missing, failed, none, erased. ``file``: the raw file's name, below the recordings
    folder; ``kept``: what the row says is there. ``seconds``: of the call's sound. ``tickets``: that it belongs to.
    """

    call_id: str
    state: str
    reason: str
    file: str
    kept: tuple[Kept, ...]
    seconds: float | None
    keep_class: str
    erased_at: datetime | None
    erased_by: str
    arrived_at: datetime | None
    ended_at: datetime | None
    tickets: tuple[str, ...] = ()
    held: bool = False


# A call's own holds and those of its tickets. OFFSET 0: for this call alone, not for all that there are.
_TICKETS = "(SELECT m.number FROM call_tickets m WHERE m.call_id = r.call_id OFFSET 0)"
_HELD = (
    "EXISTS (SELECT 1 FROM recording_holds h WHERE h.lifted_at IS NULL AND h.call_id = r.call_id) OR"
    f" EXISTS (SELECT 1 FROM {_TICKETS} m JOIN recording_holds h ON h.ticket = m.number AND h.lifted_at IS NULL)"
)
# The other way round: from the holds to the calls.
_HELD_CALLS = (
    "SELECT h.call_id FROM recording_holds h WHERE h.lifted_at IS NULL AND h.call_id IS NOT NULL UNION"
    " SELECT o.call_id FROM recording_holds h CROSS JOIN LATERAL ("
    "SELECT h.ticket AS number UNION SELECT number FROM tickets WHERE duplicate_of = h.ticket OR parent = h.ticket"
    " UNION SELECT parent FROM tickets WHERE number = h.ticket AND parent IS NOT NULL) m CROSS JOIN LATERAL ("
    "SELECT o.call_id FROM call_own_tickets o WHERE o.number = m.number OFFSET 0) o"
    " WHERE h.lifted_at IS NULL AND h.ticket IS NOT NULL"
)
HELD = text(f"SELECT r.call_id FROM unnest(CAST(:calls AS text[])) AS r(call_id) WHERE {_HELD}")
_COLUMNS = (
    "r.call_id, r.state, r.reason, r.file, r.path, r.sha256, r.bytes, r.key_id, r.clips, r.seconds, r.keep_class,"
    " r.erased_at, r.erased_by, c.arrived_at, c.ended_at,"
    " ARRAY(SELECT DISTINCT o.number FROM call_own_tickets o WHERE o.call_id = r.call_id ORDER BY o.number) AS tickets,"
    f" ({_HELD}) AS held"
)
_FROM = f"SELECT {_COLUMNS} FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"
_OF_TICKET = (
    "(SELECT o.call_id FROM call_own_tickets o WHERE o.number IN (SELECT CAST(:ticket AS text)"
    " UNION SELECT number FROM tickets WHERE duplicate_of = :ticket OR parent = :ticket"
    " UNION SELECT parent FROM tickets WHERE number = :ticket AND parent IS NOT NULL))"
)
_OF_CALL = text(
    "SELECT h.* FROM recording_holds h, (SELECT CAST(:call AS text) AS call_id) r"
    " WHERE h.call_id = r.call_id OR h.ticket IN (SELECT t.number FROM call_tickets t WHERE t.call_id = r.call_id)"
    " ORDER BY h.id"
)


async def find(connection: AsyncConnection, call_id: str, *, lock: bool = False) -> Recording:
    """Raises KeepingFault ``unknown``."""
    query = _FROM + " WHERE r.call_id = :call" + (" FOR UPDATE OF r" if lock else "")
    row = (await connection.execute(text(query), {"call": call_id})).one_or_none()
    if row is None:
        raise KeepingFault("unknown", f"来电 {call_id} 没有录音记录")
    return _recording(row)


async def list_recordings(
    connection: AsyncConnection,
    *,
    limit: int,
    calls: Sequence[str] = (),
    ticket: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    state: str = "",
    held: bool = False,
    after: str = "",
) -> list[Recording]:
    """In the order of the calls' ids; the next page begins ``after`` the last. ``since``, ``until``: of the arrival."""
    asked: dict[str, Any] = {"limit": limit, "after": after}
    where = ["r.call_id > :after"]
    for given, name, condition in (
        (list(calls), "calls", "r.call_id = ANY(:calls)"),
        (ticket, "ticket", f"r.call_id IN {_OF_TICKET}"),
        (since, "since", "c.arrived_at >= :since"),
        (until, "until", "c.arrived_at < :until"),
        (state, "state", "r.state = :state"),
    ):
        if given:
            asked[name] = given
            where.append(condition)
    if held:
        where.append(f"r.call_id IN ({_HELD_CALLS})")
    query = f"{_FROM} WHERE {' AND '.join(where)} ORDER BY r.call_id LIMIT :limit"
    return [_recording(row) for row in await connection.execute(text(query), asked)]


async def holds_of(connection: AsyncConnection, call_id: str) -> list[Hold]:
    """Of the call and of its tickets, lifted ones too."""
    return [_hold(row) for row in await connection.execute(_OF_CALL, {"call": call_id})]


async def hold(
    connection: AsyncConnection, *, call_id: str = "", ticket: str = "", reason: str, by: str, at: datetime
) -> int:
    """On a call, or on all calls that a ticket has or will have. Returns how many recordings of it there are.

    Whether the ticket is there is the caller's question. Raises KeepingFault ``unknown``, ``erased``.
    """
    await _take_turn(connection)
    if call_id:
        found = await find(connection, call_id)
        if found.state == ERASED:
            raise KeepingFault("erased", f"来电 {call_id} 的录音已删除，无法留存")
        count = 1
    else:
        query = text(f"SELECT count(*) FROM recordings WHERE state <> 'erased' AND call_id IN {_OF_TICKET}")
        count = await connection.scalar(query, {"ticket": ticket}) or 0
    values = {"call_id": call_id or None, "ticket": ticket or None, "reason": reason[:MAX_REASON], "by": by, "at": at}
    await connection.execute(insert(recording_holds).values(values))
    return count


async def release(
    connection: AsyncConnection, *, call_id: str = "", ticket: str = "", reason: str, by: str, at: datetime
) -> int:
    """Lifts the holds that were set on the call, or on the ticket; not those of the other. Returns how many.

    Raises KeepingFault ``not_held``.
    """
    c = recording_holds.c
    of = c.call_id == call_id if call_id else c.ticket == ticket
    values = {"lifted_at": at, "lifted_by": by, "lift_reason": reason[:MAX_REASON]}
    done = await connection.execute(update(recording_holds).where(of, c.lifted_at.is_(None)).values(values))
    if not done.rowcount:
        what = f"来电 {call_id}" if call_id else f"工单 {ticket}"
        raise KeepingFault("not_held", f"{what} 没有生效的留存")
    return done.rowcount


async def erase(
    connection: AsyncConnection, call_ids: Sequence[str], *, reason: str, by: str, at: datetime
) -> list[Recording]:
    """What was recorded and what was understood of it, for good: state ``erased``, the words out of the transcript and
    the call's lines. Those that are held, erased, or of a call under way are left out. Returns those that were erased,
    as they were. The files go when the transaction has ended."""
    await _take_turn(connection)
    query = text(
        f"{_FROM} WHERE r.call_id = ANY(:calls) AND r.state <> 'erased' AND (c.id IS NULL OR c.ended_at IS NOT NULL)"
        f" AND NOT ({_HELD}) ORDER BY r.call_id FOR UPDATE OF r"
    )
    found = [_recording(row) for row in await connection.execute(query, {"calls": list(call_ids)})]
    values = {
        "state": ERASED,
        "reason": reason[:MAX_REASON],
        "erased_at": at,
        "erased_by": by,
        "unremoved": recordings.c.file != "",
        "path": "",
        "clips": [],
        "key_id": "",
    }
    gone = [one.call_id for one in found]
    await connection.execute(update(recordings).where(recordings.c.call_id.in_(gone)).values(values))
    for call_id in gone:
        if not await transcripts.delete_one(connection, call_id):
            await forget_words(connection, call_id)
    return found


async def erase_one(connection: AsyncConnection, call_id: str, *, reason: str, by: str, at: datetime) -> Recording:
    """On a person's decision. Raises KeepingFault ``unknown``, ``held``, ``erased``, ``under_way``."""
    done = await erase(connection, [call_id], reason=reason, by=by, at=at)
    if done:
        return done[0]
    found = await find(connection, call_id)
    if found.state == ERASED:
        raise KeepingFault("erased", f"来电 {call_id} 的录音已删除")
    if found.held:
        raise await _held(connection, call_id)
    raise KeepingFault("under_way", f"来电 {call_id} 尚未结束")


async def check_free(connection: AsyncConnection, call_id: str) -> None:
    """Nothing of the call is held, and will not be until the transaction ends. Raises KeepingFault ``held``."""
    await _take_turn(connection)
    if await connection.scalar(HELD, {"calls": [call_id]}):
        raise await _held(connection, call_id)


async def to_remove(connection: AsyncConnection, limit: int, node: str = "") -> list[tuple[str, str]]:
    """Call and raw file's name of those of a node that are erased, and whose files are still there."""
    c = recordings.c
    query = select(c.call_id, c.file).where(c.unremoved, c.node == node).order_by(c.call_id).limit(limit)
    return [(row.call_id, row.file) for row in await connection.execute(query)]


async def removed(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    c = recordings.c
    await connection.execute(update(recordings).where(c.call_id.in_(list(call_ids))).values(unremoved=False))


async def _held(connection: AsyncConnection, call_id: str) -> KeepingFault:
    why = "；".join(f"{one.by}：{one.reason}" for one in await holds_of(connection, call_id) if not one.lifted_at)
    return KeepingFault("held", f"来电 {call_id} 的录音依法留存，不得删除（{why}）")


async def _take_turn(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _recording(row: Any) -> Recording:
    return Recording(
        call_id=row.call_id,
        state=row.state,
        reason=row.reason,
        file=row.file,
        kept=tuple(kept_of(row.path, row.sha256, row.bytes, row.key_id, row.clips)),
        seconds=row.seconds,
        keep_class=row.keep_class,
        erased_at=row.erased_at,
        erased_by=row.erased_by,
        arrived_at=row.arrived_at,
        ended_at=row.ended_at,
        tickets=tuple(row.tickets),
        held=row.held,
    )


def _hold(row: Any) -> Hold:
    return Hold(
        row.id,
        row.call_id or "",
        row.ticket or "",
        row.reason,
        row.by,
        row.at,
        row.lifted_at,
        row.lifted_by,
        row.lift_reason,
    )
