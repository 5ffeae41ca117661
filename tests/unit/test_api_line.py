"""Announcements, maintenance and malicious callers over the API."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, FormData
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.prompts import FOLDER as PROMPTS
from line.barred import Repeats, propose
from people.tables import audit_entries
from tests.unit.api_peer import Api, api_for
from tests.unit.line_people import CALLER, add_call

WAV = (PROMPTS / "zh" / "to-agent.wav").read_bytes()


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def upload(api: Api, content: bytes, who: str = "supervisor") -> ClientResponse:
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename="a.wav")
    return await api.ask(who, "POST", "/line/sounds", data=form)


async def announce(api: Api, status: int = 201, **fields: Any) -> Any:
    body = {"text": "中山区停水已知悉", "ends_at": at(2), **fields}
    return await api.json("supervisor", "POST", "/line/announcements", status, json=body)


async def actions(api: Api) -> list[str]:
    async with api.engine.connect() as connection:
        return list(await connection.scalars(select(audit_entries.c.action).order_by(audit_entries.c.id)))


async def test_an_announcement_with_a_recording_from_beginning_to_end(api: Api, tmp_path: Path) -> None:
    sound = await (await upload(api, WAV)).json()
    assert (tmp_path / "spoken" / f"{sound['sound']}.wav").is_file()
    made = await announce(api, sound=sound["sound"], topic="供水", district="中山区")
    assert (made["on"], made["topic"], made["heard"], made["by"]) == (True, "water", 0, "user:supervisor")
    for who in ("agent", "dispatcher", "manager", "supervisor"):
        shown = await api.json(who, "GET", "/line/announcements")
        assert shown["items"] == [made]
    ended = await api.json("supervisor", "POST", f"/line/announcements/{made['id']}/off")
    assert (ended["on"], ended["off_by"]) == (False, "user:supervisor")
    assert (await api.json("agent", "GET", "/line/announcements"))["items"] == []
    assert (await api.json("agent", "GET", "/line/announcements?ended=true"))["items"] == [ended]
    await api.json("supervisor", "POST", f"/line/announcements/{made['id']}/off", 404)
    assert await actions(api) == ["announcement.sound", "announcement.on", "announcement.off"]


async def test_without_a_voice_the_supervisor_is_told_what_to_do(api: Api) -> None:
    said = await announce(api, 503)
    assert said["code"] == "no_voice"
    assert "录音" in said["detail"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sound": "0" * 32}, "sound"),
        ({"topic": "天气"}, "topic"),
        ({"district": "zhongshan"}, "text"),
        ({"ends_at": at(-1)}, "until"),
        ({"ends_at": at(24 * 40)}, "until"),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, "until"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"starts_at": at(3)}, "until"),
        ({"text": " 停 "}, "text"),
        ({"text": "停\x07水水"}, "text"),
        ({"ends_at": "2026-11-22T18:00:00"}, "invalid"),
        ({"sound": "../../etc/passwd"}, "invalid"),
    ],
)
async def test_what_is_announced_is_checked(api: Api, fields: dict[str, Any], code: str) -> None:
    assert (await announce(api, 422, **fields))["code"] == code
    assert await actions(api) == []


@pytest.mark.parametrize(("content", "status"), [(b"", 422), (b"RIFF", 422), (WAV[:40], 422), (bytes(3 << 20), 413)])
async def test_what_is_no_recording_is_refused(api: Api, content: bytes, status: int) -> None:
    answer = await upload(api, content)
    assert answer.status == status, await answer.text()


async def test_maintenance_is_switched_on_and_off(api: Api) -> None:
    assert (await api.json("agent", "GET", "/line/maintenance"))["on"] is False
    body = {"reason": "系统升级", "until": at(1)}
    made = await api.json("supervisor", "PUT", "/line/maintenance", json=body)
    assert (made["on"], made["reason"], made["by"]) == (True, "系统升级", "user:supervisor")
    assert (await api.json("agent", "GET", "/line/maintenance")) == made
    for until in (at(-1), "9999-12-31T23:59:59-14:00"):
        wrong = {"reason": "系统升级", "until": until}
        assert (await api.json("supervisor", "PUT", "/line/maintenance", 422, json=wrong))["code"] == "until"
    assert (await api.json("supervisor", "DELETE", "/line/maintenance"))["on"] is False
    await api.json("supervisor", "DELETE", "/line/maintenance", 404)
    assert await actions(api) == ["maintenance.on", "maintenance.off"]


async def test_a_caller_is_barred_and_let_go(api: Api) -> None:
    body = {"number": "139 0000 1111", "reason": "反复辱骂话务员", "until": at(24)}
    made = await api.json("supervisor", "POST", "/line/barred", 201, json=body)
    assert (made["number"], made["proposed"], made["by"]) == (CALLER, False, "user:supervisor")
    await api.json("supervisor", "POST", "/line/barred", 409, json=body)
    assert (await api.json("supervisor", "GET", "/line/barred"))["items"] == [made]
    lifted = await api.json("supervisor", "POST", f"/line/barred/{made['id']}/lift")
    assert lifted["lifted_by"] == "user:supervisor"
    await api.json("supervisor", "POST", f"/line/barred/{made['id']}/lift", 404)
    assert (await api.json("supervisor", "GET", "/line/barred?ended=true"))["items"] == [lifted]
    for number in ("110", "12345", "x"):
        await api.json("supervisor", "POST", "/line/barred", 422, json={**body, "number": number})
    assert (await actions(api)).count("barred.list") == 2


async def test_a_proposal_is_decided_by_a_person(api: Api) -> None:
    now = datetime.now(UTC)
    async with api.engine.begin() as connection:
        for minutes in range(3):
            await add_call(connection, now - timedelta(minutes=minutes + 1), 3.0)
        (one,) = await propose(connection, Repeats(3, 10), now)
    (shown,) = (await api.json("supervisor", "GET", "/line/barred?proposed=true"))["items"]
    assert (shown["id"], shown["proposed"]) == (one.id, True)
    decided = await api.json("supervisor", "POST", f"/line/barred/{one.id}/decision", json={"bar": True})
    assert (decided["proposed"], decided["by"]) == (False, "user:supervisor")
    await api.json("supervisor", "POST", f"/line/barred/{one.id}/decision", 404, json={"bar": False})


async def test_pages(api: Api) -> None:
    sound = (await (await upload(api, WAV)).json())["sound"]
    made = [await announce(api, sound=sound) for _ in range(3)]
    first = await api.json("agent", "GET", "/line/announcements?limit=2")
    assert [one["id"] for one in first["items"]] == [made[2]["id"], made[1]["id"]]
    rest = await api.json("agent", "GET", f"/line/announcements?limit=2&after={first['next']}")
    assert [one["id"] for one in rest["items"]] == [made[0]["id"]]
    assert rest["next"] is None
