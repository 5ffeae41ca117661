"""Who is rung next: an attempt is written down before anybody is rung, and belongs to the dialler that wrote it.

All within the caller's transaction: nobody may be rung before it is committed, and one that dies leaves nothing. Claims
take turns at the trunk's bucket, so that no two of them count the same free lines. Whoever is due and may not be rung
yet is put off to when he may, so that nobody stands in the way of those behind; a call's work is bounded however many
wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.campaign import Campaign
from callback.hours import Hours
from callback.limits import WEEK, allowed_from
from callback.pacing import RECENT, Bucket, Load, Pace, Recent, allowance
from callback.store import TRUNK, campaign_of, lines_in_use
from callback.tables import callback_attempts, callback_targets, campaigns, outbound_pace
from callback.words import CampaignState, Kind, TargetState
from routing.number import NotDialable, dialable
from tickets.words import Obligation

IN_USE_AGAIN = timedelta(minutes=1)
"""Until a number is looked at again that another attempt is under way on, or not yet followed up."""
BEFORE_IT_RINGS = timedelta(seconds=5)
"""At most so long after the claim it is asked for."""
MOST_LOOKED_AT = 200
"""Targets a campaign and claim; a page of them is 20, or as many as may be rung."""
_PAGE = 20
OPTED_OUT, NOT_DIALABLE, GONE = "号码在免打扰名单", "号码无法拨打", "工单已另行办理或评价"
IN_USE, LIMIT_REACHED = "该号码正有另一通回访", "该号码的拨打次数已到上限，稍后再拨"


@dataclass(frozen=True, slots=True)
class Claim:
    """One call to be made, once. ``number``: E.164. ``scale``: the policy's levels, most satisfied first."""

    attempt_id: int
    call_id: str
    number: str
    survey: str
    scale: tuple[str, ...]
    ring_seconds: int
    campaign_id: int
    kind: Kind
    ticket: str | None


async def claim(
    connection: AsyncConnection,
    pace: Pace,
    load: Load,
    now: datetime,
    dialler: str,
    is_working_day: Callable[[date], bool],
    node: str = "",
) -> list[Claim]:
    """As many attempts as may be begun now, of the running campaigns that are open, in turn. ``is_working_day``: see
    :class:`callback.hours.Hours`. ``node``: whose dialler it is. Needs READ COMMITTED, PostgreSQL's default."""
    bucket = await _locked_bucket(connection, pace, now)
    lines = await lines_in_use(connection)
    allowed = allowance(pace, load, sum(lines.values()), bucket, now, await _recent(connection))
    claimed = _Claimed(dialler, now, left=allowed.calls, node=node)
    if claimed.left:
        queues = [
            _Queue(campaign, campaign.rules.max_lines - lines.get(campaign.id, 0))
            for campaign in await _running(connection, now)
            if _may_ring(campaign, is_working_day, now)
        ]
        if queues:
            await connection.execute(_IN_ORDER)
            await _take_turns(connection, queues, claimed)
    rest = allowed.bucket.without(len(claimed.claims))
    saved = update(outbound_pace).where(outbound_pace.c.trunk == TRUNK)
    await connection.execute(saved.values(tokens=rest.tokens, filled_at=rest.filled_at, held_back=allowed.held_back))
    return claimed.claims


def _may_ring(campaign: Campaign, is_working_day: Callable[[date], bool], now: datetime) -> bool:
    """No telephone rings on when its hours are over."""
    longest = BEFORE_IT_RINGS + timedelta(seconds=campaign.rules.ring_seconds)
    hours = Hours(campaign, is_working_day)
    return hours.is_open(now) and hours.is_open(now + longest)


@dataclass(slots=True)
class _Queue:
    """A campaign's turn. ``room``: lines it may still take; ``looks``: targets it may still look at."""

    campaign: Campaign
    room: int
    looks: int = MOST_LOOKED_AT
    empty: bool = False


@dataclass(slots=True)
class _Claimed:
    dialler: str
    now: datetime
    left: int
    node: str
    claims: list[Claim] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)


