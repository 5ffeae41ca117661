"""Answers on their way back: the outbox, its outlets, and what the citizen reads."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import driver_url
from hotline.notices_job import create_app, outlets, sender, words, work
from hotline.settings import Settings
from hotline.settings_sections import Notify, WebhookSettings
from hotline.trial import free_ports
from notify.file_outlet import FileOutlet
from notify.outbox import MAX_ATTEMPTS, Owed, Sender, post, wait_after
from notify.port import Notice, NotSent, Outlet
from notify.webhook import Webhook, is_genuine, sign
from tests.unit.api_peer import Api, api_for, make_rulebook
from tests.unit.ticket_people import DISPATCHER
from tickets.history import TicketEvent
from tickets.life import Life
from tickets.split import merge
from tickets.ticket import Ticket
from tickets.words import Category

SECRET = "shared-secret-of-two"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
NOTICE = Notice("id-1", "platform", "A-77", "20261122-000001", "answered", "已办结", NOW)


class Receiver:
    """The other platform."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert is_genuine(SECRET, request.headers["Hotline-Signature"], body, int(datetime.now(UTC).timestamp()))
        self.ids.append(request.headers["Hotline-Notice-Id"])
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.got.append(json.loads(body))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    async with TestServer(app) as server:
        yield found, str(server.make_url("/hook"))


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def test_a_signature_is_of_this_body_and_of_now() -> None:
    header = sign(SECRET, 1000, b"body")
    assert is_genuine(SECRET, header, b"body", 1200)
    assert not is_genuine(SECRET, header, b"body", 1301)
    assert not is_genuine(SECRET, header, b"other", 1000)
    assert not is_genuine("another secret ...", header, b"body", 1000)
    for wrong in ("", "t=", "t=1000", "t=x,v1=", "t=1000,v1=" + "0" * 64, "t=٣,v1=0"):
        assert not is_genuine(SECRET, wrong, b"body", 1000)


async def test_webhook(receiver: tuple[Receiver, str]) -> None:
    found, url = receiver
    await Webhook(url, SECRET).send(NOTICE)
    assert found.got == [NOTICE.body()]
    for status, retry in ((500, True), (429, True), (410, False), (302, True)):
        found.answers = [status]
        with pytest.raises(NotSent) as error:
            await Webhook(url, SECRET).send(NOTICE)
        assert error.value.retry is retry
        assert SECRET not in str(error.value)
    with pytest.raises(NotSent):
        await Webhook(f"http://127.0.0.1:{free_ports(1)[0]}/", SECRET).send(NOTICE)


async def test_file(tmp_path: Path) -> None:
    file = tmp_path / "notices.jsonl"
    await asyncio.gather(*(FileOutlet(file).send(NOTICE) for _ in range(20)))
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [NOTICE.body()] * 20
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(NotSent):
        await FileOutlet(tmp_path).send(NOTICE)


def test_back_off() -> None:
    assert [wait_after(n) for n in (1, 2, 3)] == [30, 60, 120]
    assert wait_after(MAX_ATTEMPTS) == 6 * 3600


def sending(api: Api, outlet: Outlet) -> Sender:
    book = make_rulebook()
    return sender(api.engine, lambda: book, lambda channel: outlet)


async def due_now(api: Api) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(text("UPDATE notices SET next_try_at = now()"))


async def states(api: Api) -> list[tuple[str, str, int]]:
    async with api.engine.connect() as connection:
        rows = await connection.execute(text("SELECT kind, state, attempts FROM notices ORDER BY at"))
        return [tuple(row) for row in rows]


async def answered(api: Api, **fields: Any) -> str:
    """A ticket of another platform, completed and reviewed."""
    number = await api.dispatched(channel="platform", channel_ref="A-77", **fields)
    await api.do("officer", number, "complete", result="已恢复供水", basis="供水条例")
    await api.do("dispatcher", number, "review", **{"pass": True})
    return number


