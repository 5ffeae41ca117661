"""The live floor over HTTP while real calls happen, and while Asterisk and the web server die."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout
from sqlalchemy import insert

from hotline.agent_state import pause, resume
from hotline.ami import open_ami
from hotline.db import open_engine
from people import sessions
from people.roles import Role
from people.seats import take
from people.tables import users
from tests.asterisk.callbacks import CallingHotline
from tests.asterisk.phones import Phones, outbound_reached, taken

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
KEYS = {"queues": "id", "agents": "extension", "calls": "id"}
State = dict[str, Any]


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallingHotline]:
    instance = CallingHotline(tmp_path_factory.mktemp("floor"), line={"place_ring_seconds": 5})
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


async def signed_in(hotline: CallingHotline, name: str, role: Role, extension: str = "") -> str:
    """A token; with ``extension`` seated there."""
    now = datetime.now(UTC)
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        values = {"name": name, "roles": [role], "password_hash": "x", "must_change": False, "created_at": now}
        user = (await connection.execute(insert(users).values(values).returning(users))).one()
        if extension:
            await take(connection, extension, user.id, now)
        return (await sessions.begin(connection, user, "127.0.0.1", now)).token


class Screen:
    """A page: what it has made of the stream so far, and what it has seen each call do."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self._new = asyncio.Condition()
        self.state: State = {}
        self.snapshots = 0
        self.patches = 0

    async def follow(self) -> None:
        """For ever; it comes back when the stream ends."""
        async with ClientSession(headers=self._headers, timeout=ClientTimeout(total=None)) as client:
            while True:
                with contextlib.suppress(ClientError, ConnectionError):
                    await self._listen(client)
                await asyncio.sleep(0.1)  # as a browser does

    async def _listen(self, client: ClientSession) -> None:
        async with client.get(f"{self._url}/events?floor=true") as answer:
            if answer.status != 200:
                return
            name = ""
            async for line in answer.content:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                name = value if field == "event" else "" if not field else name
                if field == "data" and name == "floor":
                    async with self._new:
                        self._take(json.loads(value))
                        self._new.notify_all()

    def _take(self, event: State) -> None:
        if event["kind"] == "snapshot":
            self.snapshots += 1
            self.state = {part: {} for part in KEYS}
        else:
            self.patches += 1
        for part, key in KEYS.items():
            self.state[part] |= {row[key]: row for row in event[part]}
        for gone in event.get("gone", []):
            del self.state["calls"][gone]
        self.state["ready"] = event["ready"]
        self.state["today"] = event["today"] or self.state.get("today")

    async def sees(self, good: Callable[[State], bool], seconds: float = 15.0) -> State:
        async with self._new:
            try:
                async with asyncio.timeout(seconds):
                    await self._new.wait_for(lambda: bool(self.state) and good(self.state))
            except TimeoutError:
                raise AssertionError(f"not seen in {seconds} s: {self.state}") from None
            return self.state

    async def call(self, number: str, seconds: float = 15.0, **fields: Any) -> State:
        """The row of that citizen's call, once it says so."""

        def row(state: State) -> State | None:
            masked = f"{number[:3]}****{number[-4:]}"
            rows = (one for one in state["calls"].values() if one["number"] == masked)
            return next((one for one in rows if fields.items() <= one.items()), None)

        found = row(await self.sees(lambda state: row(state) is not None, seconds))
        assert found is not None
        return found

    async def agent(self, extension: str, **fields: Any) -> State:
        state = await self.sees(lambda state: fields.items() <= state["agents"][extension].items())
        return dict(state["agents"][extension])

    async def no_calls(self) -> None:
        await self.sees(lambda state: not state["calls"])

    async def asked(self) -> State:
        """What a page that comes now would get."""
        async with ClientSession(headers=self._headers) as client, client.get(f"{self._url}/floor") as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    return {}


@contextlib.asynccontextmanager
async def screen_of(hotline: CallingHotline, token: str) -> AsyncIterator[Screen]:
    screen = Screen(f"http://127.0.0.1:{hotline.web}/api/v1", token)
    following = asyncio.create_task(screen.follow())
    try:
        await screen.sees(lambda state: state["ready"])
        yield screen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.fixture
async def screen(hotline: CallingHotline, tokens: dict[str, str]) -> AsyncIterator[Screen]:
    """A supervisor's."""
    if "supervisor" not in tokens:
        tokens["supervisor"] = await signed_in(hotline, "supervisor", Role.SUPERVISOR)
    async with screen_of(hotline, tokens["supervisor"]) as screen:
        yield screen


@pytest.fixture
async def phones(hotline: CallingHotline) -> AsyncIterator[Phones]:
    async with Phones(hotline) as opened:
        yield opened


