"""A campaign at its cap: never more lines than that, by Asterisk's own event log, and hardly ever fewer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.callbacks import WAYS, hold_pace
from tests.asterisk.callbacks import YESTERDAY, CallingHotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]
LINES = 8
SECONDS = 30.0


async def test_never_above_the_cap(tmp_path: Path) -> None:
    """In real time, ten minutes and more lines: ``python -m bench.callbacks``."""
    hotline = CallingHotline(tmp_path / "home", callback={"lines": LINES, "per_second": 4.0})
    hotline.start()
    try:
        async with hotline.robots(WAYS):
            found = await hold_pace(hotline, LINES, SECONDS, *YESTERDAY)
    finally:
        hotline.stop()
        shutil.rmtree(hotline.home, ignore_errors=True)
    assert found.peak == LINES, "the cap is reached, and never passed"
    assert found.calls > LINES * SECONDS / 12
    # Tests share the machine with each other; the figure to hold is the benchmark's.
    assert found.share > 0.8
