"""What a handler is given and what it gives back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from people.audit import AuditEntry, record
from people.principal import Principal
from tickets.catalogue import Catalogue
from tickets.permits import Actor
from web.api.services import Services
from web.forwarded import own_entry
from web.limits import place_of

Body = TypeVar("Body")
NOTHING = Principal(0, "", "", frozenset(), None, frozenset())
"""Nobody is signed in."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[Body]):
    """``body`` is written as the model that the handler's annotation names. ``status`` None: the endpoint's own."""

    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not JSON: a file, a stream. The handler has prepared it, or leaves that to aiohttp."""

    response: web.StreamResponse


def address_of(request: web.Request, proxies: Collection[str]) -> str:
    """Where the request came from."""
    remote = request.remote or ""
    if remote in proxies:
        remote = own_entry(request, "X-Forwarded-For") or remote
    return remote[:100]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``token`` is what the caller showed for being who they are."""

    request: web.Request
    services: Services
    principal: Principal
    token: str = field(repr=False)
    request_id: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def address(self) -> str:
        return address_of(self.request, self.services.proxies)

    @property
    def place(self) -> str:
        """By what those who ask from there are counted together."""
        return place_of(self.address)

    @property
    def actor(self) -> Actor:
        """As the tickets know who acts: a user by name, which is also how a confidential ticket names its handler."""
        who = self.principal
        return Actor(who.name if who.kind == "user" else who.actor, frozenset(map(str, who.permissions)), who.unit)

    async def catalogue(self, connection: AsyncConnection) -> Catalogue | None:
        """The city's 派单目录; where none is set, that of the demonstration."""
        services = self.services
        if services.catalogue is None and services.demo is not None:
            return await services.demo.catalogue(connection)
        return services.catalogue

    async def audit(self, connection: AsyncConnection, action: str, about: str = "", /, **detail: Any) -> None:
        """Write down who does what, in the transaction of the act."""
        entry = AuditEntry(self.at, self.principal.actor, action, about, detail, self.address, self.request_id)
        await record(connection, entry)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.services.engine.begin() as connection:
            yield connection


Answer = Reply[Any] | Raw
