"""``GET /health`` costs no more however many ask."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from web.health import HOLDS_SECONDS, Shared, mount_health


class Part:
    """Counts its probes; each goes on until it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self.works = True

    async def __call__(self) -> bool:
        self.asked += 1
        await self.go.wait()
        if not self.works:
            raise OSError("away")
        return True


async def test_many_who_ask_at_once_are_one_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.health.HOLDS_SECONDS", 600.0)
    part, app = Part(), web.Application()
    mount_health(app, {"voice": part, "other": lambda: asyncio.sleep(0, True)})
    async with TestClient(TestServer(app)) as client, asyncio.timeout(10):
        asking = [asyncio.create_task(client.get(path)) for path in ("/health", "/health/voice") for _ in range(20)]
        while not part.asked:
            await asyncio.sleep(0)
        # One that goes before its answer does not take the others' along.
        asking.pop().cancel()
        part.go.set()
        assert {one.status for one in await asyncio.gather(*asking)} == {200}
        part.works = False
        assert (await client.get("/health/voice")).status == 200, "as it was a moment ago"
        assert part.asked == 1


async def test_what_was_said_holds_for_a_moment() -> None:
    part, now = Part(), [100.0]
    part.go.set()
    shared = Shared(part, lambda: now[0])
    assert await shared()
    part.works = False
    now[0] += HOLDS_SECONDS - 0.1
    assert await shared()
    now[0] += 0.1
    assert not await shared()
    part.works = True
    assert not await shared()
    now[0] += HOLDS_SECONDS
    assert await shared()
    assert part.asked == 3
