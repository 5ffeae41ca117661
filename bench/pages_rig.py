"""What the pages are measured with: a database with a sample city, the staff's sessions, the server, Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from playwright.async_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page
from sqlalchemy import select

from bench.pages_server import Pace
from bench.tickets import database
from hotline.db import open_engine
from hotline.demo import Demonstration
from hotline.pages import built_pages
from hotline.rulebook import Rulebooks, open_rulebook
from hotline.settings import CHECKOUT, Settings
from hotline.settings_sections import Web
from hotline.trial import free_ports
from people import seats, sessions
from people.roles import Role
from people.tables import users
from tests.browser.browsing import binary, chromium
from tools import build_pages
from web.api.auth import COOKIE

CITY = "dalian"
SEAT = "1001"
"""A desk telephone's: the page needs no Asterisk to show it."""
DESKTOP, MOBILE = (1366, 768), (390, 844)
_START_SECONDS = 30.0


@dataclass(frozen=True)
class Rig:
    """``tokens``: sessions by role."""

    settings: Settings
    pages: Path
    browser: Browser
    tokens: dict[Role, str]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.settings.web.port}"

    @contextmanager
    def serving(self, pace: Pace) -> Iterator[None]:
        """The server in a process of its own, from its start to its end."""
        command = [sys.executable, "-m", "bench.pages_server", "--pages", str(self.pages), f"--events={pace.events}"]
        command += [f"--speed={pace.speed}", *(["--whole"] if pace.whole else [])]
        home = {"HOTLINE_HOME": str(self.settings.home), "HOTLINE_WEB__PORT": str(self.settings.web.port)}
        environment = {**os.environ, **home}
        with (self.settings.home / "web.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        try:
            if process.stdout is None or not process.stdout.readline():
                raise click.ClickException((self.settings.home / "web.log").read_text()[-1000:])
            yield
        finally:
            process.terminate()
            process.wait(20)

    @asynccontextmanager
    async def visitor(self, role: Role | None, size: tuple[int, int] = DESKTOP) -> AsyncIterator[Visitor]:
        """A browser that has been nowhere yet. ``role``: signed in as such."""
        context = await self.browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": size[0], "height": size[1]}
        )
        try:
            if role is not None:
                token, path = self.tokens[role], "/api/v1"
                await context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": path}])
            yield Visitor(self, context)
        finally:
            await context.close()


@dataclass
class Visitor:
    rig: Rig
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def tab(self) -> tuple[Page, CDPSession]:
        """A new one, with the debugger's protocol to it."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        return page, await self.context.new_cdp_session(page)

    def _said(self, message: ConsoleMessage) -> None:
        # Whoever is not signed in yet is told so.
        if message.type == "error" and "status of 401" not in message.text:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Everything that does not depend on the pace. Raises ClickException."""
    path = binary()
    if path is None:
        raise click.ClickException("no browser: `python -m tools.bootstrap --dev` looks for one")
    if build_pages.build(again=True):
        raise click.ClickException("no pages")
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        home = Path(name)
        home.chmod(0o711)
        with database(home):
            (port,) = free_ports(1)
            settings = Settings(home=home, web=Web(port=port))
            tokens = await _staff(settings)
            async with chromium(path) as browser:
                yield Rig(settings, built_pages(), browser, tokens)


async def _staff(settings: Settings) -> dict[Role, str]:
    """A sample city with its tickets, and somebody of each role who is signed in; the agent sits."""
    tokens: dict[Role, str] = {}
    async with open_engine(settings) as engine:
        loaded = await Demonstration(settings, engine, Rulebooks(open_rulebook(settings, create=True))).load(
            CITY, "bench", "127.0.0.1", force=False
        )
        now = datetime.now(UTC)
        async with engine.begin() as connection:
            for one in loaded.users:
                row = (await connection.execute(select(users).where(users.c.name == one.name))).one()
                for role in one.roles:
                    if role not in tokens:
                        tokens[role] = (await sessions.begin(connection, row, "127.0.0.1", now)).token
                    if role is Role.AGENT and await seats.taken_by(connection, SEAT, now) is None:
                        await seats.take(connection, SEAT, row.id, now)
    return tokens