async def test_an_answer_goes_back_where_the_request_came_from(api: Api, receiver: tuple[Receiver, str]) -> None:
    found, url = receiver
    number = await answered(api)
    found.answers = [503, 503]
    mine = sending(api, Webhook(url, SECRET))
    assert await mine.sweep() == 0
    assert await mine.sweep() == 0, "not before its time"
    assert await states(api) == [("answered", "waiting", 1)]
    await due_now(api)
    assert await mine.sweep() == 0
    await due_now(api)
    assert await mine.sweep() == 1
    assert await states(api) == [("answered", "sent", 3)]
    assert len(set(found.ids)) == 1
    assert len(found.ids) == 3
    (body,) = found.got
    assert (body["reference"], body["ticket"], body["kind"]) == ("A-77", number, "answered")
    assert "已恢复供水" in body["text"]
    await due_now(api)
    assert await mine.sweep() == 0, "once"


async def test_the_job_sends_what_a_command_left(api: Api, receiver: tuple[Receiver, str], database_url: str) -> None:
    found, url = receiver
    working = asyncio.create_task(work(create_app(driver_url(database_url), sending(api, Webhook(url, SECRET)))))
    numbers = [await answered(api) for _ in range(3)]
    async with asyncio.timeout(30):
        while len(found.got) < 3:
            assert not working.done()
            await asyncio.sleep(0.05)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert sorted(body["ticket"] for body in found.got) == numbers
    assert len(set(found.ids)) == len(found.ids) == 3


async def test_what_will_never_be_taken_is_given_up(api: Api, receiver: tuple[Receiver, str]) -> None:
    found, url = receiver
    await answered(api)
    found.answers = [410]
    assert await sending(api, Webhook(url, SECRET)).sweep() == 0
    assert await states(api) == [("answered", "failed", 1)]
    async with api.engine.connect() as connection:
        assert "410" in str(await connection.scalar(text("SELECT text FROM alerts WHERE kind = 'notice_failed'")))


async def test_two_senders_send_each_once(api: Api, tmp_path: Path) -> None:
    for _ in range(4):
        await answered(api)
    outlet = FileOutlet(tmp_path / "out.jsonl")
    sent = await asyncio.gather(*(sending(api, outlet).sweep() for _ in range(2)))
    assert sum(sent) == 4
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 4


async def test_a_confidential_result_is_not_sent_about(api: Api, tmp_path: Path) -> None:
    number = await api.dispatched(channel="web", confidential=True, title="举报", content="举报某人")
    await api.do("supervisor", number, "supervise", reason="leader")
    async with api.engine.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM notices")) == 0
    refused = await api.new(channel="web", confidential=True, handler="dispatcher", content="举报某人")
    await api.do("dispatcher", refused, "decline", reason="举报某人不属实")
    outlet = FileOutlet(tmp_path / "out.jsonl")
    assert await sending(api, outlet).sweep() == 1
    line = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert "不属实" not in line
    assert refused in line


async def test_declined_and_by_telephone(api: Api, tmp_path: Path) -> None:
    number = await api.new(channel="sms")
    await api.do("agent", number, "decline", reason="不属于本市管辖")
    other = await api.new(channel="phone")
    await api.do("agent", other, "decline", reason="不属于本市管辖")
    refused = await api.new(channel="sms")
    await api.do("agent", refused, "archive", 409)
    assert [kind for kind, _, _ in await states(api)] == ["declined"]
    outlet = FileOutlet(tmp_path / "out.jsonl")
    await sending(api, outlet).sweep()
    (line,) = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert "不属于本市管辖" in json.loads(line)["text"]


