"""Malicious callers 恶意来电: numbers that are told so and let go, until a day, by a person and for a reason. What
repeats itself is found and proposed; a person decides. In the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import Alert, raise_alerts
from line.faults import LineFault
from line.tables import barred_callers
from routing.number import normalise

LONGEST = timedelta(days=366)
PROPOSED_FOR = timedelta(days=30)
"""What a proposal asks for, and how long it stands."""
WITHIN = timedelta(days=1)
MAX_PROPOSED = 20
"""At one look: with more at once something else is wrong."""
BY_ITSELF = "system"
ALERT = "repeat_caller"


@dataclass(frozen=True, slots=True)
class Entry:
    """``number``: E.164. ``proposed``: found by itself; unless lifted, nobody has decided yet."""

    id: int
    number: str
    reason: str
    by: str
    at: datetime
    until: datetime
    proposed: bool
    lifted_at: datetime | None
    lifted_by: str


@dataclass(frozen=True, slots=True)
class Repeats:
    """From ``calls`` on within a day, each shorter than ``seconds`` or ended by an agent, a caller is proposed."""

    calls: int
    seconds: int


async def add(connection: AsyncConnection, number: str, reason: str, until: datetime, by: str, at: datetime) -> Entry:
    """Also what was proposed. ``number``: E.164. Raises LineFault ``number``, ``until``, ``already``."""
    if normalise(number).e164 != number:
        raise LineFault("number", "号码须为国际格式，如 +8613900000001")
    _check_until(until, at)
    await _lapse(connection, at, number)
    row = await _live(connection, number)
    if row is not None and not row.proposed:
        raise LineFault("already", f"{number} 已在名单中（{row.barred_by}：{row.reason}）")
    if row is not None:
        return await decide(connection, row.id, bar=True, reason=reason, until=until, by=by, at=at)
    values = {"number": number, "reason": reason, "barred_by": by, "barred_at": at, "until": until}
    made = insert(barred_callers).values(values).returning(barred_callers)
    return _of((await connection.execute(made)).one())


async def lift(connection: AsyncConnection, id: int, by: str, at: datetime) -> Entry:
    """Raises LineFault ``unknown`` for what is not in force."""
    c = barred_callers.c
    change = update(barred_callers).where(c.id == id, ~c.proposed, c.lifted_at.is_(None), c.until > at)
    row = (await connection.execute(change.values(lifted_at=at, lifted_by=by).returning(barred_callers))).one_or_none()
    if row is None:
        raise LineFault("unknown", f"名单中没有 {id}")
    return _of(row)


async def decide(
    connection: AsyncConnection,
    id: int,
    *,
    bar: bool,
    by: str,
    at: datetime,
    until: datetime | None = None,
    reason: str = "",
) -> Entry:
    """About a proposal. Without ``until`` and ``reason``, as proposed. Raises LineFault ``unknown``, ``until``."""
    if until is not None:
        _check_until(until, at)
    c = barred_callers.c
    open_one = update(barred_callers).where(c.id == id, c.proposed, c.lifted_at.is_(None), c.until > at)
    values: dict[str, Any] = {"lifted_at": at, "lifted_by": by}
    if bar:
        values = {"proposed": False, "barred_by": by, "barred_at": at}
        values |= {"until": until} if until is not None else {}
        values |= {"reason": reason} if reason else {}
    row = (await connection.execute(open_one.values(values).returning(barred_callers))).one_or_none()
    if row is None:
        raise LineFault("unknown", f"没有待定的建议 {id}")
    return _of(row)


async def find_live(connection: AsyncConnection, number: str, at: datetime) -> Entry | None:
    """In force or proposed."""
    row = await _live(connection, number)
    return None if row is None or row.until <= at else _of(row)


async def in_force(connection: AsyncConnection, number: str, at: datetime) -> Entry | None:
    """What a person has decided; only looked at."""
    c = barred_callers.c
    query = select(barred_callers).where(c.number == number, c.lifted_at.is_(None), ~c.proposed, c.until > at)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _of(row)


async def page(
    connection: AsyncConnection,
    at: datetime,
    *,
    proposed: bool = False,
    over: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Newest first. ``proposed``: what waits for a decision, instead of what is in force; ``over``: also what was."""
    c = barred_callers.c
    query = select(barred_callers).order_by(c.id.desc()).limit(limit)
    if not over:
        query = query.where(c.lifted_at.is_(None), c.until > at)
    if proposed or not over:
        query = query.where(c.proposed == proposed)
    if before is not None:
        query = query.where(c.id < before)
    return [_of(row) for row in await connection.execute(query)]


