"""Messages over the API: who hears them and nothing else, that it is written down, and that one was heard."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.transcripts import Made, Said
from tests.unit.api_peer import Api, api_for
from tests.unit.recording_people import DAY, add_call, audited, call_id, recorded
from tests.unit.test_api_calls import ticket_of, turn_secret

NOW = datetime.now(UTC)
HEARS = ("agent", "dispatcher", "supervisor")
NOT = ("manager", "officer", "leader", "administrator")
SAID = (
    Said("caller", 100, 900, "喂"),
    Said("caller", 5000, 7000, "我家停水，电话13900002222"),
    Said("other", 5000, 7000, "请留言"),
)


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """Two messages, one call without."""
    for number, clip in ((1, "message"), (2, "message"), (3, "")):
        left = f"{DAY}/{call_id(number)}-message.wav" if clip else ""
        at = NOW - timedelta(hours=5 - number)
        await recorded(
            engine, tmp_path, number, clip=clip, at=at, message_file=left, caller="139 0000 1111", category="help"
        )
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def ids(api: Api, query: str = "", who: str = "agent") -> list[str]:
    return [one["call_id"] for one in (await api.json(who, "GET", f"/messages{query}"))["items"]]


async def test_the_longest_waiting_first_in_pages_and_masked(api: Api) -> None:
    number = await ticket_of(api, call_id(1), NOW)
    for who in HEARS:
        first, second = (await api.json(who, "GET", "/messages"))["items"]
        assert (first["call_id"], first["number"], first["ticket"]) == (call_id(1), "139****1111", number)
        assert (first["sound"], first["seconds"], first["category"]) == ("ready", 0.5, "help")
        assert (first["transcript"], first["heard_at"], first["heard_by"]) == ("pending", None, "")
        assert second["call_id"] == call_id(2)
    first = await api.json("agent", "GET", "/messages?limit=1")
    assert first["next"] == call_id(1)
    assert await ids(api, f"?limit=1&after={first['next']}") == [call_id(2)]
    await api.json("agent", "GET", "/messages?after=hotline-1.99", 422)
    await api.json("agent", "GET", f"/messages?after={call_id(9)}", 422)
    assert [one["id"] for one in (await api.json("agent", "GET", "/calls?message=true"))["items"]] == [
        call_id(2),
        call_id(1),
    ]


async def test_heard_once_and_by_whom(api: Api) -> None:
    path = f"/messages/{call_id(1)}/heard"
    shown = await api.json("agent", "POST", path)
    assert (shown["heard_by"], shown["call_id"]) == ("user:agent", call_id(1))
    assert await ids(api) == [call_id(2)]
    assert (await api.json("dispatcher", "POST", path))["heard_by"] == "user:agent"
    assert [(by, what) for by, what, _ in await audited(api.engine, f"call:{call_id(1)}")] == [
        ("user:agent", "message.heard")
    ]
    await api.json("agent", "POST", f"/messages/{call_id(3)}/heard", 404)
    await api.json("agent", "POST", f"/messages/{call_id(9)}/heard", 404)


async def test_the_message_and_nothing_else_of_the_recording(api: Api) -> None:
    for who in HEARS:
        answer = await api.ask(who, "GET", f"/messages/{call_id(1)}/sound")
        with wave.open(io.BytesIO(await answer.read())) as file:
            assert (answer.status, file.getnframes()) == (200, 4000)
    part = {"Range": "bytes=0-43"}
    ranged = await api.ask("agent", "GET", f"/messages/{call_id(1)}/sound", headers=part)
    assert (ranged.status, len(await ranged.read())) == (206, 44)
    for part_of in ("call", "message"):
        await api.json("agent", "GET", f"/calls/{call_id(1)}/recording?part={part_of}", 403)
    await api.json("agent", "GET", f"/messages/{call_id(3)}/sound", 404)
    heard = [(by, what, detail["part"]) for by, what, detail in await audited(api.engine, f"call:{call_id(1)}")]
    assert heard == [(f"user:{who}", "message.listen", "message") for who in HEARS], "one entry a listening"
    for who in NOT:
        for method, path in (("GET", ""), ("GET", f"/{call_id(1)}/sound"), ("GET", f"/{call_id(1)}/words")):
            await api.json(who, method, f"/messages{path}", 403)
        await api.json(who, "POST", f"/messages/{call_id(1)}/heard", 403)


async def test_its_words_and_not_those_of_the_call(api: Api) -> None:
    assert (await api.json("agent", "GET", f"/messages/{call_id(1)}/words"))["items"] == []
    async with api.engine.begin() as connection:
        newest = text("UPDATE transcripts SET expected_at = now() + interval '1 day' WHERE call_id = :id")
        await connection.execute(newest, {"id": call_id(1)})
        one = await transcripts.claim(connection)
        assert one is not None
        assert one.call_id == call_id(1)
        assert await transcripts.finish(connection, one, Made(SAID, "whisper", "base", 8.0, message_ms=4000), NOW)
    words = await api.json("agent", "GET", f"/messages/{call_id(1)}/words")
    assert words["state"] == "done"
    assert words["items"] == [{"start_ms": 1000, "end_ms": 3000, "text": "我家停水，电话139****2222"}]
    life = await api.json("supervisor", "GET", f"/calls/{call_id(1)}")
    assert life["recording"]["parts"] == ["call", "message"]
    assert [one["what"] for one in life["listened"]] == ["transcript"], "twice within ten minutes is one reading"


async def test_of_a_confidential_ticket_only_to_who_sees_it(api: Api) -> None:
    number = await ticket_of(api, call_id(1), NOW)
    await turn_secret(api, number, "dispatcher")
    assert await ids(api, who="agent") == [call_id(2)]
    assert await ids(api, who="dispatcher") == [call_id(1), call_id(2)]
    for who, status in (("agent", 404), ("dispatcher", 200)):
        await api.json(who, "GET", f"/messages/{call_id(1)}/words", status)
        await api.json(who, "POST", f"/messages/{call_id(1)}/heard", status)
        answer = await api.ask(who, "GET", f"/messages/{call_id(1)}/sound")
        assert answer.status == status
        answer.close()


async def test_what_cannot_be_heard_yet_or_any_more(api: Api) -> None:
    await add_call(api.engine, 4, at=NOW, message_file="x.wav")
    states = {"pending": "pending", "missing": "lost", "erased": "erased"}
    for state, shown in states.items():
        async with api.engine.begin() as connection:
            await connection.execute(
                text("UPDATE recordings SET state = :state WHERE call_id = :id"), {"state": state, "id": call_id(4)}
            )
        last = (await api.json("agent", "GET", "/messages"))["items"][-1]
        assert (last["sound"], last["seconds"]) == (shown, None)