async def test_a_call_from_the_menu_to_the_wrap_up(hotline: CallingHotline, phones: Phones, screen: Screen) -> None:
    account = await phones.agent("1001", answer_after=0.8)
    await screen.agent("1001", state="ready", reachable=True)
    token = await signed_in(hotline, "zhang", Role.AGENT, "1001")
    await screen.agent("1001", user="zhang")
    async with screen_of(hotline, token) as own:
        line = await phones.citizen("13944440001", keys="w1,1")
        await screen.call("13944440001", state="menu", via="test")
        ringing = await screen.call("13944440001", state="ringing", queue="consultation", agent="1001")
        assert (await own.call("13944440001", state="ringing"))["id"] == ringing["id"]
        talk = await taken(account)
        talking = await screen.call("13944440001", state="talking", agent="1001", held=False)
        await screen.agent("1001", state="in_call", call_id=talking["id"])
        await talk.do("hold")
        await screen.call("13944440001", held=True)
        await talk.do("unhold")
        await screen.call("13944440001", held=False)
        assert (await screen.asked())["calls"] == [talking | {"held": False}]
        await talk.hangup()
        await line.ended(5)
        await screen.no_calls()
        await own.no_calls()
        row = await screen.agent("1001", state="wrapup", call_id=None)
        assert row["wrapup_until"] is not None
        await screen.sees(lambda state: state["today"] is not None and state["today"]["answered"] == 1)
    assert screen.snapshots == own.snapshots == 1


async def test_waiting_a_message_and_an_emergency(hotline: CallingHotline, phones: Phones, screen: Screen) -> None:
    await phones.agent("1001")
    await pause(hotline.settings, "1001", "小休")
    await screen.agent("1001", state="paused", reason="小休")
    line = await phones.citizen("13944440002", keys="w1,1")
    waiting = await screen.call("13944440002", state="waiting", queue="consultation")
    state = await screen.sees(lambda state: state["queues"]["consultation"]["waiting"] == 1)
    assert state["queues"]["consultation"]["longest_since"] == waiting["since"]
    urgent = await phones.citizen("13944440003", keys="w1,119")
    await screen.call("13944440003", state="emergency", emergency="119")
    # The first key interrupts what is announced.
    await line.do("keys", keys="3,w1,3")
    await screen.call("13944440002", state="message")
    await screen.sees(lambda state: state["queues"]["consultation"]["waiting"] == 0)
    await line.hangup()
    await urgent.hangup()
    await screen.no_calls()


async def test_a_place_in_line_is_nobody_until_he_is_rung(
    hotline: CallingHotline, phones: Phones, screen: Screen
) -> None:
    await phones.agent("1001")
    await pause(hotline.settings, "1001", "小休")
    host, _, port = hotline.network.rpartition(":")
    network = await phones.centre(host, int(port))
    async with open_ami(hotline.settings) as ami:
        await outbound_reached(ami)
    line = await phones.citizen("13944440004", keys="w1,3")
    await screen.call("13944440004", state="waiting", queue="help")
    await line.do("keys", keys="2,w1,2")
    await screen.sees(lambda state: state["queues"]["help"]["waiting"] == 0)
    await screen.sees(lambda state: state["today"] is not None and state["today"]["places_waiting"] == 1)
    await line.hangup()
    await screen.no_calls()
    await resume(hotline.settings, "1001")
    rung = await screen.call("13944440004", state="callback", via="place", seconds=30)
    await (await taken(network)).hangup()
    await screen.sees(lambda state: rung["id"] not in state["calls"])


async def test_a_transfer_is_one_call_with_two_agents(phones: Phones, screen: Screen) -> None:
    first = await phones.agent("1002")
    second = await phones.agent("1003", log_in=False)
    line = await phones.citizen("13944440005", keys="w1,2")
    talking = await screen.call("13944440005", state="talking", agent="1002")
    talk = await taken(first)
    await talk.do("keys", keys="w1,*2,w1,1003")
    consulted = await taken(second)
    both = await screen.call("13944440005", agent="1002", others=["1003"], held=True)
    assert (both["id"], both["since"]) == (talking["id"], talking["since"])
    await talk.hangup()
    await screen.call("13944440005", state="talking", agent="1003", others=[], held=False)
    await screen.agent("1002", state="wrapup")
    await consulted.hangup()
    await line.ended(5)
    await screen.no_calls()


async def test_asterisk_dies_and_comes_back(hotline: CallingHotline, phones: Phones, screen: Screen) -> None:
    await phones.citizen("13944440006", keys="w1,1")
    await screen.call("13944440006", state="waiting")
    hotline.kill("asterisk", signal.SIGKILL)
    await screen.sees(lambda state: not state["ready"])
    state = await screen.sees(lambda state: state["ready"], 40)
    assert state["calls"] == {}
    assert screen.snapshots == 1
    assert (await screen.asked())["ready"] is True


async def test_the_web_server_dies_and_the_page_comes_back_to_the_same(
    hotline: CallingHotline, phones: Phones, screen: Screen
) -> None:
    # With somebody logged in callers wait for minutes, not seconds.
    await phones.agent("1004")
    await pause(hotline.settings, "1004", "小休")
    line = await phones.citizen("13944440007", keys="w1,1")
    before = await screen.call("13944440007", state="waiting")
    hotline.kill("web", signal.SIGKILL)
    await screen.sees(lambda _: screen.snapshots == 2, 40)
    after = await screen.call("13944440007", state="waiting", seconds=30)
    assert (after["id"], after["queue"]) == (before["id"], before["queue"])
    apart = datetime.fromisoformat(after["since"]) - datetime.fromisoformat(before["since"])
    assert abs(apart.total_seconds()) < 2
    await line.hangup()
    await screen.no_calls()
