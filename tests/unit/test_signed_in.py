"""Whose telephone counts as staff's at ``/ws``: also while the database is away, and never by a cookie made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.api_peer import Api, api_for, services_for
from web import sip_socket
from web.api import auth
from web.api.auth import COOKIE, SignedIn
from web.app import create_app
from web.sip_socket import Bucket


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as made:
        yield made


async def known(signed_in: SignedIn, cookie: str) -> bool | None:
    return await signed_in(make_mocked_request("GET", "/ws", headers={"Cookie": f"{COOKIE}={cookie}"}))


async def _no_answer(*given: object, **more: object) -> None:
    await asyncio.Event().wait()


async def test_who_was_known_is_known_while_the_database_is_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = SignedIn(api.services)
    assert await known(signed_in, api.tokens["agent"]) is True
    assert await known(signed_in, "made-up") is False
    assert await signed_in(make_mocked_request("GET", "/ws")) is False
    monkeypatch.setattr(auth, "_principal", _no_answer)
    monkeypatch.setattr(auth, "_SIGNED_IN_SECONDS", 0.05)
    assert await known(signed_in, api.tokens["agent"]) is True
    assert await known(signed_in, "made-up") is None
    assert await known(signed_in, api.tokens["supervisor"]) is None, "never seen here"
    assert await signed_in(make_mocked_request("GET", "/ws")) is False


async def test_who_signed_out_is_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = SignedIn(api.services)
    assert await known(signed_in, api.tokens["agent"])
    await api.json("agent", "DELETE", "/session", 204)
    assert await known(signed_in, api.tokens["agent"]) is False
    monkeypatch.setattr(auth, "_principal", _no_answer)
    monkeypatch.setattr(auth, "_SIGNED_IN_SECONDS", 0.05)
    assert await known(signed_in, api.tokens["agent"]) is None


async def test_so_many_are_remembered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = SignedIn(api.services)
    monkeypatch.setattr(auth, "_REMEMBERED", 1)
    assert await known(signed_in, api.tokens["agent"])
    assert await known(signed_in, api.tokens["supervisor"])
    monkeypatch.setattr(auth, "_principal", _no_answer)
    monkeypatch.setattr(auth, "_SIGNED_IN_SECONDS", 0.05)
    assert await known(signed_in, api.tokens["supervisor"]) is True
    assert await known(signed_in, api.tokens["agent"]) is None


async def test_a_subscriber_of_many_addresses_is_one(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_socket, "OPENED", 1)
    monkeypatch.setattr(sip_socket, "Bucket", lambda rate, most, level, at: partial(Bucket, 0.0)(most, level, at))
    services = services_for(engine, database_url, tmp_path, frozenset({"127.0.0.1"}))
    nowhere = replace(services, sip_socket="ws://127.0.0.1:1/ws")
    async with TestClient(TestServer(create_app({}, nowhere))) as client:

        async def ask(address: str) -> int:
            origin = str(client.make_url("/")).rstrip("/")
            headers = {"Origin": origin, "Sec-WebSocket-Protocol": "sip", "X-Forwarded-For": address}
            return (await client.get("/ws", headers=headers)).status

        assert [await ask(one) for one in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [503, 429, 503]
