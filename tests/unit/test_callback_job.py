"""What came of a call is carried out whole or not at all: in the target, in the ticket, in the outbox."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback import attempts, store
from callback.campaign import Campaign, Retry
from callback.claim import Claim
from callback.plan import plan
from callback.words import CampaignState
from calls.outgoing import Answer, Outgoing
from hotline import callback_job
from hotline.callback_job import CallbackJob, note_ended
from hotline.notices_job import outlets, sender
from hotline.reader import Reader
from hotline.settings import Settings
from tests.unit.callback_people import NOW, claimed, reviewed, running
from tests.unit.ticket_people import DISPATCHER, SUPERVISOR, do, officer, rulebook
from tickets.book import get
from tickets.history import TicketEvent, events_of
from tickets.permits import CALLBACK
from tickets.ticket import Ticket
from tickets.words import Level, Obligation, State

STOP = asyncio.Event()
FIRST_OF_ALL = Retry(attempts=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def job(settings: Settings, engine: AsyncEngine) -> CallbackJob:
    return CallbackJob(settings, engine, rulebook)


async def rung(engine: AsyncEngine, policy: str = "dalian-2015", **rules: Any) -> tuple[Ticket, Claim, Campaign]:
    """A reviewed ticket whose citizen is being called back."""
    ticket = await reviewed(engine, policy)
    campaign = await running(engine, **rules)
    async with engine.begin() as connection:
        await plan(connection, rulebook(), campaign, NOW)
    (one,) = await claimed(engine)
    return ticket, one, campaign


async def ended(engine: AsyncEngine, one: Claim, outcome: str = "answered", **said: Any) -> None:
    """What the log says of it."""
    at = NOW.timestamp()
    answered = at + 5 if outcome == "answered" else None
    answers = {name: Answer(value, "key") for name, value in said.pop("answers", {}).items()}
    told = Outgoing(one.call_id, at, answered, at + 40, outcome, 16, asked=bool(answered), answers=answers, **said)
    async with engine.begin() as connection:
        await note_ended(connection, [told])


async def ticket_now(engine: AsyncEngine, number: str) -> tuple[Ticket, list[TicketEvent]]:
    async with engine.connect() as connection:
        ticket = await get(connection, rulebook(), number, CALLBACK)
        return ticket, await events_of(connection, rulebook(), number)


async def row(engine: AsyncEngine, query: str) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(text(query))).one()


async def target(engine: AsyncEngine) -> Any:
    return await row(engine, "SELECT state, reason, attempts, outcome, next_at FROM callback_targets")


async def test_what_was_answered_is_rated_and_told_once(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket, one, _ = await rung(engine)
    assert await job.carry_out(rulebook(), STOP) == 0, "nothing is known yet"
    await ended(engine, one, answers={"solved": "yes", "satisfaction": "satisfied"}, comment="2026/09/17/a-comment.wav")
    assert await job.carry_out(rulebook(), STOP) == 1
    assert await job.carry_out(rulebook(), STOP) == 0
    await ended(engine, one, answers={"solved": "no"})
    assert await job.carry_out(rulebook(), STOP) == 0, "the same call, read again"
    after, events = await ticket_now(engine, ticket.number)
    assert (after.life.rating, after.life.state) == (Level.SATISFIED, State.REVIEWED)
    ours = [event for event in events if event.actor == "callback"]
    assert [event.kind for event in ours] == ["callback_asked", "callback_reached", "callback_answered", "rate"]
    assert {event.articles[0] for event in ours} == {"第二十一条"}
    assert ours[2].data["comment"] == "2026/09/17/a-comment.wav"
    found = await target(engine)
    assert (found.state, found.attempts, found.outcome) == ("rated", 1, "answered")


async def test_dissatisfied_is_a_task_for_a_person(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket, one, _ = await rung(engine)
    await ended(engine, one, answers={"solved": "no", "satisfaction": "dissatisfied"})
    await job.carry_out(rulebook(), STOP)
    after, _ = await ticket_now(engine, ticket.number)
    assert after.life.rating is Level.DISSATISFIED
    assert Obligation.MANUAL_CALLBACK in after.life.obligations


async def test_an_answer_about_what_was_done_before_is_no_rating(engine: AsyncEngine, job: CallbackJob) -> None:
    """The worker was away while the ticket was done once more."""
    longnan: Any = {"policy": "longnan-2021"}
    ticket, one, _ = await rung(engine, other_channel="sms", **longnan)
    await ended(engine, one, answers={"solved": "yes", "satisfaction": "satisfied"})
    done = {"result": "重新修好", "basis": "条例", "leader_approval": "已签批（编号8）"}
    async with engine.begin() as connection:
        await do(connection, ticket.number, "rate", DISPATCHER, NOW, level="dissatisfied", **longnan)
        await do(connection, ticket.number, "complete", officer("housing"), NOW, **longnan, **done)
        await do(connection, ticket.number, "review", SUPERVISOR, NOW, **longnan, **{"pass": True})
    assert await job.carry_out(rulebook(), STOP) == 1
    after, events = await ticket_now(engine, ticket.number)
    assert (after.life.rating, after.life.completions) == (None, 2)
    said, refused = [event.data for event in events if event.kind == "callback_answered"]
    assert said["answers"]["satisfaction"]["value"] == "satisfied"
    assert refused["command"] == "rate"
    assert "重新办结" in (await target(engine)).reason


async def test_no_answer_is_no_rating(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket, one, _ = await rung(engine, other_channel="sms")
    await ended(engine, one)
    await job.carry_out(rulebook(), STOP)
    after, _ = await ticket_now(engine, ticket.number)
    assert (after.life.rating, after.life.called_back) == (None, True)
    assert (await target(engine)).state == "unrated"
    assert (await row(engine, "SELECT kind, channel FROM notices")) == ("survey", "sms")


async def test_busy_is_tried_again_and_then_given_up(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket, one, _ = await rung(engine, retry=Retry(attempts=2))
    await ended(engine, one, "busy")
    await job.carry_out(rulebook(), STOP)
    found = await target(engine)
    assert (found.state, found.attempts, found.outcome) == ("waiting", 1, "busy")
    assert found.next_at > datetime.now(UTC) + timedelta(minutes=9)
    (again,) = await claimed(engine, found.next_at)
    await ended(engine, again, "busy")
    await job.carry_out(rulebook(), STOP)
    assert ((await target(engine)).state, (await target(engine)).attempts) == ("unreached", 2)
    after, events = await ticket_now(engine, ticket.number)
    assert after.life.rating is None
    assert [event.kind for event in events][-2:] == ["callback_unreached", "end_callback"]


async def test_never_again(engine: AsyncEngine, job: CallbackJob) -> None:
    _, one, _ = await rung(engine)
    await ended(engine, one, answers={"solved": "yes"}, opted_out=True)
    await job.carry_out(rulebook(), STOP)
    assert (await target(engine)).state == "opted_out"
    assert (await row(engine, 'SELECT number, "by" FROM do_not_call')) == (one.number, "callback")


async def test_a_ticket_that_went_another_way_keeps_what_was_said(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket, one, _ = await rung(engine, other_channel="sms")
    async with engine.begin() as connection:
        await do(connection, ticket.number, "rate", DISPATCHER, NOW, level="satisfied")
        await do(connection, ticket.number, "archive", SUPERVISOR, NOW)
    await ended(engine, one, answers={"satisfaction": "very_dissatisfied"})
    await job.carry_out(rulebook(), STOP)
    after, events = await ticket_now(engine, ticket.number)
    assert (after.life.state, after.life.rating) == (State.ARCHIVED, Level.SATISFIED)
    assert events[-2].data["answers"]["satisfaction"]["value"] == "very_dissatisfied"
    assert events[-1].data["command"] == "rate"
    assert "评价" in events[-1].data["refused"]
    found = await target(engine)
    assert (found.state, "工单未办" in found.reason) == ("rated", True)


async def test_all_or_nothing(engine: AsyncEngine, job: CallbackJob, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, one, _ = await rung(engine, other_channel="sms")
    await ended(engine, one, answers={"satisfaction": "satisfied"}, opted_out=True)
    settle = attempts.settle

    async def dies(connection: AsyncConnection, *given: Any) -> None:
        await settle(connection, *given)
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(callback_job, "AGAIN_SECONDS", 0.0)
        patch.setattr(attempts, "settle", dies)
        assert await job.carry_out(rulebook(), STOP) == 1
    after, events = await ticket_now(engine, ticket.number)
    assert (after.life.rating, [event.kind for event in events if event.actor == "callback"]) == (None, [])
    assert (await target(engine)).state == "calling"
    assert (await row(engine, "SELECT count(*) FROM do_not_call")) == (0,)
    assert (await row(engine, "SELECT kind FROM alerts")) == ("callback_failed",)
    await job.carry_out(rulebook(), STOP)
    assert (await target(engine)).state == "opted_out"


async def test_one_that_cannot_be_carried_out_stops_no_other(
    engine: AsyncEngine, job: CallbackJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bad, campaign = await rung(engine)
    await reviewed(engine, number="13900002222")
    async with engine.begin() as connection:
        await plan(connection, rulebook(), campaign, NOW)
    (good,) = await claimed(engine)
    for one in (bad, good):
        await ended(engine, one, answers={"satisfaction": "satisfied"})
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET policy = 'gone' WHERE number = :bad"), {"bad": bad.ticket})
    await job.carry_out(rulebook(), STOP)
    async with engine.connect() as connection:
        states = await connection.execute(text("SELECT ticket, state FROM callback_targets"))
        assert {row.ticket: row.state for row in states} == {bad.ticket: "calling", good.ticket: "rated"}


async def test_whom_no_call_reached_is_asked_by_sms(engine: AsyncEngine, job: CallbackJob, settings: Settings) -> None:
    ticket, one, _ = await rung(engine, retry=FIRST_OF_ALL, other_channel="sms")
    await ended(engine, one, "no_answer")
    await job.carry_out(rulebook(), STOP)
    assert (await target(engine)).state == "unreached"
    assert await sender(engine, rulebook, outlets(settings)).sweep() == 1
    assert await sender(engine, rulebook, outlets(settings)).sweep() == 0
    (line,) = (settings.run_dir / "notices.jsonl").read_text().splitlines()
    notice = json.loads(line)
    assert (notice["kind"], notice["channel"], notice["reference"]) == ("survey", "sms", "+8613900001111")
    assert ticket.number in notice["text"]
    assert "非常满意、满意、基本满意、不满意、非常不满意" in notice["text"]
    _, events = await ticket_now(engine, ticket.number)
    assert "fulfil" not in {event.kind for event in events}


async def test_who_has_answered_meanwhile_is_not_asked_by_sms(
    engine: AsyncEngine, job: CallbackJob, settings: Settings
) -> None:
    ticket, one, _ = await rung(engine, retry=FIRST_OF_ALL, other_channel="sms")
    await ended(engine, one, "no_answer")
    await job.carry_out(rulebook(), STOP)
    async with engine.begin() as connection:
        await do(connection, ticket.number, "rate", DISPATCHER, datetime.now(UTC), level="satisfied")
    await sender(engine, rulebook, outlets(settings)).sweep()
    assert not (settings.run_dir / "notices.jsonl").exists()


async def test_running_campaigns_are_planned_by_themselves(engine: AsyncEngine, job: CallbackJob) -> None:
    await reviewed(engine)
    await job.step(STOP)
    campaign = await running(engine)
    await job.step(STOP)
    assert (await row(engine, "SELECT campaign_id, state FROM callback_targets")) == (campaign.id, "waiting")
    await reviewed(engine, number="13900002222")
    await job.step(STOP)
    assert (await row(engine, "SELECT count(*) FROM callback_targets")) == (1,), "the others once a minute"


async def test_whom_a_wrong_clock_put_off_is_rung(engine: AsyncEngine, job: CallbackJob, settings: Settings) -> None:
    """Seen when it is set back, and by a worker that begins afterwards."""
    async with engine.begin() as connection:
        made = await store.set_state(connection, (await running(engine)).id, CampaignState.PAUSED, NOW)
        targets = [store.NewTarget(f"{n}", f"+861390000000{n}", NOW) for n in range(2)]
        await store.add_targets(connection, made.id, targets, datetime.now(UTC) + timedelta(days=1))
    put_off = text("UPDATE callback_targets SET next_at = :at, updated_at = :at WHERE about = '0'")
    later = "SELECT count(*) FROM callback_targets WHERE next_at > now() + interval '1 minute'"
    await job.step(STOP)
    for one in (job, CallbackJob(settings, engine, rulebook)):
        async with engine.begin() as connection:
            await connection.execute(put_off, {"at": datetime.now(UTC) + timedelta(days=900)})
        if one is job:
            await one.step(STOP)
            assert (await row(engine, later)) == (2,), "the clock has not moved"
            assert one._clock is not None
            one._clock += 900 * 86_400
        await one.step(STOP)
        assert (await row(engine, later)) == (1,)


async def test_whose_number_nobody_can_ring_the_ticket_is_told(engine: AsyncEngine, job: CallbackJob) -> None:
    ticket = await reviewed(engine, caller="400 123 4567", caller_e164="+864001234567")
    campaign = await running(engine)
    async with engine.begin() as connection:
        await plan(connection, rulebook(), campaign, NOW)
    assert await claimed(engine) == []
    await job.step(STOP)
    after, events = await ticket_now(engine, ticket.number)
    assert after.life.called_back
    assert [event.kind for event in events][-2:] == ["callback_unreached", "end_callback"]
    assert (await row(engine, "SELECT state, to_tell FROM callback_targets")) == ("dropped", False)


def line(kind: str, at: float, call: str, extra: str = "") -> str:
    """As Asterisk 22 writes them."""
    fields = [kind, f"{at:.6f}", "", extra, "3", "3", "s", "nobody", "PJSIP/outbound-00000003", "AppDial2", call, call]
    return ",".join(f'"{field}"' for field in [*fields, "", "", ""]) + "\n"


async def test_the_log_says_what_came_of_it(engine: AsyncEngine, job: CallbackJob, settings: Settings) -> None:
    _, one, _ = await rung(engine)
    at = NOW.timestamp()
    file = settings.home / "cel.csv"
    reader = Reader(engine, file, settings.home / "queue_log", on_ended=nothing, on_outgoing=note_ended)
    file.write_text(line("CHAN_START", at, one.call_id))
    await reader.step()
    query = "SELECT outcome, cause, freed_at FROM callback_attempts"
    assert await row(engine, query) == (None, None, None)
    with file.open("a") as log:
        log.write(line("HANGUP", at + 3, one.call_id, '{""hangupcause"":17,""hangupsource"":"""",""dialstatus"":""""}'))
        log.write(line("HANGUP", at + 3, "cb-1700000000.999", '{""hangupcause"":17}'))
    await reader.step()
    assert await row(engine, query) == ("busy", 17, NOW + timedelta(seconds=3))
    await job.carry_out(rulebook(), STOP)
    with file.open("a") as log:
        log.write(line("LINKEDID_END", at + 3, one.call_id))
    await reader.step()
    assert await row(engine, "SELECT applied FROM callback_attempts") == (True,)
    reader.forget()


async def nothing(connection: AsyncConnection) -> None:
    """Of recordings."""
