"""The demonstration over the API: what is refused is refused before anything is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.demo import Demonstration
from hotline.settings import Settings
from hotline.settings_sections import Sip, Trunk
from people import passwords
from people.roles import Role
from tests.unit.api_peer import BASE, Api, services_for
from web.app import create_app


async def test_robots_that_cannot_call_load_nothing(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passwords of what was loaded would be told by no answer."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    services = services_for(engine, database_url, tmp_path)
    connected = Settings(home=tmp_path, sip=Sip(trunk=Trunk(host="192.0.2.1")))
    work = replace(services, demo=Demonstration(connected, engine, services.rulebook))
    async with TestClient(TestServer(create_app({}, work))) as client:
        api = Api(client, engine, work)
        await api.sign_in("administrator", Role.ADMINISTRATOR, None)
        wanted = {"city": "yangling", "force": True}
        refused = await api.json("administrator", "POST", "/demo", 422, json=wanted)
        assert refused["code"] == "demo_refused"
        standing = await api.json("administrator", "GET", "/demo")
        assert (standing["now"], standing["robots_possible"]) == (None, False)
        loaded = await api.json("administrator", "POST", "/demo", 201, json={**wanted, "robots": False})
        who = loaded["users"][0]
        signing_in = {"name": who["name"], "password": who["password"]}
        answer = await client.post(f"{BASE}/session", json=signing_in)
        assert (await answer.json())["me"]["must_change"] is False
