"""The live floor's keeper goes on when something in it goes wrong."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline import floor
from hotline.floor import FloorKeeper, keep
from hotline.rules import load_rules
from hotline.secrets import load_or_create
from hotline.settings import Settings
from routing.floor_rows import Floor
from web.floor import Floors, Viewer


async def test_it_asks_anew_after_a_fault(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path)
    load_or_create(settings, [])
    keeper = FloorKeeper(settings, load_rules(), engine, Floors())
    keeper._ami.connected.set()
    monkeypatch.setattr(floor, "ANEW_SECONDS", 0.0)
    again, asked = asyncio.Event(), 0

    async def load() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ValueError("a list nobody expected")
        again.set()

    monkeypatch.setattr(keeper, "_load", load)
    with caplog.at_level(logging.ERROR, logger=floor.__name__):
        asking = asyncio.create_task(keeper._anew())
        async with asyncio.timeout(10):
            await again.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert "a list nobody expected" in caplog.text


async def test_after_a_fault_another_keeper_begins_and_meanwhile_it_is_not_ready(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path)
    load_or_create(settings, [])
    floors, who = Floors(), Viewer("one", all_calls=True)
    monkeypatch.setattr(floor, "BEGIN_SECONDS", 0.0)
    again = asyncio.Event()
    ready: list[bool] = []

    async def figures(self: FloorKeeper) -> None:
        if not ready:
            floors.publish(Floor(ready=True), datetime.now(UTC))
            ready.append(floors.snapshot(who).ready)
            raise ValueError("a row nobody expected")
        ready.append(floors.snapshot(who).ready)
        again.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(FloorKeeper, "_figures", figures)
    monkeypatch.setattr(FloorKeeper, "_publish", lambda self: asyncio.Event().wait())
    with caplog.at_level(logging.ERROR, logger=floor.__name__):
        keeping = asyncio.create_task(keep(settings, load_rules(), engine, floors))
        async with asyncio.timeout(20):
            await again.wait()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert ready == [True, False]
    assert "a row nobody expected" in caplog.text
