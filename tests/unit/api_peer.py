"""The API as its clients see it: the real application on a real PostgreSQL, and people of every role to ask it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callback.outgoing import NewOutgoing
from calls.recording_seal import Keys
from hotline.db import driver_url
from hotline.speaker import Speaker
from people import sessions, tokens
from people.roles import Permission, Role
from people.secrets_box import Box
from people.tables import users
from people.units import Unit, UnitKind, save_unit
from tests.unit.seat_people import SEATS, Switchboard
from tickets.catalogue import Catalogue
from tickets.rulebook import Rulebook, load_rulebook
from tickets.tables import tickets
from web.api.services import Services
from web.app import api_document, create_app
from web.files import Files
from web.floor import Floors
from web.live import Live
from web.sounds import Sounds

BASE = "/api/v1"
KEYS = Keys({"test": bytes(range(32))}, sealing=False)
BOX = Box({"test": bytes(range(32))})
UNITS = ("housing", "water", "xian")
CATALOGUE = Catalogue.model_validate(
    {"派单目录": [{"事项": "供水", "关键词": ["停水"], "承办单位": "water"}, {"事项": "其他", "承办单位": "housing"}]}
)
PEOPLE: Mapping[str, tuple[Role, str | None]] = {
    "agent": (Role.AGENT, None),
    "dispatcher": (Role.DISPATCHER, None),
    "officer": (Role.UNIT_OFFICER, "housing"),
    "leader": (Role.UNIT_LEADER, "housing"),
    "stranger": (Role.UNIT_OFFICER, "water"),
    "supervisor": (Role.SUPERVISOR, None),
    "manager": (Role.MANAGER, None),
    "administrator": (Role.ADMINISTRATOR, None),
}
"""``officer`` and ``leader`` are of the unit that gets the tickets, ``stranger`` of another one."""


def make_rulebook(policy: str = "dalian-2015") -> Rulebook:
    return load_rulebook(policy, BOX, b"m" * 32)


@dataclass
class Api:
    client: TestClient[Any, Any]
    engine: AsyncEngine
    services: Services
    tokens: dict[str, str] = field(default_factory=dict)

    async def ask(self, who: str | None, method: str, path: str, **given: Any) -> ClientResponse:
        """``who``: a name of :data:`PEOPLE`, a token, or None."""
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        return await self.client.request(method, BASE + path, headers=headers, **given)

    async def json(self, who: str | None, method: str, path: str, status: int = 200, **given: Any) -> Any:
        answer = await self.ask(who, method, path, **given)
        text = await answer.text()
        assert answer.status == status, (method, path, answer.status, text)
        return await answer.json(content_type=None) if text else None

    async def new(self, who: str = "agent", **fields: Any) -> str:
        """The number of a new ticket."""
        request = {
            "category": "complaint",
            "title": "停水",
            "content": "小区停水三天",
            "caller": "13900001111",
            **fields,
        }
        made = await self.json(who, "POST", "/tickets", 201, json=request)
        return str(made["number"])

    async def upload(self, who: str, number: str, content: bytes, name: str = "a.txt") -> ClientResponse:
        form = FormData(quote_fields=False)
        form.add_field("file", io.BytesIO(content), filename=name)
        return await self.ask(who, "POST", f"/tickets/{number}/attachments", data=form)

    async def do(self, who: str, number: str, do: str, status: int = 200, **fields: Any) -> Any:
        """A command on the version that is there now."""
        async with self.engine.connect() as connection:
            version = await connection.scalar(select(tickets.c.version).where(tickets.c.number == number))
        headers = {"If-Match": f'"{number}-{version}"'}
        body = {"do": do, **fields}
        return await self.json(who, "POST", f"/tickets/{number}/commands", status, json=body, headers=headers)

    async def dispatched(self, unit: str = "housing", **fields: Any) -> str:
        """A ticket at ``unit``. A confidential one is dispatched by its handler, the dispatcher."""
        if fields.get("confidential"):
            fields["handler"] = "dispatcher"
        number = await self.new(**fields)
        await self.do("dispatcher", number, "accept")
        await self.do("dispatcher", number, "dispatch", unit=unit)
        return number

    async def sign_in(self, name: str, role: Role, unit: str | None) -> str:
        """Without the slow password: a session's token."""
        now = datetime.now(UTC)
        async with self.engine.begin() as connection:
            values = {
                "name": name,
                "display_name": name,
                "roles": [role],
                "unit": unit,
                "password_hash": "x",
                "must_change": False,
                "created_at": now,
            }
            row = (await connection.execute(insert(users).values(values).returning(users))).one()
            self.tokens[name] = (await sessions.begin(connection, row, "127.0.0.1", now)).token
        return self.tokens[name]

    async def token(self, permissions: list[Permission], unit: str | None = None) -> str:
        now = datetime.now(UTC)
        async with self.engine.begin() as connection:
            made = await tokens.create_token(
                connection, "platform", permissions, expires_at=now + timedelta(days=1), now=now, unit=unit
            )
        return made.token


@dataclass
class Telephone:
    """Writes down who is to be rung; ``why``: what it answers."""

    rung: list[NewOutgoing] = field(default_factory=list)
    why: str = ""

    async def __call__(self, call: NewOutgoing) -> str:
        self.rung.append(call)
        return self.why


def services_for(engine: AsyncEngine, url: str, folder: Path, proxies: frozenset[str] = frozenset()) -> Services:
    book = make_rulebook()
    return Services(
        engine=engine,
        rulebook=lambda: book,
        live=Live(engine, driver_url(url)),
        files=Files(folder / "attachments"),
        document=api_document,
        catalogue=CATALOGUE,
        proxies=proxies,
        surveys=frozenset({"satisfaction", "missed", "opinion"}),
        extensions=frozenset(SEATS),
        ring=Telephone(),
        sounds=Sounds(folder, lambda: KEYS),
        announcer=Speaker(folder / "spoken", lambda: None),
        telephone=Switchboard(),
        floors=Floors(),
    )


@asynccontextmanager
async def api_for(
    engine: AsyncEngine, url: str, folder: Path, proxies: frozenset[str] = frozenset()
) -> AsyncIterator[Api]:
    services = services_for(engine, url, folder, proxies)
    async with TestClient(TestServer(create_app({}, services))) as client:
        api = Api(client, engine, services)
        async with engine.begin() as connection:
            for unit in UNITS:
                await save_unit(
                    connection, Unit(unit, unit, UnitKind.COUNTY if unit == "xian" else UnitKind.DEPARTMENT)
                )
        for name, (role, unit_of) in PEOPLE.items():
            await api.sign_in(name, role, unit_of)
        yield api
