"""Campaigns 回访任务 in the database: made as drafts, begun, held, ended. Whoever rings is told (``NOTIFY callbacks``).

A draft rings nobody. Ended is for good: who was still waiting is dropped, calls under way go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.campaign import Campaign, NewCampaign, Rules
from callback.tables import callback_targets, campaigns
from callback.words import CampaignState, TargetState, chinese

CHANNEL = "callbacks"
"""NOTIFY channel; the payload is the campaign's id."""
ENDED = "任务已结束"
MAX_LISTED = 1000


class Act(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    DONE = "done"


_S = CampaignState
_ACTS: Mapping[Act, tuple[frozenset[CampaignState], CampaignState]] = {
    Act.START: (frozenset({_S.DRAFT}), _S.RUNNING),
    Act.PAUSE: (frozenset({_S.RUNNING}), _S.PAUSED),
    Act.RESUME: (frozenset({_S.PAUSED}), _S.RUNNING),
    Act.DONE: (frozenset({_S.DRAFT, _S.RUNNING, _S.PAUSED}), _S.DONE),
}


class CampaignFault(Exception):
    """What cannot be done, in Chinese; ``code`` is for programs."""

    code = "campaign"


class NoCampaign(CampaignFault):
    code = "campaign_unknown"

    def __init__(self) -> None:
        super().__init__("没有这个回访任务")


class NameTaken(CampaignFault):
    code = "campaign_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"已有名为“{name}”的回访任务")


class WrongState(CampaignFault):
    code = "campaign_state"

    def __init__(self, campaign: Campaign, what: str) -> None:
        super().__init__(f"回访任务“{campaign.name}”{chinese(campaign.state)}，不能{what}")


_WORDS = {Act.START: "开始", Act.PAUSE: "暂停", Act.RESUME: "继续", Act.DONE: "结束"}


async def create(connection: AsyncConnection, new: NewCampaign, by: str) -> Campaign:
    """A draft. Raises NameTaken, and leaves the transaction usable."""
    values = {**new.model_dump(exclude={"rules"}), "rules": new.rules.model_dump(mode="json"), "created_by": by}
    try:
        async with connection.begin_nested():
            row = (await connection.execute(insert(campaigns).values(values).returning(campaigns))).one()
    except IntegrityError as error:
        raise NameTaken(new.name) from error
    return await _told(connection, row)


async def edit(connection: AsyncConnection, id: int, rules: Rules, name: str | None = None) -> Campaign:
    """New rules, from the next call on. Raises NoCampaign, NameTaken, WrongState when it has ended."""
    before = await get(connection, id, lock=True)
    if before.state is CampaignState.DONE:
        raise WrongState(before, "修改")
    values = {"rules": rules.model_dump(mode="json"), "name": name or before.name}
    change = update(campaigns).where(campaigns.c.id == id).values(values).returning(campaigns)
    try:
        async with connection.begin_nested():
            row = (await connection.execute(change)).one()
    except IntegrityError as error:
        raise NameTaken(values["name"]) from error
    return await _told(connection, row)


async def act(connection: AsyncConnection, id: int, act: Act) -> Campaign:
    """Raises NoCampaign, WrongState."""
    before = await get(connection, id, lock=True)
    allowed, after = _ACTS[act]
    if before.state not in allowed:
        raise WrongState(before, _WORDS[act])
    change = update(campaigns).where(campaigns.c.id == id).values(state=after).returning(campaigns)
    row = (await connection.execute(change)).one()
    if after is CampaignState.DONE:
        mine = callback_targets.c
        await connection.execute(
            update(callback_targets)
            .where(mine.campaign_id == id, mine.state == TargetState.WAITING)
            .values(state=TargetState.DROPPED, reason=ENDED, updated_at=func.now())
        )
    return await _told(connection, row)


async def discard(connection: AsyncConnection, id: int) -> None:
    """A draft and its list, as if it had never been. Raises NoCampaign, WrongState."""
    found = await get(connection, id, lock=True)
    if found.state is not CampaignState.DRAFT:
        raise WrongState(found, "删除")
    await connection.execute(delete(callback_targets).where(callback_targets.c.campaign_id == id))
    await connection.execute(delete(campaigns).where(campaigns.c.id == id))
    await _notify(connection, id)


async def get(connection: AsyncConnection, id: int, *, lock: bool = False) -> Campaign:
    """Raises NoCampaign."""
    query = select(campaigns).where(campaigns.c.id == id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NoCampaign
    return _campaign(row)


async def named(connection: AsyncConnection, name: str) -> Campaign:
    """Raises NoCampaign."""
    row = (await connection.execute(select(campaigns).where(campaigns.c.name == name))).one_or_none()
    if row is None:
        raise NoCampaign
    return _campaign(row)


async def every(connection: AsyncConnection, state: CampaignState | None = None) -> list[Campaign]:
    """The newest first, at most MAX_LISTED."""
    query = select(campaigns).order_by(campaigns.c.id.desc()).limit(MAX_LISTED)
    if state is not None:
        query = query.where(campaigns.c.state == state)
    return [_campaign(row) for row in await connection.execute(query)]


async def people(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[TargetState, int]]:
    """How many are in which state, by campaign."""
    mine = callback_targets.c
    query = select(mine.campaign_id, mine.state, func.count().label("people")).group_by(mine.campaign_id, mine.state)
    found: dict[int, dict[TargetState, int]] = {id: {} for id in ids}
    for row in await connection.execute(query.where(mine.campaign_id.in_(ids))):
        found[row.campaign_id][TargetState(row.state)] = row.people
    return found


def _campaign(row: Row[tuple[object, ...]]) -> Campaign:
    return Campaign.model_validate(dict(row._mapping))


async def _told(connection: AsyncConnection, row: Row[tuple[object, ...]]) -> Campaign:
    found = _campaign(row)
    await _notify(connection, found.id)
    return found


async def _notify(connection: AsyncConnection, id: int) -> None:
    await connection.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(id)})