async def test_the_citizen_is_told_and_the_duty_is_done(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """Dalian, article 20: an extension is told to the citizen."""
    async with api_for(engine, database_url, tmp_path) as api:
        number = await api.dispatched(channel="web")
        papers: dict[str, Any] = {"reason": "管道更换", "stage_report": True}
        await api.do("officer", number, "extend", working_days=5, **papers)
        done = await api.do("dispatcher", number, "decide_extension", agree=True)
        assert done["obligations"] == ["notify_citizen"]
        assert await sending(api, FileOutlet(tmp_path / "out.jsonl")).sweep() == 1
        assert "延期" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")
        assert (await api.json("officer", "GET", f"/tickets/{number}"))["obligations"] == []


def test_a_channel_has_its_own_outlet(tmp_path: Path) -> None:
    hook = WebhookSettings(url="http://127.0.0.1:1/hook", secret=SECRET)
    found = outlets(Settings(home=tmp_path, notify=Notify(webhooks={"platform": hook})))
    assert isinstance(found("platform"), Webhook)
    assert isinstance(found("sms"), FileOutlet)


def owed(kind: str, at: datetime, ticket: str = "20261122-000001", channel: str = "platform") -> Owed:
    return Owed(uuid.uuid4(), ticket, kind, channel, at)


def test_what_was_done_after_the_review_is_not_told_yet() -> None:
    def completed(hours: int, result: str) -> TicketEvent:
        at = NOW + timedelta(hours=hours)
        told = {"command": {"result": result}}
        return TicketEvent(hours, "20261122-000001", at, at, "complete", "officer", {}, told, ())

    life = Life(category=Category.HELP)
    ticket = Ticket(
        number="20261122-000001", version=1, policy="", life=life, channel="platform", received_at=NOW, updated_at=NOW
    )
    events = [completed(0, "第一次"), completed(5, "第二次")]
    assert "第一次" in words(owed("answered", NOW + timedelta(hours=1)), ticket, events, secret=False)
    assert "第二次" in words(owed("answered", NOW + timedelta(hours=6)), ticket, events, secret=False)
    assert "第一次" in words(owed("answered", NOW - timedelta(seconds=1)), ticket, events, secret=False)
    assert "第二次" not in words(owed("answered", NOW + timedelta(hours=6)), ticket, events, secret=True)


async def test_a_dead_channel_and_a_fault_of_ours_keep_no_other_back(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for count in range(3):
            for channel in ("dead", "faulty", "alive"):
                await post(connection, owed("answered", NOW + timedelta(seconds=count), f"{channel}-{count}", channel))
    tried: list[str] = []
    told: list[str] = []

    async def compose(one: Owed) -> Notice:
        if one.channel == "faulty":
            raise LookupError("no such policy")
        return Notice(str(one.id), one.channel, "", one.ticket, one.kind, "", one.at)

    class Some:
        async def send(self, notice: Notice) -> None:
            tried.append(notice.ticket)
            if notice.channel == "dead":
                raise NotSent("nobody answers")

    async def say(one: Owed) -> None:
        told.append(one.ticket)
        raise LookupError("no such policy")

    async def gave_up(one: Owed, why: str) -> None:
        raise AssertionError(why)

    assert await Sender(engine, compose, lambda channel: Some(), say, gave_up).sweep() == 3
    assert sorted(told) == ["alive-0", "alive-1", "alive-2"]
    assert len(tried) == 4, "the dead channel once"
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT channel, state, attempts, fault FROM notices ORDER BY channel"))
        assert [tuple(row)[1:] for row in rows if row.channel == "faulty"] == [("waiting", 1, "LookupError")] * 3


async def test_what_was_merged_is_answered_where_it_went_on(api: Api, tmp_path: Path) -> None:
    number = await api.dispatched(channel="phone")
    other = await api.new(channel="platform", channel_ref="B-1")
    rulebook = make_rulebook()
    async with api.engine.begin() as connection:
        await merge(connection, rulebook, other, number, DISPATCHER, datetime.now(UTC))
    await api.do("officer", number, "complete", result="已恢复供水", basis="供水条例")
    await api.do("dispatcher", number, "review", **{"pass": True})
    await sending(api, FileOutlet(tmp_path / "out.jsonl")).sweep()
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    (line,) = {line for line in lines if json.loads(line)["ticket"] == other}
    assert json.loads(line)["reference"] == "B-1"
    assert "已恢复供水" in json.loads(line)["text"]
