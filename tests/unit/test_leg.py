"""The scripted caller, and the watchdog's arithmetic."""

from __future__ import annotations

import pytest

from ivr.fake_leg import ScriptedLeg
from ivr.leg import CallerHungUp, CallLeg, LegError, Played
from ivr.watchdog import Watchdog


async def test_the_scripted_caller_presses_in_time() -> None:
    script = ScriptedLeg("w2,1,w1,0", seconds=lambda sound: 5.0)
    leg: CallLeg = script
    assert await leg.play("greeting") == Played("1", 2000)
    assert await leg.wait_digit(500) is None
    assert await leg.wait_digit(5000) == "0"
    assert script.now == pytest.approx(3.15)
    assert await leg.play("bye") == Played(None, 5000)
    assert [sound for sound, _ in script.played] == ["greeting", "bye"]


async def test_keys_nobody_listens_for_are_lost() -> None:
    leg = ScriptedLeg("57")
    assert await leg.play("prompt", keys="7") == Played("7", 150)
    leg = ScriptedLeg("5")
    assert await leg.play("prompt", keys="") == Played(None, 1000)
    assert await leg.wait_digit(1000) is None


async def test_replies_start_with_their_sound() -> None:
    leg = ScriptedLeg(replies={"menu": "w0.5,110"})
    await leg.play("greeting")
    assert await leg.play("menu") == Played("1", 500)
    assert [await leg.wait_digit(1500), await leg.wait_digit(1500), await leg.wait_digit(1500)] == ["1", "0", None]


async def test_hanging_up_ends_everything() -> None:
    leg = ScriptedLeg("w1,1,h", missing=frozenset({"gone"}))
    await leg.set_variable("A", "x")
    await leg.user_event("KEY", key=1)
    with pytest.raises(LegError):
        await leg.play("gone")
    assert await leg.wait_digit(2000) == "1"
    for _ in range(2):
        with pytest.raises(CallerHungUp):
            await leg.wait_digit(2000)
    with pytest.raises(CallerHungUp):
        await leg.set_variable("A", "y")
    assert leg.variables == {"A": "x"}
    assert leg.events == [("KEY", {"key": "1"})]
    with pytest.raises(ValueError, match="not a key"):
        ScriptedLeg("x")


def test_the_limit_follows_the_step() -> None:
    watchdog = Watchdog(now=100.0, first=3.0)
    assert watchdog.before(100.1, 0.0) is None
    assert watchdog.before(100.2, 5.26) == 7.3  # up to 107.5
    assert watchdog.before(105.5, 0.0) is None  # 2 s to spare
    assert watchdog.before(106.7, 0.0) == 2.0  # 0.8 s would be too tight, up to 108.7
    assert watchdog.before(106.8, 0.5) is None
    assert watchdog.before(106.9, 30.0) == 32.0  # up to 138.9
    assert watchdog.before(107.0, 0.0) == 2.0  # pulled in again after a key
