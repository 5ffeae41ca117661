"""Sixty tickets of five cities, each citizen with a way of their own: every ticket ends as its regulation says."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.listing import list_calls
from hotline.robots import RobotCall
from phone.wav import seconds
from tests.asterisk.callback_cases import ARTICLES, COMMENT, HAPPY, ON_THE_LIST, PEOPLE, REWORK, SMS, SOUNDS, Case
from tests.asterisk.callbacks import YESTERDAY, CallingHotline, Records, Row, nobody_on_the_line, records, settled
from tests.asterisk.phones import Phones
from tickets.book import get
from tickets.history import TicketEvent, events_of
from tickets.permits import CALLBACK
from tickets.ticket import Ticket

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(400)]

CAMPAIGN = "满意度回访"


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallingHotline]:
    instance = CallingHotline(tmp_path_factory.mktemp("callbacks"), SOUNDS)
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def found(hotline: CallingHotline) -> AsyncIterator[Records]:
    async with records(hotline) as opened:
        yield opened


async def test_sixty_tickets_each_as_its_regulation_says(hotline: CallingHotline, found: Records) -> None:
    assert len(PEOPLE) == 60
    tickets = {number: await found.reviewed(policy, number, **case.more) for number, (policy, case) in PEOPLE.items()}
    async with hotline.robots({number: case.way for number, (_, case) in PEOPLE.items()}) as network:
        plan = ("--kind", "tickets", "--lines", "60", "--attempts", "2", "--ring-seconds", "10", "--other-channel", SMS)
        planned = hotline.hotline("callback", "plan", CAMPAIGN, *plan, *YESTERDAY)
        assert planned["to_ring"] == sum(case.target != "none" for _, case in PEOPLE.values())
        hotline.run("callback", "dnc", "add", ON_THE_LIST)
        await found.change(
            "UPDATE callback_targets SET next_at = now() + interval '1 day' WHERE number = ANY(:numbers)",
            numbers=[f"+86{number}" for number, (_, case) in PEOPLE.items() if case.later],
        )
        hotline.hotline("callback", "start", CAMPAIGN)
        targets = await found.until(settled, 120)
        for number, (policy, case) in PEOPLE.items():
            if not case.later:
                await check(found, hotline, policy, case, tickets[number], targets.get(number))

        async with Phones(hotline) as phones:
            await phones.agent("1001", seconds=2)
            await found.change("UPDATE callback_targets SET next_at = now() WHERE state = 'waiting' AND attempts = 0")
            targets = await found.until(everybody_rung, 60)
        for number, (policy, case) in PEOPLE.items():
            if case.later:
                await check(found, hotline, policy, case, tickets[number], targets.get(number))
                call = await call_of(found, number)
                assert (call["via"], call["agent"]) == ("callback", "1001")

        await found.change("UPDATE callback_targets SET next_at = now() WHERE state = 'waiting'")
        targets = await found.until(all_over, 60)
        calls = network.calls()
    for number, (_, case) in PEOPLE.items():
        await check_end(found, case, tickets[number], targets.get(number), [c for c in calls if c.number == number])
    assert await found.fetch(count_tickets) == 60, "a callback makes no ticket"
    assert {c.number for c in calls} <= PEOPLE.keys()


def everybody_rung(targets: dict[str, Row]) -> bool:
    return nobody_on_the_line(targets) and all(row["state"] != "waiting" or row["attempts"] for row in targets.values())


def all_over(targets: dict[str, Row]) -> bool:
    return nobody_on_the_line(targets) and all(row["state"] != "waiting" for row in targets.values())


async def check(
    found: Records, hotline: CallingHotline, policy: str, case: Case, number: str, target: Row | None
) -> None:
    """One ticket after its first attempt."""
    ticket, events = await told(found, number)
    what = (policy, case, [event.kind for event in events], ticket.life, target)
    kinds = [event.kind for event in events]
    since = events[kinds.index("review") + 1 :]
    life = ticket.life
    assert tuple(event.kind for event in since) == case.events, what
    assert (life.state, life.rating, life.called_back) == (case.state, case.level, case.called_back), what
    assert set(life.obligations) - {"notify_citizen"} == case.owes, what
    assert (REWORK in life.limits) == (case.state == "rework"), what
    assert await found.fetch(lambda connection: notices(connection, number)) == case.notice, what
    if case.target == "none":
        assert target is None, what
        return
    assert target is not None
    assert (target["state"], target["outcome"]) == (case.target, case.outcome), what
    for event in since:
        assert any(ARTICLES[policy] in one for one in event.articles) or event.kind == "end_callback", (event, what)
        assert event.actor == "callback", what
    if case.again is not None:
        check_again(hotline, case, target, (await attempts_of(found, target["id"]))[0])
    answered = [event.data for event in since if event.kind == "callback_answered"]
    if case.way == COMMENT:
        file = hotline.settings.recordings_dir / answered[0]["comment"]
        assert seconds(file) > seconds(HAPPY), what
    elif "say=" in case.way:
        assert {one["by"] for one in answered[0]["answers"].values()} == {"speech"}, what
    elif answered and "answers" in answered[0]:
        assert {one["by"] for one in answered[0]["answers"].values()} == {"key"}, what


def check_again(hotline: CallingHotline, case: Case, target: Row, attempt: Row) -> None:
    """It is half past ten there: who did not answer is tried in the afternoon, others after their time."""
    if case.again == "noon":
        local = target["next_at"].astimezone(hotline.zone)
        assert (local.hour, local.minute, local.second) == (14, 0, 0), local
        assert local > datetime.now(UTC)
        return
    assert isinstance(case.again, int)
    late = target["next_at"] - attempt["ended_at"] - timedelta(minutes=case.again)
    assert timedelta(0) <= late < timedelta(seconds=30), (case, late)


async def check_end(found: Records, case: Case, number: str, target: Row | None, rung: list[RobotCall]) -> None:
    """One ticket after everybody was rung as often as may be."""
    ticket, events = await told(found, number)
    what = (case, target, rung, ticket.life)
    assert len(rung) == case.rings, what
    assert ticket.life.rating == (case.last_level or case.level), what
    if target is None:
        assert case.target == "none", what
        return
    assert (target["state"], target["attempts"]) == (case.last, case.rings), what
    assert [event.kind for event in events].count("callback_asked") == case.rings, what
    given_up = case.last == "unreached"
    assert await found.fetch(lambda connection: notices(connection, number)) == (case.notice or given_up), what
    assert ticket.life.called_back == (case.called_back or given_up), what
    if case.last == "opted_out":
        assert await found.fetch(lambda connection: listed(connection, target["number"])), what


async def told(found: Records, number: str) -> tuple[Ticket, list[TicketEvent]]:
    async with found.engine.connect() as connection:
        ticket = await get(connection, found.rulebook, number, CALLBACK)
        return ticket, await events_of(connection, found.rulebook, number)


async def attempts_of(found: Records, target: int) -> list[Row]:
    return [row for row in await found.attempts() if row["target_id"] == target]


async def call_of(found: Records, number: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = await found.fetch(lambda connection: list_calls(connection, limit=500))
    return next(row for row in rows if row["caller_e164"] == f"+86{number}")


async def notices(connection: AsyncConnection, ticket: str) -> bool:
    """Whether the citizen is asked by the other channel, once."""
    count = await connection.scalar(
        text("SELECT count(*) FROM notices WHERE ticket = :ticket AND kind = 'survey' AND channel = :channel"),
        {"ticket": ticket, "channel": SMS},
    )
    assert count in (0, 1)
    return bool(count)


async def listed(connection: AsyncConnection, number: str) -> bool:
    return bool(await connection.scalar(text("SELECT count(*) FROM do_not_call WHERE number = :n"), {"n": number}))


async def count_tickets(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT count(*) FROM tickets")) or 0)
