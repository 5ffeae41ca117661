"""A campaign as it is planned: the draft, who is on its list, and how many of them will be rung."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import manage, store
from callback.campaign import Campaign, NewCampaign
from callback.claim import NOT_DIALABLE
from callback.faults import CallbackFault
from callback.hours import Hours
from callback.number_file import Numbers
from callback.plan import plan
from callback.store import NewTarget
from callback.words import CampaignState, Kind
from tickets.number import ticket_day
from tickets.rulebook import Rulebook

MAX_RUNS = 500
"""Of the planning, each of which looks at a bounded number of tickets; what is left is planned while it runs."""
FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Preview:
    """``to_ring``: people who will be rung; the others of the list will not. ``opens_at``: when the first call may
    begin, were it started now; None: never (its days are over)."""

    campaign: Campaign
    to_ring: int
    do_not_call: int
    not_dialable: int
    opens_at: datetime | None


async def make(
    connection: AsyncConnection,
    rulebook: Rulebook,
    new: NewCampaign,
    numbers: Numbers | None,
    by: str,
    now: datetime,
    area_code: str = "",
) -> Preview:
    """All of it or, with the transaction, nothing. Raises CallbackFault."""
    if numbers is not None and new.kind is not Kind.LIST:
        raise CallbackFault("campaign_numbers", "只有民意调查（list）任务使用号码文件")
    check_dates(new, ticket_day(now))
    campaign = await manage.create(connection, new, by)
    if numbers is not None:
        await add_numbers(connection, rulebook, campaign, numbers, now)
    else:
        for _ in range(MAX_RUNS):
            planned = await plan(connection, rulebook, campaign, now, area_code)
            if not planned.added + planned.left_out:
                break
    return await preview(connection, rulebook, campaign, now)


async def add_numbers(
    connection: AsyncConnection, rulebook: Rulebook, campaign: Campaign, numbers: Numbers, now: datetime
) -> int:
    """Onto the list of a campaign that has not ended, in the order of the file; a number that is on it already stays
    as it is. Returns how many were new. Raises CallbackFault."""
    if campaign.kind is not Kind.LIST:
        raise CallbackFault("campaign_numbers", "只有民意调查（list）任务使用号码文件")
    if campaign.state is CampaignState.DONE:
        raise CallbackFault("campaign_state", f"任务“{campaign.name}”已结束，不能加入号码")
    opens = Hours(campaign, rulebook.days.is_working_day).next_open(now) or now
    targets = (NewTarget(about=number, number=number, due_at=now) for _, number in numbers.numbers)
    return await store.add_targets(connection, campaign.id, targets, opens)


_COUNTED = text(
    "SELECT count(*) FILTER (WHERE t.state = 'waiting' AND d.number IS NULL AND t.reason <> :not_dialable) AS to_ring,"
    " count(*) FILTER (WHERE t.state = 'waiting' AND d.number IS NOT NULL) AS do_not_call,"
    " count(*) FILTER (WHERE t.reason = :not_dialable) AS not_dialable"
    " FROM callback_targets t LEFT JOIN do_not_call d ON d.number = t.number WHERE t.campaign_id = :campaign"
)


async def preview(connection: AsyncConnection, rulebook: Rulebook, campaign: Campaign, now: datetime) -> Preview:
    found = (await connection.execute(_COUNTED, {"campaign": campaign.id, "not_dialable": NOT_DIALABLE})).one()
    opens = Hours(campaign, rulebook.days.is_working_day).next_open(now)
    return Preview(campaign, found.to_ring, found.do_not_call, found.not_dialable, opens)


def check_dates(new: NewCampaign, today: date) -> None:
    """Raises CallbackFault for one whose days are over before it begins, or that nobody means."""
    if abs(new.starts_on - today) > FARTHEST or (new.ends_on is not None and new.ends_on - today > FARTHEST):
        raise CallbackFault("campaign_dates", "开始、结束日期须在前后一年之内")
    if new.ends_on is not None and new.ends_on < today:
        raise CallbackFault("campaign_over", f"结束日期 {new.ends_on} 已过")
