"""As a new user would: the link that ``hotline run`` shows, the first administrator, a demonstration with robots that
really call, and its end. A citizen's own call beside it stays."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import ClientSession

from hotline.process import remembered
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of

pytestmark = pytest.mark.asterisk
PASSWORD = "长而好记的一句密码话"
CITIZEN = "13900005555"


class Browser:
    def __init__(self, session: ClientSession, base: str) -> None:
        self._session, self._base = session, base
        self.token = ""

    async def ask(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self._base}/api/v1{path}"
        async with self._session.request(method, url, json=body or None, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == status, (method, path, answer.status, text)
            return await answer.json(content_type=None) if text else None


async def shown(instance: Instance) -> re.Match[str]:
    """The link, once the screen is written: address and token."""
    async with asyncio.timeout(10):
        while True:
            out = (instance.home / "run.out").read_text()
            if link := re.search(r"(http://\S+)/desk/setup#(\S+)", out):
                return link
            await asyncio.sleep(0.05)  # between two looks


async def test_from_the_link_to_an_empty_house(make_instance: MakeInstance) -> None:
    instance = make_instance()
    link = await shown(instance)
    async with ClientSession() as session, Phones(instance) as phones:
        browser = Browser(session, link[1])
        made = {"token": link[2], "name": "admin", "password": PASSWORD}
        await browser.ask("POST", "/setup", 201, **made)
        browser.token = (await browser.ask("POST", "/session", name="admin", password=PASSWORD))["token"]

        loaded = await browser.ask("POST", "/demo", 201, city="yangling", robots=True)
        user = loaded["users"][0]
        entered = await browser.ask("POST", "/session", name=user["name"], password=user["password"])
        assert entered["me"]["permissions"], "one can begin at once"
        async with asyncio.timeout(30):
            while (await browser.ask("GET", "/demo"))["now"]["calls"] < 2:
                await asyncio.sleep(0.1)  # between two questions
        citizen = await phones.citizen(CITIZEN, keys="w1,1")
        await call_of(instance, CITIZEN, until="queued")
        await citizen.hangup()
        await citizen.ended(10)
        call_id = (await call_of(instance, CITIZEN, recording=True))["id"]
        assert remembered(instance.settings.run_dir / "demo-robots.pid") is not None

        gone = await browser.ask("DELETE", "/demo")
        assert gone["calls"] >= 2
        assert (gone["users"], gone["kept"]) == (len(loaded["users"]), [])
        assert remembered(instance.settings.run_dir / "demo-robots.pid") is None
        assert (await browser.ask("GET", "/demo"))["now"] is None
        assert [one["name"] for one in (await browser.ask("GET", "/users"))["items"]] == ["admin"]
        assert (await browser.ask("GET", "/units"))["items"] == []
    calls = await asyncio.to_thread(instance.hotline, "calls")
    assert [one["id"] for one in calls] == [call_id]
    tickets = await asyncio.to_thread(instance.hotline, "tickets")
    assert len(tickets) == 1
    sounds = [one.name for one in instance.settings.recordings_dir.rglob("hotline-*")]
    assert all(one.startswith(call_id) for one in sounds), sounds
