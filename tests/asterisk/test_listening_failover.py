"""The voice server dies or freezes while twenty callers speak: nobody is cut off, each is in a queue soon."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.asterisk.phones import Phones
from tests.asterisk.records import all_calls
from tests.asterisk.spoken import SENTENCE, Spoken

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]
CALLERS = 20
DEAD_SECONDS = 2.0
FROZEN_SECONDS = 4.0
"""AudioSocket gives a server 2 s, the dialplan one more."""


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Spoken]:
    instance = Spoken(tmp_path / "home")
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()


@pytest.mark.parametrize(("how", "limit"), [(signal.SIGKILL, DEAD_SECONDS), (signal.SIGSTOP, FROZEN_SECONDS)])
async def test_twenty_callers_outlive_the_server_that_listens(
    spoken: Spoken, how: signal.Signals, limit: float, record_property: Callable[[str, object], None]
) -> None:
    async with Phones(spoken) as phones:
        # One half speaks all the time, the other hears the greeting.
        speaking: dict[str, Any] = {"say": SENTENCE, "loop": True}
        calls = (phones.citizen(f"1397100{n:04d}", **(speaking if n % 2 else {})) for n in range(CALLERS))
        lines = await asyncio.gather(*calls)
        heard = asyncio.gather(*(line.wait("connected", 30, detail="agents") for line in lines))
        await asyncio.sleep(3)  # the greeting takes ten seconds: they are in the midst of it
        assert not any(event.event == "connected" for line in lines for event in line.events)
        spoken.kill("voice", how)
        killed = time.time()
        seconds = sorted(event.at - killed for event in await heard)
        record_property("seconds", seconds)
        print(f"{how.name}: in a queue after {seconds[0]:.2f} to {seconds[-1]:.2f} s")
        assert seconds[-1] < limit
        assert not [line.name for line in lines if line.over]
        for line in lines:
            await line.hangup()
        for line in lines:
            assert (await line.ended(10))["hangup_by"] == "caller"
    written = await all_calls(spoken, CALLERS)
    assert {call["queue"] for call in written} == {"agents"}
    assert {call["fallback"] for call in written} == {3}
    assert len({call["ticket"] for call in written}) == CALLERS
