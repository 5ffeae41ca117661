"""Campaigns and whom they ring, in the database; each function within the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, and_, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.campaign import Campaign, NewCampaign, Rules
from callback.faults import CallbackFault
from callback.tables import callback_attempts, callback_targets, campaigns, outbound_pace
from callback.words import CampaignState, Kind, TargetState, chinese
from tickets.number import ticket_day

TRUNK = "outbound"
"""The one whose bucket is in ``outbound_pace``."""
ENDED = "任务已结束"
_AT_ONCE = 1_000
ENDED_AT_ONCE = 5_000
AHEAD = timedelta(minutes=1)
"""What was written by a clock so far ahead was written by a wrong one."""
_NEXT: dict[CampaignState, tuple[CampaignState, ...]] = {
    CampaignState.DRAFT: (CampaignState.RUNNING,),
    CampaignState.RUNNING: (CampaignState.PAUSED, CampaignState.DONE),
    CampaignState.PAUSED: (CampaignState.RUNNING, CampaignState.DONE),
    CampaignState.DONE: (),
}


@dataclass(frozen=True, slots=True)
class NewTarget:
    """``about``: what the person is rung about, once in a campaign. ``number``: E.164. ``scale``: the policy's levels,
    most satisfied first. ``article``: behind it. ``due_at``: the earlier, the sooner. ``reason``: why it will not be
    rung after all."""

    about: str
    number: str
    due_at: datetime
    ticket: str | None = None
    scale: tuple[str, ...] = ()
    article: str = ""
    reason: str = ""


async def create_campaign(connection: AsyncConnection, new: NewCampaign, created_by: str) -> Campaign:
    """As a draft. Raises CallbackFault ``campaign_name`` when there is one of that name."""
    row = new.model_dump(include={"name", "kind", "survey", "starts_on", "ends_on"})
    row |= {"rules": new.rules.model_dump(mode="json"), "created_by": created_by}
    made = insert(campaigns).values(row).on_conflict_do_nothing(index_elements=["name"]).returning(campaigns)
    found = (await connection.execute(made)).one_or_none()
    if found is None:
        raise CallbackFault("campaign_name", f"已有名为“{new.name}”的回访任务")
    return campaign_of(found)


async def find_campaign(connection: AsyncConnection, campaign: int | str) -> Campaign:
    """By id or by name. Raises CallbackFault ``no_campaign``."""
    column = campaigns.c.id if isinstance(campaign, int) else campaigns.c.name
    row = (await connection.execute(select(campaigns).where(column == campaign))).one_or_none()
    if row is None:
        raise _no_campaign(campaign)
    return campaign_of(row)


async def list_campaigns(connection: AsyncConnection, states: Collection[CampaignState] = ()) -> list[Campaign]:
    """In the order they were made; of any state where none is named."""
    query = select(campaigns).order_by(campaigns.c.id)
    if states:
        query = query.where(campaigns.c.state.in_(states))
    return [campaign_of(row) for row in await connection.execute(query)]


async def set_state(connection: AsyncConnection, campaign_id: int, state: CampaignState, now: datetime) -> Campaign:
    """draft → running ⇄ paused → done, and running → done. Returns once no claim is under way that saw the old state.

    When it is done, nobody who waits is rung any more; where they are very many, the worker goes on dropping them
    (:func:`drop_ended`). Raises CallbackFault ``no_campaign``; ``campaign_state``; ``campaign_over`` where it would run
    after its last day.
    """
    # Not against those who add targets: they may hold some that are dropped here.
    locked = select(campaigns).where(campaigns.c.id == campaign_id).with_for_update(key_share=True)
    row = (await connection.execute(locked)).one_or_none()
    if row is None:
        raise _no_campaign(campaign_id)
    before = campaign_of(row)
    if state not in _NEXT[before.state]:
        raise CallbackFault(
            "campaign_state", f"任务“{before.name}”现为“{chinese(before.state)}”，不能改为“{chinese(state)}”"
        )
    if state is CampaignState.RUNNING and before.ends_on is not None and before.ends_on < ticket_day(now):
        raise CallbackFault("campaign_over", f"任务“{before.name}”的结束日期 {before.ends_on} 已过")
    await connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(state=state))
    if state is CampaignState.DONE:
        await drop_ended(connection, now, campaign_id)
    return before.model_copy(update={"state": state})


async def drop_ended(connection: AsyncConnection, now: datetime, campaign_id: int | None = None) -> int:
    """Some of those who wait in campaigns that are done, of one or of all. Returns how many; 0: nobody is left."""
    target = callback_targets.c
    done = select(campaigns.c.id).where(campaigns.c.state == CampaignState.DONE)
    which = target.campaign_id.in_(done) if campaign_id is None else target.campaign_id == campaign_id
    waiting = select(target.id).where(which, target.state == TargetState.WAITING)
    some = waiting.limit(ENDED_AT_ONCE).with_for_update(skip_locked=True).cte()
    dropped = update(callback_targets).where(target.id.in_(select(some.c.id)))
    result = await connection.execute(dropped.values(state=TargetState.DROPPED, reason=ENDED, updated_at=now))
    return result.rowcount


async def bring_back(connection: AsyncConnection, now: datetime) -> int:
    """After the clock was set back: whoever was put off by the wrong time, for years perhaps, may be rung. Returns how
    many there were."""
    target = callback_targets.c
    wrong = update(callback_targets).where(target.state == TargetState.WAITING, target.updated_at > now + AHEAD)
    return (await connection.execute(wrong.values(next_at=now, updated_at=now))).rowcount


async def end_past_campaigns(connection: AsyncConnection, now: datetime) -> list[Campaign]:
    """Those whose last day is over become done; returns them."""
    query = select(campaigns.c.id).where(
        campaigns.c.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)), campaigns.c.ends_on < ticket_day(now)
    )
    locked = query.order_by(campaigns.c.id).with_for_update(key_share=True)
    past = (await connection.execute(locked)).scalars().all()
    return [await set_state(connection, one, CampaignState.DONE, now) for one in past]


async def add_targets(
    connection: AsyncConnection, campaign_id: int, new: Iterable[NewTarget], next_at: datetime
) -> int:
    """How many were new: whom the campaign has already (``about``) stays as it is. ``next_at``: when it opens next
    (:meth:`callback.hours.Hours.next_open`), so that those planned while it is closed are rung in the order of
    ``due_at``. A number that is not E.164 is refused by the database."""
    fixed = {"campaign_id": campaign_id, "next_at": next_at}
    rows = [
        fixed
        | {"about": one.about, "number": one.number, "due_at": one.due_at, "ticket": one.ticket}
        | {"scale": list(one.scale), "article": one.article, "reason": one.reason}
        for one in new
    ]
    count = 0
    for start in range(0, len(rows), _AT_ONCE):
        made = insert(callback_targets).values(rows[start : start + _AT_ONCE])
        once = made.on_conflict_do_nothing(index_elements=["campaign_id", "about"])
        # Of many rows in one statement the driver tells no count.
        count += len((await connection.execute(once.returning(callback_targets.c.id))).all())
    return count


async def drop_waiting(
    connection: AsyncConnection, campaign_id: int, abouts: Collection[str], reason: str, now: datetime
) -> int:
    """Whoever of ``abouts`` still waits is not rung any more, such as when the ticket went another way."""
    table = callback_targets
    dropped = update(table).where(
        table.c.campaign_id == campaign_id, table.c.about.in_(abouts), table.c.state == TargetState.WAITING
    )
    result = await connection.execute(dropped.values(state=TargetState.DROPPED, reason=reason, updated_at=now))
    return result.rowcount


@dataclass(frozen=True, slots=True)
class Progress:
    """``targets``: how many there are in each state (none: left out); ``due``: of those who wait, may be rung now.
    ``lines``: calls under way."""

    campaign: Campaign
    targets: dict[TargetState, int] = field(default_factory=dict)
    due: int = 0
    lines: int = 0


async def progress(connection: AsyncConnection, found: Collection[Campaign], now: datetime) -> list[Progress]:
    """How far each has come, in the order given."""
    ids = [campaign.id for campaign in found]
    target = callback_targets.c
    due = func.count(case((and_(target.state == TargetState.WAITING, target.next_at <= now), 1)))
    counted = select(target.campaign_id, target.state, func.count().label("people"), due.label("due"))
    counts = await connection.execute(
        counted.where(target.campaign_id.in_(ids)).group_by(target.campaign_id, target.state)
    )
    states: dict[int, dict[TargetState, int]] = {one: {} for one in ids}
    ready: Counter[int] = Counter()
    for row in counts:
        states[row.campaign_id][TargetState(row.state)] = row.people
        ready[row.campaign_id] += row.due
    lines = await lines_in_use(connection)
    return [Progress(one, states[one.id], ready[one.id], lines.get(one.id, 0)) for one in found]


async def lines_in_use(connection: AsyncConnection) -> dict[int, int]:
    """Calls that hold a line, or may hold one, by campaign."""
    attempt = callback_attempts.c
    query = select(attempt.campaign_id, func.count().label("lines")).where(attempt.freed_at.is_(None))
    return {row.campaign_id: row.lines for row in await connection.execute(query.group_by(attempt.campaign_id))}


async def free(connection: AsyncConnection, call_ids: Collection[str], at: datetime) -> None:
    """Their lines are in use no more. Says nothing of what came of them (:mod:`callback.attempts`)."""
    table = callback_attempts
    freed = update(table).where(table.c.call_id.in_(call_ids), table.c.freed_at.is_(None))
    await connection.execute(freed.values(freed_at=at))


async def held_back(connection: AsyncConnection) -> str:
    """By what no call, or fewer, were begun when it was looked last (:class:`callback.pacing.Allowance`)."""
    query = select(outbound_pace.c.held_back).where(outbound_pace.c.trunk == TRUNK)
    return (await connection.execute(query)).scalar_one_or_none() or ""


def campaign_of(row: Row[tuple[object, ...]]) -> Campaign:
    found = row._mapping
    return Campaign(
        id=found["id"],
        name=found["name"],
        kind=Kind(found["kind"]),
        survey=found["survey"],
        state=CampaignState(found["state"]),
        starts_on=found["starts_on"],
        ends_on=found["ends_on"],
        rules=Rules.model_validate(found["rules"]),
        created_by=found["created_by"],
        created_at=found["created_at"],
    )


def _no_campaign(campaign: int | str) -> CallbackFault:
    return CallbackFault("no_campaign", f"没有这个回访任务：{campaign}")
