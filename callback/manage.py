"""What people do to campaigns beyond :mod:`callback.store`: the diallers are told of it (``NOTIFY callbacks``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import store
from callback.campaign import Campaign, NewCampaign, Rules
from callback.faults import CallbackFault
from callback.tables import callback_targets, campaigns
from callback.words import CampaignState, Kind, Outcome, TargetState, chinese

CHANNEL = "callbacks"
"""NOTIFY channel; the payload is the campaign's id."""


class Act(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    DONE = "done"


_STATES: Mapping[Act, tuple[CampaignState, CampaignState]] = {
    Act.START: (CampaignState.DRAFT, CampaignState.RUNNING),
    Act.PAUSE: (CampaignState.RUNNING, CampaignState.PAUSED),
    Act.RESUME: (CampaignState.PAUSED, CampaignState.RUNNING),
}
_WORDS = {Act.START: "开始", Act.RESUME: "继续", Act.PAUSE: "暂停"}


async def create(connection: AsyncConnection, new: NewCampaign, by: str) -> Campaign:
    """A draft: it rings nobody. Raises CallbackFault."""
    _check_channel(new.kind, new.rules)
    made = await store.create_campaign(connection, new, by)
    await _notify(connection, made.id)
    return made


async def act(connection: AsyncConnection, id: int, do: Act, now: datetime) -> Campaign:
    """Raises CallbackFault ``no_campaign``, ``campaign_state``, ``campaign_over``."""
    found = await _locked(connection, id)
    if do is Act.DONE:
        after = CampaignState.DONE
    else:
        # To start is not to resume: who held a campaign back may not want it begun by somebody else's start.
        before, after = _STATES[do]
        if found.state is not before:
            raise _not_now(found, _WORDS[do])
    changed = await store.set_state(connection, id, after, now)
    await _notify(connection, id)
    return changed


async def edit(connection: AsyncConnection, id: int, rules: Rules) -> Campaign:
    """Other rules, from the next call on. Raises CallbackFault."""
    found = await _locked(connection, id)
    if found.state is CampaignState.DONE:
        raise _not_now(found, "修改")
    _check_channel(found.kind, rules)
    await connection.execute(update(campaigns).where(campaigns.c.id == id).values(rules=rules.model_dump(mode="json")))
    await _notify(connection, id)
    return found.model_copy(update={"rules": rules})


async def discard(connection: AsyncConnection, id: int) -> Campaign:
    """A draft and its list, as if it had never been. Raises CallbackFault."""
    # Those who add to its list are waited for: nobody may be left on it.
    found = await _locked(connection, id, adding=False)
    if found.state is not CampaignState.DRAFT:
        raise _not_now(found, "删除")
    await connection.execute(delete(callback_targets).where(callback_targets.c.campaign_id == id))
    await connection.execute(delete(campaigns).where(campaigns.c.id == id))
    await _notify(connection, id)
    return found


async def _locked(connection: AsyncConnection, id: int, adding: bool = True) -> Campaign:
    """``adding``: others may add to its list meanwhile; they may hold some that are dropped here."""
    await connection.execute(select(campaigns.c.id).where(campaigns.c.id == id).with_for_update(key_share=adding))
    return await store.find_campaign(connection, id)


def _check_channel(kind: Kind, rules: Rules) -> None:
    """What another channel asks for is the rating of a ticket; of the others nobody would be asked anything."""
    if rules.other_channel and kind is not Kind.TICKETS:
        raise CallbackFault("campaign_channel", "其他渠道（other_channel）只用于工单回访（tickets）任务")


def _not_now(campaign: Campaign, what: str) -> CallbackFault:
    return CallbackFault("campaign_state", f"任务“{campaign.name}”现为“{chinese(campaign.state)}”，不能{what}")


async def _notify(connection: AsyncConnection, id: int) -> None:
    await connection.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(id)})


@dataclass(frozen=True, slots=True)
class Person:
    """One of a campaign's list; ``number``: E.164."""

    id: int
    ticket: str | None
    number: str
    state: TargetState
    attempts: int
    outcome: Outcome | None
    reason: str
    due_at: datetime
    next_at: datetime
    updated_at: datetime


async def people(
    connection: AsyncConnection, campaign_id: int, state: TargetState | None = None, after: int = 0, limit: int = 100
) -> list[Person]:
    """In the order in which they came on the list, from behind ``after`` (an id)."""
    mine = callback_targets.c
    query = select(*(mine[name] for name in Person.__slots__))
    query = query.where(mine.campaign_id == campaign_id, mine.id > after).order_by(mine.id).limit(limit)
    if state is not None:
        query = query.where(mine.state == state)
    return [_person(row) for row in await connection.execute(query)]


def _person(row: Row[Any]) -> Person:
    outcome = Outcome(row.outcome) if row.outcome else None
    return Person(**{**row._mapping, "state": TargetState(row.state), "outcome": outcome})
