"""Many SIP phones in one program of ``phone/``, driven by awaiting their events."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.asterisk.instance import CHECKOUT, Instance

Event = dict[str, Any]
CITIZEN = "127.0.0.10"


@dataclass
class Call:
    """One call of one phone: everything that happened, and a way to wait for what will."""

    name: str
    phones: Phones
    events: list[Event] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, event: str, detail: str | None = None, timeout: float = 15.0) -> Event:
        """The first such event, past or to come."""

        def match() -> Event | None:
            return next(
                (e for e in self.events if e["event"] == event and detail in (None, e.get("detail"))),
                None,
            )

        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(match)
        except TimeoutError as error:
            raise AssertionError(f"{self.name}: no {event} {detail or ''} in {timeout} s: {self.events}") from error
        found = match()
        assert found is not None
        return found

    async def add(self, event: Event) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def send(self, cmd: str, **fields: Any) -> None:
        self.phones.send(cmd=cmd, call=self.name, **fields)

    async def hang_up(self) -> Event:
        self.send("hangup")
        return await self.wait("ended")

    def said(self, event: str) -> list[str | None]:
        return [e.get("detail") for e in self.events if e["event"] == event]


class Phones:
    """One phone process. Calls to citizens' numbers and agents' phones; see ``phone/serve.py`` for the commands."""

    def __init__(self, process: asyncio.subprocess.Process, instance: Instance) -> None:
        self._process = process
        self.instance = instance
        self.calls: dict[str, Call] = {}
        self.account_events: list[Event] = []
        self._changed = asyncio.Condition()
        self._count = 0
        self._reader = asyncio.create_task(self._read())

    def send(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def citizen(self, number: str = "13900001111", to: str = "12345", **script: Any) -> Call:
        """Dial; returns at once. ``script`` as in ``phone/script.py``: keys, say, tone, record, for, ..."""
        self._count += 1
        name = f"c{self._count}"
        account = f"a{self._count}"
        call = self.calls[name] = Call(name, self)
        bind = script.pop("bind", CITIZEN)
        port = script.pop("port", self.instance.sip)
        self.send(cmd="account", account=account, uri=f"sip:{number}@{bind}", bind=bind)
        await self.account(account, "ready")
        fields = {key: str(value) if isinstance(value, Path) else value for key, value in script.items()}
        self.send(cmd="call", account=account, call=name, to=f"sip:{to}@127.0.0.1:{port}", **fields)
        return call

    async def agent(self, extension: str, login: bool = True, calls: int = 1, **script: Any) -> None:
        """Register an agent's phone, by default logged in and answering at once."""
        from hotline.agent_state import login as log_in  # the project's own way in

        settings = self.instance.settings
        fields = {"answer_after": 0.2, **script}
        fields = {key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}
        server = f"127.0.0.1:{self.instance.sip}"
        self.send(
            cmd="account",
            account=extension,
            uri=f"sip:{extension}@{server}",
            registrar=f"sip:{server}",
            user=extension,
            password=self.instance.agent_password(extension),
            calls=calls,
            **fields,
        )
        await self.account(extension, "registered")
        if login:
            await log_in(settings, extension)

    async def service(self, name: str, bind: str, port: int, **script: Any) -> None:
        """A phone that plays the emergency centre: answers whatever arrives there."""
        fields = {"answer_after": 0.2, **script}
        fields = {key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}
        self.send(cmd="account", account=name, uri=f"sip:{name}@{bind}", bind=bind, port=port, calls=30, **fields)
        await self.account(name, "ready")

    async def account(self, name: str, event: str, timeout: float = 10.0) -> Event:
        def match() -> Event | None:
            return next((e for e in self.account_events if e.get("account") == name and e["event"] == event), None)

        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(match)
        except TimeoutError as error:
            raise AssertionError(f"account {name}: no {event}: {self.account_events}") from error
        found = match()
        assert found is not None
        return found

    async def incoming(self, account: str, number: int = 1, timeout: float = 20.0) -> Call:
        """The ``number``-th call that reached this account."""
        name = f"{account}#{number}"
        call = self.calls.setdefault(name, Call(name, self))
        await call.wait("incoming", timeout=timeout)
        return call

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            if event.get("call"):
                await self.calls.setdefault(event["call"], Call(event["call"], self)).add(event)
            else:
                async with self._changed:
                    self.account_events.append(event)
                    self._changed.notify_all()

    async def close(self) -> None:
        self.send(cmd="quit")
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader


@asynccontextmanager
async def open_phones(instance: Instance, python: Path) -> AsyncIterator[Phones]:
    process = await asyncio.create_subprocess_exec(
        str(python),
        "-m",
        "phone",
        "serve",
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    phones = Phones(process, instance)
    try:
        yield phones
    finally:
        await phones.close()
