"""Tickets done and reviewed, calls that reached nobody, and campaigns, for the tests of callbacks."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callback.campaign import Campaign, NewCampaign, Rules, Window
from callback.claim import Claim, claim
from callback.pacing import Load, Pace
from callback.store import create_campaign, set_state
from callback.words import CampaignState, Kind
from tests.unit.ticket_people import MORNING, SUPERVISOR, dispatched, do, officer, rulebook
from tickets.ticket import Ticket

ALL_DAY = Rules(windows=(Window(start=time(8), end=time(21)),))
REVIEWED = MORNING + timedelta(hours=6)
NOW = MORNING + timedelta(hours=7)
DAY = NOW.date()


async def reviewed(
    engine: AsyncEngine, policy: str = "dalian-2015", number: str = "13900001111", **changes: Any
) -> Ticket:
    """Done by its unit and found good."""
    given = {"caller": number, "caller_e164": f"+86{number}", **changes}
    ticket = await dispatched(engine, policy=policy, **given)
    housing = officer("housing")
    async with engine.begin() as connection:
        done = {"result": "已修好", "basis": "物业条例", "leader_approval": "已签批（编号7）"}
        hours = timedelta(hours=5)
        await do(connection, ticket.number, "complete", housing, MORNING + hours, policy=policy, **done)
        return await do(connection, ticket.number, "review", SUPERVISOR, REVIEWED, policy=policy, **{"pass": True})


async def running(
    engine: AsyncEngine, kind: Kind = Kind.TICKETS, starts_on: date = DAY, name: str = "", **rules: Any
) -> Campaign:
    new = NewCampaign(
        name=name or f"{kind}的回访",
        kind=kind,
        survey="ticket",
        starts_on=starts_on,
        rules=ALL_DAY.model_copy(update=rules),
    )
    async with engine.begin() as connection:
        made = await create_campaign(connection, new, "tests")
        return await set_state(connection, made.id, CampaignState.RUNNING, NOW)


async def missed_call(engine: AsyncEngine, call_id: str, e164: str, at: datetime, **changes: Any) -> None:
    """``changes``: columns of ``calls``."""
    row = {"id": call_id, "caller_e164": e164, "arrived_at": at, "ended_at": at + timedelta(minutes=1), "missed": True}
    row |= changes
    columns = ", ".join(row)
    async with engine.begin() as connection:
        await connection.execute(
            text(f"INSERT INTO calls ({columns}) VALUES ({', '.join(f':{name}' for name in row)})"), row
        )


async def claimed(engine: AsyncEngine, at: datetime = NOW) -> list[Claim]:
    """As many as may be rung at ``at``."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE outbound_pace SET tokens = 100, filled_at = :at"), {"at": at})
        return await claim(
            connection, Pace(100, 100.0, 0, 0, 1), Load(0, 0), at, "tests", rulebook().days.is_working_day
        )
