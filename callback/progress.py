"""How far a campaign is, how fast it goes, and when it will be done if it goes on like that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import store
from callback.campaign import Campaign, NewCampaign
from callback.hours import Hours
from callback.words import CampaignState, TargetState
from tickets.number import CHINA

LOOKED_BACK = timedelta(minutes=10)
"""Over so long the pace is taken."""
_FORESEEN = timedelta(days=366)
_OPEN = (TargetState.WAITING, TargetState.CALLING)
_FINISHED = (TargetState.RATED, TargetState.UNRATED, TargetState.UNREACHED, TargetState.OPTED_OUT)


@dataclass(frozen=True, slots=True)
class Standing:
    """``lines``: in use; ``cap``: at most so many for this campaign. ``per_minute``: people finished with; calls begun.
    ``opens_at``: now, or when it may ring again; None: not any more, or it does not run. ``ends_at``: None: unknown."""

    campaign: Campaign
    people: dict[TargetState, int]
    due: int
    lines: int
    cap: int
    finished_per_minute: float
    calls_per_minute: float
    opens_at: datetime | None
    ends_at: datetime | None

    @property
    def open(self) -> int:
        return sum(self.people.get(state, 0) for state in _OPEN)

    @property
    def all(self) -> int:
        return sum(self.people.values())


_PACE = text(
    "SELECT c.id, (SELECT count(*) FROM callback_targets t WHERE t.campaign_id = c.id AND t.updated_at > :since"
    "  AND t.state = ANY(:finished)) AS finished, (SELECT count(*) FROM callback_attempts a"
    "  WHERE a.campaign_id = c.id AND a.claimed_at > :since AND a.outcome IS DISTINCT FROM 'not_dialled') AS begun"
    " FROM campaigns c WHERE c.id = ANY(:ids)"
)


async def standings(
    connection: AsyncConnection,
    campaigns: Sequence[Campaign],
    lines: int,
    is_working_day: Callable[[date], bool],
    now: datetime,
) -> list[Standing]:
    """``lines``: outbound calls at once over all campaigns."""
    asked = {
        "ids": [one.id for one in campaigns],
        "since": now - LOOKED_BACK,
        "finished": [state.value for state in _FINISHED],
    }
    paces = {row.id: row for row in await connection.execute(_PACE, asked)}
    minutes = LOOKED_BACK.total_seconds() / 60
    found = []
    for one in await store.progress(connection, campaigns, now):
        hours = Hours(one.campaign, is_working_day)
        runs = one.campaign.state is CampaignState.RUNNING
        pace = paces[one.campaign.id].finished / minutes
        left = sum(one.targets.get(state, 0) for state in _OPEN)
        found.append(
            Standing(
                campaign=one.campaign,
                people=one.targets,
                due=one.due,
                lines=one.lines,
                cap=min(one.campaign.rules.max_lines, lines),
                finished_per_minute=pace,
                calls_per_minute=paces[one.campaign.id].begun / minutes,
                opens_at=hours.next_open(now) if runs else None,
                ends_at=expected_end(left, pace, hours, now) if runs else None,
            )
        )
    return found


def expected_end(left: int, per_minute: float, hours: Hours, now: datetime) -> datetime | None:
    """When nobody is left, at this pace and within the campaign's hours; None: at this pace never, not before it ends,
    or not within a year."""
    if left == 0:
        return now
    if per_minute <= 0:
        return None
    needed = timedelta(minutes=left / per_minute)
    at = hours.next_open(now)
    while at is not None and at - now < _FORESEEN:
        closes = _closes(hours.campaign, at)
        if needed <= closes - at:
            return at + needed
        needed -= closes - at
        at = hours.next_open(closes)
    return None


def _closes(campaign: NewCampaign, at: datetime) -> datetime:
    """When the window ends that ``at`` lies in."""
    local = at.astimezone(CHINA)
    end = max(window.end for window in campaign.rules.windows if window.start <= local.time() < window.end)
    return datetime.combine(local.date(), end, CHINA).astimezone(at.tzinfo)
