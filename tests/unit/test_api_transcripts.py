"""Who may hear a recording may read what was said in it; that it was read is written down. Drafts stand beside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.transcripts import Made, Said
from people.roles import Permission
from tests.unit.api_peer import Api, api_for
from tests.unit.recorded import add_called, add_recording, add_ticket, silence, tone
from tests.unit.ticket_people import AGENT
from tickets.book import edit
from tickets.draft import Draft, add_draft, of_call
from tickets.ticket import Edit
from tickets.words import Category
from web.sealing import seal_transcripts

AT = datetime(2026, 11, 22, 1, tzinfo=UTC)
SAID = (
    Said("caller", 500, 2000, "我家停水，电话幺三九零零零零幺幺幺幺"),
    Said("other", 2500, 4000, "好的"),
)
DRAFT = Draft(
    summary="我家停水，电话13900001111",
    category=Category.HELP,
    topic="water",
    places=("中山路8号楼",),
    phones=("13900001111",),
)
Heard = tuple[Api, str, str]
WAITING = (
    "SELECT true FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)


@pytest_asyncio.fixture
async def heard(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Heard]:
    """The API, a call that was written down, and its ticket."""
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)
    async with api_for(engine, database_url, tmp_path) as api:
        rulebook = api.services.rulebook()
        async with engine.begin() as connection:
            ticket = await of_call(connection, call, lock=True)
            one = await transcripts.claim(connection)
            assert one is not None
            assert ticket is not None
            made = Made(SAID, "whisper", "base", 4.0, message_ms=400)
            assert await transcripts.finish(connection, one, made, AT)
            await add_draft(connection, rulebook, ticket, DRAFT, AT, engine="whisper")
        yield api, call, number


async def turn_secret(api: Api, number: str, handler: str = "dispatcher") -> None:
    version = (await api.json("supervisor", "GET", f"/tickets/{number}"))["version"]
    headers = {"If-Match": f'"{number}-{version}"'}
    await api.json(
        "agent", "PATCH", f"/tickets/{number}", headers=headers, json={"confidential": True, "handler": handler}
    )


async def audit(api: Api, about: str) -> list[tuple[str, str]]:
    found = await api.json("manager", "GET", f"/audit?object={about}")
    return [(one["actor"], one["action"]) for one in found["items"]]


async def test_read_masked_and_whole(heard: Heard) -> None:
    api, call, _ = heard
    shown = await api.json("supervisor", "GET", f"/calls/{call}/transcript")
    assert (shown["state"], shown["engine"], shown["message_ms"]) == ("done", "whisper", 400)
    assert "机器识别" in shown["label"]
    assert shown["items"][0] == {
        "channel": "caller",
        "start_ms": 500,
        "end_ms": 2000,
        "text": "我家停水，电话139****1111",
    }
    assert shown["items"][1]["channel"] == "other"
    whole = await api.json("dispatcher", "POST", f"/calls/{call}/transcript/reveal", json={"reason": "核对号码"})
    assert whole["items"][0]["text"] == SAID[0].text
    assert await audit(api, f"call:{call}") == [
        ("user:dispatcher", "call.transcript_reveal"),
        ("user:supervisor", "call.transcript"),
    ]


async def test_who_may_not_hear_may_not_read(heard: Heard) -> None:
    api, call, _ = heard
    for who in ("agent", "officer", "leader", "manager", "administrator"):
        await api.json(who, "GET", f"/calls/{call}/transcript", 403)
        await api.json(who, "POST", f"/calls/{call}/transcript/reveal", 403, json={"reason": "看看"})
    await api.json("supervisor", "GET", "/calls/hotline-1795296063.99/transcript", 404)
    await api.json("supervisor", "GET", "/calls/x/transcript", 422)


async def test_of_a_confidential_ticket_only_to_who_sees_it(heard: Heard) -> None:
    api, call, number = heard
    await turn_secret(api, number, handler="supervisor")
    for table, column in (("transcripts", "sealed"), ("ticket_events", "words"), ("transcript_segments", "text")):
        async with api.engine.connect() as connection:
            kept = await connection.scalars(text(f"SELECT {column}::text FROM {table} WHERE {column} IS NOT NULL"))
            assert not any("停水" in one for one in kept)
    await api.json("dispatcher", "GET", f"/calls/{call}/transcript", 404)
    await api.json("dispatcher", "POST", f"/calls/{call}/transcript/reveal", 404, json={"reason": "看看"})
    shown = await api.json("supervisor", "POST", f"/calls/{call}/transcript/reveal", json={"reason": "办理"})
    assert [one["text"] for one in shown["items"]] == [said.text for said in SAID]
    ticket = await api.json("supervisor", "POST", f"/tickets/{number}/reveal", json={"reason": "办理"})
    assert ticket["draft"]["summary"] == DRAFT.summary


async def test_of_a_call_that_an_agent_made_about_it_too(heard: Heard, tmp_path: Path) -> None:
    """Before it turned confidential and after."""
    api, _, _ = heard
    number = await add_ticket(api.engine, "hotline-1795296063.77")
    for n in (1, 2):
        call = await add_recording(api.engine, tmp_path, n, tone(1), silence(1))
        await add_called(api.engine, number, call)
        async with api.engine.begin() as connection:
            one = await transcripts.claim(connection)
            assert one is not None
            assert one.call_id == call
            assert await transcripts.finish(connection, one, Made(SAID, "whisper", "base", 4.0), AT)
        if n == 1:
            await api.json("dispatcher", "GET", f"/calls/{call}/transcript")
            await turn_secret(api, number, handler="supervisor")
            async with api.engine.connect() as connection:
                kept = await connection.scalars(
                    text("SELECT text FROM transcript_segments WHERE call_id = :c"), {"c": call}
                )
                assert kept.all() == []
        await api.json("dispatcher", "GET", f"/calls/{call}/transcript", 404)
        await api.json("dispatcher", "POST", f"/calls/{call}/transcript/reveal", 404, json={"reason": "看看"})
        shown = await api.json("supervisor", "POST", f"/calls/{call}/transcript/reveal", json={"reason": "办理"})
        assert [one["text"] for one in shown["items"]] == [said.text for said in SAID]
        acts = await audit(api, f"call:{call}")
        assert acts[:3] == [
            ("user:supervisor", "call.transcript_reveal"),
            ("user:dispatcher", "ticket.refused"),
            ("user:dispatcher", "ticket.refused"),
        ]


async def test_of_a_call_that_an_agent_wrote_it_down_in_too(heard: Heard) -> None:
    """Confidential from the first moment; the call has an open one besides."""
    api, call, _ = heard
    wish = {"category": "report", "channel": "phone", "confidential": True, "handler": "supervisor"}
    await api.json("agent", "POST", "/tickets", 201, json=wish | {"channel_ref": "8号窗口", "content": "另一件事"})
    another_system = await api.token([Permission.TICKET_CREATE, Permission.CALL_READ])
    await api.json(another_system, "POST", "/tickets", 201, json=wish | {"channel_ref": call, "content": "举报"})
    await api.json("dispatcher", "GET", f"/calls/{call}/transcript")
    await api.json("agent", "POST", "/tickets", 201, json=wish | {"channel_ref": call, "content": "举报某公司"})
    async with api.engine.connect() as connection:
        kept = await connection.scalars(text("SELECT text FROM transcript_segments WHERE call_id = :c"), {"c": call})
        assert kept.all() == []
    await api.json("dispatcher", "GET", f"/calls/{call}/transcript", 404)
    shown = await api.json("supervisor", "POST", f"/calls/{call}/transcript/reveal", json={"reason": "办理"})
    assert [one["text"] for one in shown["items"]] == [said.text for said in SAID]


async def test_a_ticket_that_turns_confidential_meanwhile(heard: Heard) -> None:
    api, call, number = heard
    rulebook = api.services.rulebook()
    async with asyncio.timeout(60), api.engine.connect() as connection:
        await of_call(connection, call, lock=True)
        asking = asyncio.create_task(api.json("dispatcher", "GET", f"/calls/{call}/transcript", 404))
        async with api.engine.connect() as looking:
            while not asking.done() and not await looking.scalar(text(WAITING)):
                await asyncio.sleep(0)
        secret = Edit(confidential=True, handler="supervisor")
        await edit(connection, rulebook, number, secret, AGENT, AT)
        await seal_transcripts(connection, rulebook.sealing(), number)
        await connection.commit()
        await asking


async def test_the_draft_stands_beside_the_ticket(heard: Heard) -> None:
    api, _, number = heard
    ticket = await api.json("agent", "GET", f"/tickets/{number}")
    assert ticket["draft"] == {
        "label": "草稿：机器识别，待核对",
        "summary": "我家停水，电话139****1111",
        "category": "help",
        "emergency": "",
        "topic": "water",
        "places": ["中山路***"],
        "phones": ["139****1111"],
    }
    assert (ticket["title"], ticket["content"], ticket["category"], ticket["version"]) == ("", "", "other", 1)
    whole = await api.json("agent", "POST", f"/tickets/{number}/reveal", json={"reason": "回拨"})
    assert whole["draft"]["phones"] == ["13900001111"]
    assert whole["draft"]["places"] == ["中山路8号楼"]
    history: Any = await api.json("agent", "GET", f"/tickets/{number}/history")
    told = history["items"][-1]
    assert (told["kind"], told["actor"], told["words"]["draft"]["phones"]) == ("drafted", "system", ["139****1111"])
    # What a person writes meanwhile is theirs, on the version they saw.
    headers = {"If-Match": f'"{number}-1"'}
    await api.json("agent", "PATCH", f"/tickets/{number}", headers=headers, json={"title": "小区停水"})


async def test_a_ticket_without_one(heard: Heard) -> None:
    api, _, _ = heard
    number = await api.new()
    assert (await api.json("agent", "GET", f"/tickets/{number}"))["draft"] is None
