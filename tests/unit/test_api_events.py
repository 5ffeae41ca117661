"""Live events: resumed without loss or repetition, only what one may see, bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.api_peer import Api, api_for
from web import live
from web.api import events as stream


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


class Listener:
    """A client of the stream, as a browser's EventSource: it remembers the last id."""

    def __init__(self, answer: ClientResponse) -> None:
        self._answer = answer
        self.last: str | None = None

    async def block(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while line := (await self._answer.content.readline()).decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            found[name] = value
        if "id" in found:
            self.last = found["id"]
        return found

    async def event(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                found = await self.block()
                if "data" in found:
                    return dict(json.loads(found["data"]))
                if not found and self._answer.content.at_eof():
                    raise EOFError


@contextlib.asynccontextmanager
async def listening(api: Api, who: str, last: str | None = None) -> AsyncIterator[Listener]:
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = await api.ask(who, "GET", "/events", headers=headers)
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    listener = Listener(answer)
    # The first block is the retry time, the next the position: from there on everything arrives.
    async with asyncio.timeout(20):
        assert "retry" in await listener.block()
    try:
        yield listener
    finally:
        answer.close()


async def ready(listener: Listener) -> None:
    async with asyncio.timeout(20):
        await listener.block()


async def test_what_happens_arrives(api: Api) -> None:
    async with listening(api, "agent") as mine, listening(api, "manager") as other:
        await ready(mine)
        await ready(other)
        number = await api.new()
        for listener in (mine, other):
            event = await listener.event()
            assert (event["number"], event["kind"], event["state"]) == (number, "received", "received")
            assert event["name"] == "登记"
            assert "停水" not in json.dumps(event, ensure_ascii=False)


async def test_cut_again_and_again_it_loses_nothing_and_repeats_nothing(api: Api) -> None:
    start = await api.new()
    wanted = 120

    async def write() -> None:
        """Twelve at once, so that transactions overlap and end in another order than they began."""
        for _ in range(wanted // 12):
            await asyncio.gather(*(api.new() for _ in range(12)))

    seen: list[str] = []
    positions: list[int] = []
    last: str | None = None
    async with listening(api, "agent", "0") as listener:
        assert (await listener.event())["number"] == start
        last = listener.last
    writing = asyncio.create_task(write())
    while len(seen) < wanted:
        async with listening(api, "agent", last) as listener:
            for _ in range(min(7, wanted - len(seen))):
                event = await listener.event()
                seen.append(event["number"])
                positions.append(event["position"])
                last = str(event["position"])
    await writing
    assert len(set(seen)) == wanted
    assert positions == sorted(positions)
    async with api.engine.connect() as connection:
        written = (await connection.execute(text("SELECT number FROM tickets"))).scalars().all()
    assert set(seen) | {start} == set(written)


async def test_only_what_one_may_see(api: Api) -> None:
    async with listening(api, "stranger") as stranger, listening(api, "officer") as officer:
        await ready(stranger)
        await ready(officer)
        await api.dispatched("housing", confidential=True)
        mine = await api.dispatched("housing")
        theirs = await api.dispatched("water")
        # What happened before the ticket was the unit's is its history, not its news; all arrives in order.
        while (event := await officer.event())["kind"] != "dispatch":
            assert event["number"] == mine
        assert event["number"] == mine
        while (event := await stranger.event())["kind"] != "dispatch":
            assert event["number"] == theirs
        assert event["number"] == theirs


async def test_a_heartbeat_carries_the_position(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.2)
    async with listening(api, "stranger") as listener:
        await ready(listener)
        before = int(listener.last or "-1")
        await api.new()
        async with asyncio.timeout(20):
            while int(listener.last or "-1") == before:
                found = await listener.block()
                assert "data" not in found
    async with listening(api, "agent", str(before)) as other:
        assert (await other.event())["kind"] == "received"


async def test_whoever_is_signed_out_hears_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with listening(api, "agent") as listener:
        await api.json("administrator", "POST", "/users/agent/disable")
        with pytest.raises(EOFError):
            await listener.event()


async def test_whoever_is_signed_out_hears_no_more_however_much_happens(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 1.0)
    async with listening(api, "agent") as listener, asyncio.timeout(20):
        await api.json("administrator", "POST", "/users/agent/disable")

        async def go_on() -> None:
            while True:
                await api.new("dispatcher")
                await listener.event()

        with pytest.raises(EOFError):
            await go_on()


async def test_what_nobody_expected_does_not_end_the_events(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    real = live.read
    failed = asyncio.Event()

    async def once(*args: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("not thought of")
        return await real(*args)

    async with listening(api, "agent") as listener:
        await ready(listener)
        monkeypatch.setattr(live, "read", once)
        number = await api.new()
        assert (await listener.event())["number"] == number
        assert failed.is_set()


async def test_a_client_that_does_not_keep_up_is_cut_off_and_comes_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BUFFER", 5)
    for _ in range(12):
        await api.new()
    seen: list[int] = []
    last = "0"
    rounds = 0
    while len(seen) < 12 and rounds < 20:
        rounds += 1
        async with listening(api, "agent", last) as listener:
            with contextlib.suppress(EOFError):
                while len(seen) < 12:
                    seen.append((await listener.event())["position"])
            last = listener.last or last
    assert len(seen) == len(set(seen)) == 12


async def test_too_many_listeners_are_told_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_CLIENTS", 1)
    async with listening(api, "agent"):
        answer = await api.ask("manager", "GET", "/events")
        assert answer.status == 503
        assert "Retry-After" in answer.headers


async def test_the_listening_connection_may_die(api: Api) -> None:
    async with listening(api, "agent") as listener:
        await ready(listener)
        async with api.engine.begin() as connection:
            kill = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            await connection.execute(kill)
        number = await api.new()
        assert (await listener.event())["number"] == number


async def test_streams_end_with_the_server(api: Api) -> None:
    async with listening(api, "agent") as listener:
        await ready(listener)
        api.services.live.close()
        with pytest.raises(EOFError):
            await listener.event()


@pytest.mark.parametrize("position", ["999999999", "0"])
async def test_a_position_of_long_ago_or_of_nowhere_begins_from_now(
    api: Api, monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    monkeypatch.setattr(live, "MAX_BEHIND", 1)
    for _ in range(3):
        await api.new()
    async with listening(api, "agent", position) as listener:
        async with asyncio.timeout(20):
            assert await listener.block() == {"event": "reset", "data": "{}"}
        await ready(listener)
        number = await api.new()
        assert (await listener.event())["number"] == number


async def test_one_person_does_not_take_all_the_places(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_OF_ONE", 1)
    async with listening(api, "agent"), listening(api, "manager"):
        assert (await api.ask("agent", "GET", "/events")).status == 503


async def test_a_position_is_a_number(api: Api) -> None:
    assert (await api.ask("agent", "GET", "/events", headers={"Last-Event-ID": "x"})).status == 422
