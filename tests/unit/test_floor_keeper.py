"""The live floor's keeper goes on when something in it goes wrong."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline import floor
from hotline.floor import FloorKeeper
from hotline.rules import load_rules
from hotline.secrets import load_or_create
from hotline.settings import Settings
from web.floor import Floors


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