async def _locked_bucket(connection: AsyncConnection, pace: Pace, now: datetime) -> Bucket:
    """The trunk's, locked until the transaction ends. The first time full, as after any pause."""
    query = select(outbound_pace).where(outbound_pace.c.trunk == TRUNK).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        made = postgresql.insert(outbound_pace).values(trunk=TRUNK, tokens=pace.per_second + 1, filled_at=now)
        await connection.execute(made.on_conflict_do_nothing())
        row = (await connection.execute(query)).one()
    return Bucket(row.tokens, row.filled_at)


async def _recent(connection: AsyncConnection) -> list[Recent]:
    rows = await connection.execute(_RECENT, {"n": RECENT})
    return [Recent(row.claimed_at, row.ended_at, row.failed) for row in rows]


async def _running(connection: AsyncConnection, now: datetime) -> list[Campaign]:
    """Who was served longest ago first. Locked against being paused meanwhile; one that is being changed at this moment
    is passed over."""
    last = select(func.max(callback_attempts.c.id)).where(callback_attempts.c.campaign_id == campaigns.c.id)
    query = select(campaigns).where(campaigns.c.state == CampaignState.RUNNING)
    order = last.scalar_subquery().asc().nulls_first()
    locked = query.order_by(order, campaigns.c.id).with_for_update(read=True, skip_locked=True, of=campaigns)
    return [campaign_of(row) for row in await connection.execute(locked)]


