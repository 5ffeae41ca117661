"""The first administrator comes by the one-time link, once, and by nothing else."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from click.testing import CliRunner
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.cli import main
from hotline.first_run import FILE, SetupFile, setup_link, web_address
from hotline.secrets import load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Database, Web
from people import passwords
from people.accounts import create_user
from people.roles import Role
from people.tables import audit_entries, demo_items
from tests.unit.api_peer import services_for
from web.api.citizens import SETUP
from web.app import create_app

Client = TestClient[Any, Any]
URL = "/api/v1/setup"
PASSWORD = "长而好记的一句密码话"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def link(tmp_path: Path) -> SetupFile:
    return SetupFile(tmp_path / "run")


@pytest_asyncio.fixture
async def client(engine: AsyncEngine, database_url: str, tmp_path: Path, link: SetupFile) -> AsyncIterator[Client]:
    services = replace(services_for(engine, database_url, tmp_path), setup=link)
    async with TestClient(TestServer(create_app({}, services))) as client:
        yield client


def body(link_token: str, **changed: str) -> dict[str, str]:
    return {"token": link_token, "name": "admin", "password": PASSWORD, "display_name": "管理员", **changed}


async def test_whoever_has_the_link_becomes_the_administrator(client: Client, link: SetupFile) -> None:
    token = link.make()
    assert (await (await client.get(URL)).json())["open"] is True
    made = await client.post(URL, json=body(token))
    assert (made.status, (await made.json())["roles"]) == (201, ["administrator"])
    assert (await (await client.get(URL)).json())["open"] is False
    signed_in = await client.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    me = (await signed_in.json())["me"]
    assert (me["must_change"], "user.manage" in me["permissions"]) == (False, True)
    again = await client.post(URL, json=body(token, name="second"))
    assert again.status == 403, "it was for once"


async def test_a_second_link_does_not_make_a_second_administrator(client: Client, link: SetupFile) -> None:
    await client.post(URL, json=body(link.make()))
    assert (await client.post(URL, json=body(link.make(), name="second"))).status == 409


async def test_of_two_at_once_one_wins(client: Client, link: SetupFile) -> None:
    token = link.make()
    answers = await asyncio.gather(*(client.post(URL, json=body(token, name=f"admin{one}")) for one in range(4)))
    statuses = sorted(one.status for one in answers)
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {403, 409}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"token": "x" * 43}, 403),
        ({"token": "短"}, 422),
        ({"password": "1234567890"}, 422),
        ({"password": "admin12345"}, 422),
        ({"name": "Admin"}, 422),
        ({"name": "system"}, 422),
    ],
)
async def test_what_does_not_do(client: Client, link: SetupFile, changed: dict[str, str], status: int) -> None:
    token = link.make()
    assert (await client.post(URL, json=body(token, **changed))).status == status
    assert (await (await client.get(URL)).json())["open"] is True
    assert link.matches(token), "it can still be used"


async def test_without_a_link_nobody(client: Client, link: SetupFile) -> None:
    assert (await client.post(URL, json=body("x" * 43))).status == 403
    first, second = link.make(), link.make()
    assert not link.matches(first)
    assert link.matches(second)


async def test_guessing_is_slowed_down_and_told_once(client: Client, engine: AsyncEngine) -> None:
    statuses = [(await client.post(URL, json=body(f"{one:043}"))).status for one in range(SETUP.of_one + 3)]
    assert statuses == [403] * SETUP.of_one + [429] * 3
    async with engine.connect() as connection:
        actions = (await connection.scalars(select(audit_entries.c.action))).all()
    assert actions == ["public.setup_limited"]


def test_what_is_kept_is_no_token(link: SetupFile, tmp_path: Path) -> None:
    token = link.make()
    path = tmp_path / "run" / FILE
    assert token not in path.read_text()
    assert not link.matches(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"\xff\xfe")
    assert not link.matches(token)


async def test_the_link_is_offered_while_there_is_nobody(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database=Database(url=database_url), web=Web(bind="0.0.0.0", port=8123))
    load_or_create(settings, [])
    found = await setup_link(settings)
    assert found is not None
    address, _, token = found.partition("#")
    assert address == "http://127.0.0.1:8123/desk/setup"
    assert SetupFile(settings.run_dir).matches(token)
    async with engine.begin() as connection:
        await create_user(connection, "demoadmin", [Role.ADMINISTRATOR], now=datetime.now(UTC))
        await connection.execute(insert(demo_items).values(kind="user", key="demoadmin"))
    assert await setup_link(settings) is not None, "a demonstration's administrator is nobody"
    async with engine.begin() as connection:
        await create_user(connection, "admin", [Role.ADMINISTRATOR], now=datetime.now(UTC))
    assert await setup_link(settings) is None
    assert not (settings.run_dir / FILE).exists()


@pytest.mark.parametrize(
    ("bind", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("10.0.0.5", "10.0.0.5"),
        ("desk.example", "desk.example"),
    ],
)
def test_how_the_web_server_is_reached(tmp_path: Path, bind: str, host: str) -> None:
    assert web_address(Settings(home=tmp_path, web=Web(bind=bind, port=80))) == f"http://{host}:80"


def test_the_command_shows_a_new_link(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    shown = CliRunner().invoke(main, ["setup", "link"])
    assert shown.exit_code == 0, shown.output
    assert SetupFile(tmp_path / "run").matches(shown.output.strip().partition("#")[2])
    made = CliRunner().invoke(main, ["user", "add", "boss", "--role", "administrator"])
    assert made.exit_code == 0, made.output
    again = CliRunner().invoke(main, ["setup", "link"])
    assert (again.exit_code, "已有管理员" in again.output) == (1, True)
