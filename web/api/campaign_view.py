"""Campaigns as they are shown: numbers masked. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from callback.campaign import Campaign, Retry
from callback.draft import Preview
from callback.manage import Person
from callback.progress import Standing
from callback.words import CampaignState, Kind, Outcome, TargetState, chinese
from people.masking import mask_phone
from web.api.view import Masked

SHOWN = 100
"""Lines of a file that could not be used."""


class WindowOut(BaseModel):
    start: Annotated[str, Field(examples=["09:00"])]
    end: str


class RulesOut(BaseModel):
    max_lines: int
    windows: list[WindowOut]
    weekdays: Annotated[list[int], Field(description="0 为周一")]
    working_days_only: bool
    per_day: int
    per_week: int
    ring_seconds: int
    retry: Retry
    other_channel: str


class CampaignOut(BaseModel):
    id: int
    name: str
    kind: Kind
    kind_name: str
    survey: str
    state: CampaignState
    state_name: str
    starts_on: date
    ends_on: date | None
    rules: RulesOut
    created_by: str
    created_at: datetime


class PreviewOut(BaseModel):
    campaign: CampaignOut
    to_ring: Annotated[int, Field(description="将拨打的人数")]
    do_not_call: Annotated[int, Field(description="在免打扰名单中，不拨打")]
    not_dialable: Annotated[int, Field(description="号码无法拨打")]
    opens_at: Annotated[datetime | None, Field(description="现在开始的话，最早何时拨打；空：日期已过")]


class RejectedOut(BaseModel):
    line: int
    text: Masked
    reason: str


class LoadedOut(PreviewOut):
    added: int
    duplicates: int
    rejected: Annotated[int, Field(description="号码不能拨打的行数")]
    rejected_lines: Annotated[list[RejectedOut], Field(description=f"其中前 {SHOWN} 行")]


class StandingOut(BaseModel):
    campaign: CampaignOut
    people: Annotated[dict[TargetState, int], Field(description="各状态的人数")]
    due: Annotated[int, Field(description="待拨者中现在可拨的")]
    lines: Annotated[int, Field(description="占用的线路")]
    cap: int
    finished_per_minute: float
    calls_per_minute: float
    opens_at: datetime | None
    ends_at: Annotated[datetime | None, Field(description="照此速度预计何时完成；空：未知")]


class StatusOut(BaseModel):
    lines: int
    cap: int
    held_back: Annotated[
        str,
        Field(description="`waiting` 有市民排队，`trunk` 线路留给来电，`trouble` 连续多通因故障失败、暂停后再试，或空"),
    ]
    campaigns: list[StandingOut]


class PersonOut(BaseModel):
    id: int
    ticket: str | None
    number: Masked
    state: TargetState
    state_name: str
    attempts: int
    outcome: Outcome | None
    outcome_name: str
    reason: str
    due_at: datetime
    next_at: datetime
    updated_at: datetime


def campaign_out(one: Campaign) -> CampaignOut:
    rules = one.rules.model_dump(exclude={"windows", "weekdays"})
    windows = [WindowOut(start=f"{w.start:%H:%M}", end=f"{w.end:%H:%M}") for w in one.rules.windows]
    return CampaignOut(
        **one.model_dump(exclude={"rules"}),
        kind_name=chinese(one.kind),
        state_name=chinese(one.state),
        rules=RulesOut(**rules, windows=windows, weekdays=sorted(one.rules.weekdays)),
    )


def preview_out(made: Preview) -> PreviewOut:
    return PreviewOut(
        campaign=campaign_out(made.campaign),
        to_ring=made.to_ring,
        do_not_call=made.do_not_call,
        not_dialable=made.not_dialable,
        opens_at=made.opens_at,
    )


def standing_out(one: Standing) -> StandingOut:
    names = "due lines cap finished_per_minute calls_per_minute opens_at ends_at".split()
    people = {state: one.people.get(state, 0) for state in TargetState}
    return StandingOut(
        campaign=campaign_out(one.campaign), people=people, **{name: getattr(one, name) for name in names}
    )


def person_out(one: Person) -> PersonOut:
    return PersonOut(
        id=one.id,
        ticket=one.ticket,
        number=mask_phone(one.number),
        state=one.state,
        state_name=chinese(one.state),
        attempts=one.attempts,
        outcome=one.outcome,
        outcome_name=chinese(one.outcome) if one.outcome else "",
        reason=one.reason,
        due_at=one.due_at,
        next_at=one.next_at,
        updated_at=one.updated_at,
    )