async def _take_turns(connection: AsyncConnection, queues: Iterable[_Queue], claimed: _Claimed) -> None:
    """Equal shares; what one does not use goes to the others."""
    waiting = [queue for queue in queues if queue.room > 0]
    while claimed.left and waiting:
        share = -(-claimed.left // len(waiting))
        for queue in waiting:
            await _take(connection, queue, min(share, claimed.left, queue.room), claimed)
        waiting = [queue for queue in waiting if queue.room > 0 and queue.looks > 0 and not queue.empty]


async def _take(connection: AsyncConnection, queue: _Queue, wanted: int, claimed: _Claimed) -> None:
    while wanted > 0 and queue.looks > 0 and not queue.empty:
        size = min(max(wanted, _PAGE), queue.looks)
        page = await _due(connection, queue.campaign, claimed.now, size)
        queue.empty = len(page) < size
        queue.looks -= len(page)
        chosen: list[Row[Any]] = []
        later: list[dict[str, Any]] = []
        for row in page:
            if len(chosen) == wanted:
                queue.empty = False
                break
            put_off = _put_off(row, queue.campaign, claimed)
            if put_off is None:
                chosen.append(row)
                claimed.numbers.add(row.number)
            else:
                later.append({"target": row.id, "at": claimed.now} | put_off)
        await _move_on(connection, later)
        claimed.claims += await _write(connection, queue.campaign, chosen, claimed)
        wanted -= len(chosen)
        claimed.left -= len(chosen)
        queue.room -= len(chosen)


def _put_off(row: Row[Any], campaign: Campaign, claimed: _Claimed) -> dict[str, Any] | None:
    """What is changed of a target that may not be rung now; None: it may."""
    now, rules = claimed.now, campaign.rules
    if row.gone:
        return _ended(row, TargetState.DROPPED, GONE) | {"ended": False}
    if row.listed:
        return _ended(row, TargetState.OPTED_OUT, OPTED_OUT)
    try:
        dialable(row.number)
    except NotDialable:
        return _ended(row, TargetState.DROPPED, NOT_DIALABLE)
    if row.in_use or row.number in claimed.numbers:
        return _later(now + IN_USE_AGAIN, IN_USE)
    allowed = allowed_from(row.rung, rules.per_day, rules.per_week, now)
    return _later(allowed, LIMIT_REACHED) if allowed > now else None


def _ended(row: Row[Any], state: TargetState, why: str) -> dict[str, Any]:
    return {"state": state, "next": row.next_at, "why": why, "ended": True}


def _later(at: datetime, why: str) -> dict[str, Any]:
    return {"state": TargetState.WAITING, "next": at, "why": why, "ended": False}


async def _due(connection: AsyncConnection, campaign: Campaign, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """The first in its queue, with what decides whether they may be rung; locked, and none that somebody else holds."""
    return (
        await connection.execute(_DUE, {"campaign": campaign.id, "now": now, "since": now - WEEK, "n": limit})
    ).all()


async def _move_on(connection: AsyncConnection, later: list[dict[str, Any]]) -> None:
    if later:
        await connection.execute(_MOVE_ON, later)


async def _write(
    connection: AsyncConnection, campaign: Campaign, chosen: Sequence[Row[Any]], claimed: _Claimed
) -> list[Claim]:
    if not chosen:
        return []
    ids = (await connection.execute(_IDS, {"n": len(chosen)})).scalars().all()
    epoch = int(claimed.now.timestamp())
    claims = [
        Claim(
            attempt_id=id,
            call_id=f"cb-{epoch}.{id}",
            number=row.number,
            survey=campaign.survey,
            scale=tuple(row.scale),
            ring_seconds=campaign.rules.ring_seconds,
            campaign_id=campaign.id,
            kind=campaign.kind,
            ticket=row.ticket,
        )
        for id, row in zip(ids, chosen, strict=True)
    ]
    fixed = {"campaign_id": campaign.id, "dialler": claimed.dialler, "claimed_at": claimed.now, "node": claimed.node}
    rows = [
        fixed | {"id": one.attempt_id, "target_id": row.id, "number": one.number, "call_id": one.call_id}
        for one, row in zip(claims, chosen, strict=True)
    ]
    await connection.execute(insert(callback_attempts), rows)
    calling = update(callback_targets).where(callback_targets.c.id.in_([row.id for row in chosen]))
    await connection.execute(calling.values(state=TargetState.CALLING, reason="", updated_at=claimed.now))
    return claims


# Along the index of those who are due, and not all of them sorted each time, which is what the planner thinks best of a
# list that has just been read in.
_IN_ORDER = text(
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_sort', 'enable_bitmapscan', 'enable_seqscan']) name"
)
# Of those that the network refused, and those who were rung and could not be asked. NULL: that says nothing.
_RECENT = text(
    "SELECT claimed_at, ended_at, CASE WHEN outcome IN ('not_dialled', 'unknown') THEN NULL"
    "  WHEN outcome = 'answered' THEN NOT coalesce((result->>'asked')::boolean, false)"
    "  ELSE outcome = 'congestion' END AS failed"
    " FROM callback_attempts ORDER BY id DESC LIMIT :n"
)
_IDS = text("SELECT nextval(pg_get_serial_sequence('callback_attempts', 'id')) FROM generate_series(1, :n)")
ABOUT = "t.number || '/' || coalesce(t.life->>'completions', '0')"
"""What a citizen is rung about whose ticket ``t`` is: each completion anew."""
STILL_TO_ASK = (
    "t.state = 'reviewed' AND NOT t.confidential AND t.duplicate_of IS NULL AND t.life->>'rating' IS NULL"
    " AND NOT coalesce((t.life->>'called_back')::boolean, false)"
    f" AND NOT coalesce(t.life->'obligations' ? '{Obligation.MANUAL_CALLBACK}', false)"
)
"""Of a ticket ``t``."""
_DUE = text(
    "SELECT c.id, c.number, c.scale, c.ticket, c.next_at,"
    f" EXISTS (SELECT FROM tickets t WHERE t.number = c.ticket AND NOT ({STILL_TO_ASK} AND {ABOUT} = c.about)) AS gone,"
    " EXISTS (SELECT FROM do_not_call d WHERE d.number = c.number) AS listed,"
    " EXISTS (SELECT FROM callback_attempts o WHERE o.number = c.number AND NOT o.applied) AS in_use,"
    " ARRAY(SELECT r.claimed_at FROM callback_attempts r WHERE r.number = c.number AND r.claimed_at > :since"
    "  AND r.outcome IS DISTINCT FROM 'not_dialled') AS rung"
    " FROM (SELECT id, about, number, scale, ticket, next_at, due_at FROM callback_targets"
    "  WHERE campaign_id = :campaign AND state = 'waiting' AND next_at <= :now"
    "  ORDER BY next_at, due_at, id LIMIT :n FOR UPDATE SKIP LOCKED) c"
    " ORDER BY c.next_at, c.due_at, c.id"
)
_MOVE_ON = text(
    "UPDATE callback_targets SET state = :state, next_at = :next, reason = :why, updated_at = :at,"
    " to_tell = :ended AND ticket IS NOT NULL WHERE id = :target"
)