# Callers who waited in vain, and whom we rang, are not counted: that is because of us. What was decided about a number
# is not asked again because of the calls before that.
_REPEATED = text(
    "SELECT c.caller_e164 AS number, count(*) AS calls, count(*) FILTER (WHERE c.hangup_by LIKE 'agent %') AS by_agents"
    " FROM calls c WHERE c.arrived_at > :since AND c.caller_e164 IS NOT NULL AND c.answered_at IS NOT NULL"
    " AND c.ended_at IS NOT NULL AND c.via NOT IN ('callback', 'outgoing', 'place', 'emergency') AND c.emergency = ''"
    " AND NOT c.missed AND NOT c.informed AND c.message_file = '' AND c.decided_by <> 'barred'"
    " AND (c.ended_at < c.answered_at + make_interval(secs => :seconds) OR c.hangup_by LIKE 'agent %')"
    " AND NOT EXISTS (SELECT FROM barred_callers b WHERE b.number = c.caller_e164"
    " AND (b.lifted_at IS NULL OR GREATEST(b.barred_at, b.lifted_at) >= c.arrived_at))"
    " GROUP BY c.caller_e164 HAVING count(*) >= :calls ORDER BY count(*) DESC, c.caller_e164 LIMIT :most"
)


async def propose(connection: AsyncConnection, rules: Repeats, at: datetime) -> list[Entry]:
    """What is new; each is an alert, too."""
    await _lapse(connection, at)
    values = {"since": at - WITHIN, "seconds": rules.seconds, "calls": rules.calls, "most": MAX_PROPOSED}
    found = (await connection.execute(_REPEATED, values)).all()
    made = [
        {
            "number": row.number,
            "reason": f"24 小时内 {row.calls} 次短时或被座席挂断的来电（其中座席挂断 {row.by_agents} 次）",
            "proposed": True,
            "barred_by": BY_ITSELF,
            "barred_at": at,
            "until": at + PROPOSED_FOR,
        }
        for row in found
    ]
    if not made:
        return []
    put = insert(barred_callers).on_conflict_do_nothing().returning(barred_callers)
    new = [_of(row) for row in await connection.execute(put, made)]
    await raise_alerts(connection, [_alert(one) for one in new])
    return new


def _alert(one: Entry) -> Alert:
    words = f"疑似恶意来电（尾号 {one.number[-4:]}）：{one.reason}，请决定是否列入名单"
    return Alert(ALERT, str(one.id), words, data={"entry": str(one.id)})


async def _lapse(connection: AsyncConnection, at: datetime, number: str | None = None) -> None:
    """What has run out makes room: a number has one live entry."""
    c = barred_callers.c
    change = update(barred_callers).where(c.lifted_at.is_(None), c.until <= at)
    if number is not None:
        change = change.where(c.number == number)
    await connection.execute(change.values(lifted_at=c.until))


async def _live(connection: AsyncConnection, number: str) -> Row[Any] | None:
    c = barred_callers.c
    query = select(barred_callers).where(c.number == number, c.lifted_at.is_(None)).with_for_update()
    return (await connection.execute(query)).one_or_none()


def _check_until(until: datetime, at: datetime) -> None:
    if not at < until <= at + LONGEST:
        raise LineFault("until", f"到期时间须晚于现在，最长 {LONGEST.days} 天")


def _of(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        number=row.number,
        reason=row.reason,
        by=row.barred_by,
        at=row.barred_at,
        until=row.until,
        proposed=row.proposed,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
    )
