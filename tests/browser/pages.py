"""What people do with the pages, in their own words: sign in, sit down, call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from playwright.async_api import expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.db import open_engine
from people import accounts, sessions
from people.roles import Role
from people.tables import users
from tests.asterisk.instance import Instance
from tests.browser.browsing import Tab, Window
from web.api.auth import COOKIE


@dataclass(frozen=True)
class Person:
    """Of the staff. ``session``: a token, as if signed in already."""

    name: str
    password: str
    session: str


async def employed(
    hotline: Instance, name: str, *roles: Role, unit: str | None = None, display_name: str = "", new: bool = False
) -> Person:
    """``new``: the first password still has to be changed."""
    now = datetime.now(UTC)
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        _, password = await accounts.create_user(
            connection, name, roles, now=now, display_name=display_name or name, unit=unit, must_change=new
        )
        return Person(name, password, await _session(connection, name))


async def there(hotline: Instance, name: str) -> Person:
    """Somebody who came with a sample city, whose first password needs no change any more."""
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        await connection.execute(update(users).where(users.c.name == name).values(must_change=False))
        return Person(name, "", await _session(connection, name))


async def _session(connection: AsyncConnection, name: str) -> str:
    row = (await connection.execute(select(users).where(users.c.name == name))).one()
    return (await sessions.begin(connection, row, "127.0.0.1", datetime.now(UTC))).token


async def enter(window: Window, person: Person, path: str = "/desk/") -> Tab:
    """Already signed in: the form has a test of its own, and Argon2 takes its time."""
    host = urlsplit(window.origin).hostname or ""
    await window.context.add_cookies(
        [{"name": COOKIE, "value": person.session, "domain": host, "path": "/", "httpOnly": True, "sameSite": "Strict"}]
    )
    return await window.open(path)


async def sign_in(tab: Tab, name: str, password: str) -> None:
    """By the form."""
    await tab.page.get_by_label("用户名").fill(name)
    await tab.page.get_by_label("密码", exact=True).fill(password)
    await tab.page.get_by_role("button", name="登录").click()


async def sit_down(tab: Tab, extension: str) -> None:
    """Take a seat and its telephone, on the agent's page. Its microphone is asked for, its telephone registered."""
    await tab.page.get_by_role("combobox", name="分机").click()
    await tab.page.get_by_role("option", name=extension).click()
    await tab.page.get_by_role("button", name="入席").click()


async def call_hotline(tab: Tab) -> None:
    """From the citizens' page; until the hotline speaks. Keys that come before do not count."""
    await tab.page.get_by_role("button", name="拨打 12345").click()
    await expect(tab.page.get_by_text("通话中")).to_be_visible()
    await tab.hears_somebody()


async def press(tab: Tab, key: str) -> None:
    await tab.page.get_by_role("button", name=f"按键 {key}").click()


async def be_ready(tab: Tab) -> None:
    """From a seat with a telephone: calls may come from now on."""
    state = tab.page.get_by_role("region", name="座席状态")
    await state.get_by_role("button", name="示闲").click()
    await expect(state.get_by_role("status").first).to_contain_text("示闲")


async def answer(tab: Tab, seconds: float = 20.0) -> None:
    """The next call, by its button; until one talks."""
    call = tab.page.get_by_role("region", name="当前通话")
    await call.get_by_role("button", name="接听").click(timeout=1000 * seconds)
    await expect(call.get_by_role("button", name="保持")).to_be_enabled()


async def hang_up(tab: Tab) -> None:
    await tab.page.get_by_role("region", name="当前通话").get_by_role("button", name="挂断").click()


async def stand_up(tab: Tab) -> None:
    """Leave the seat; nobody is logged in there any more."""
    await tab.page.get_by_role("button", name="离席").click()
    await expect(tab.page.get_by_role("combobox", name="分机")).to_be_visible()
