"""Commands and replies of one FastAGI session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ivr import agi_session
from ivr.fastagi import FastAgiLeg
from ivr.leg import CallerHungUp, LegError, Played
from tests.unit.agi_peer import HEADERS, Dialogues, Peer, serving


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ("200 result=49 endpos=8000", Played("1", 1000)),
        ("200 result=0 endpos=41840", Played(None, 5230)),
        ("200 result=42 endpos=0", Played("*", 0)),
        ("100 result=0 Trying...\n200 result=0 endpos=80", Played(None, 10)),
    ],
)
async def test_play(reply: str, result: Played) -> None:
    dialogues = Dialogues(lambda leg: leg.play('a"b\\c'))
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        assert await peer.answer(reply) == 'STREAM FILE "a\\"b\\\\c" "0123456789*#"'
        assert await dialogues.results.get() == result
        assert await peer.closed()


async def test_other_commands() -> None:
    async def step(leg: FastAgiLeg) -> object:
        await leg.set_variable("DECISION", "queue consultation")
        await leg.user_event("KEY", key="*", node='主, "x"')
        return await leg.wait_digit(1500), await leg.wait_digit(200)

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        assert await peer.answer("200 result=1") == 'SET VARIABLE DECISION "queue consultation"'
        event = 'EXEC CELGenUserEvent "KEY,key=%2A&node=%E4%B8%BB%2C+%22x%22"'
        assert await peer.answer("200 result=0") == event
        assert await peer.answer("200 result=35") == "WAIT FOR DIGIT 1500"
        assert await peer.answer("200 result=0") == "WAIT FOR DIGIT 200"
        assert await dialogues.results.get() == ("#", None)


@pytest.mark.parametrize(
    "step",
    [
        lambda leg: leg.play("a\nHANGUP"),
        lambda leg: leg.play("a\0"),
        lambda leg: leg.play("a", "1\r"),
        lambda leg: leg.play("\udc80"),
        lambda leg: leg.play("a" * 3000),
        lambda leg: leg.set_variable("A B", "x"),
        lambda leg: leg.set_variable("A", "x\ny"),
        lambda leg: leg.user_event("KEY,x"),
        lambda leg: leg.user_event(""),
    ],
)
async def test_bad_arguments_never_reach_the_wire(step: Callable[[FastAgiLeg], Awaitable[object]]) -> None:
    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        while command := await peer.command():
            assert command.startswith("SET VARIABLE TIMEOUT(absolute) ")
            peer.send("200 result=1\n")
        assert isinstance(await dialogues.results.get(), LegError)


@pytest.mark.parametrize(
    "reply",
    [
        "HANGUP\n",
        "HANGUP\n200 result=-1 endpos=100\n",
        "200 result=-1 endpos=100\nHANGUP\n",
        "511 Command Not Permitted on a dead channel or intercept routine\n",
        "",
        "200 resu",
    ],
)
async def test_hangup_during_a_command(reply: str) -> None:
    dialogues = Dialogues(lambda leg: leg.play("a"))
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        await peer.until("STREAM FILE")
        peer.send(reply)
        peer.writer.write_eof()
        assert isinstance(await dialogues.results.get(), CallerHungUp)
        assert await peer.closed()
        assert (server.stats.hung_up, server.stats.open) == (1, 0)


async def test_nothing_is_sent_after_a_hangup() -> None:
    async def step(leg: FastAgiLeg) -> object:
        with pytest.raises(CallerHungUp):
            await leg.wait_digit(100)
        return await leg.wait_digit(100)

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        await peer.until("WAIT FOR DIGIT")
        peer.send("HANGUP\n")
        assert isinstance(await dialogues.results.get(), CallerHungUp)
        assert await peer.closed()


@pytest.mark.parametrize(
    "reply",
    [
        "200 result=-1 endpos=0",
        "510 Invalid or unknown command",
        "520-Invalid command syntax.  Proper usage follows:\nUsage: x\n200 is a number\n520 End of proper usage.",
        "520 Invalid command syntax.  Proper usage not available.",
        "nonsense",
        "",
        "200 result=999",
        "200 result=\u0663",
        "200 result= (timeout)x",
        "520-" + "\nx" * 1000,
        "x" * 100_000,
        "100 result=0 Trying...\n" * 1000,
    ],
)
async def test_failed_commands(reply: str) -> None:
    dialogues = Dialogues(lambda leg: leg.play("a"))
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        await peer.answer(reply)
        result = await dialogues.results.get()
        assert isinstance(result, LegError), result
        assert await peer.closed()
        assert server.stats.failed == 1


async def test_a_failed_command_leaves_the_leg_usable() -> None:
    async def step(leg: FastAgiLeg) -> object:
        with pytest.raises(LegError):
            await leg.play("missing")
        return await leg.play("there")

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        await peer.answer("200 result=-1 endpos=0")
        await peer.answer("200 result=0 endpos=800")
        assert await dialogues.results.get() == Played(None, 100)


async def test_a_reply_without_a_command_ends_the_session() -> None:
    go_on = asyncio.Event()

    async def step(leg: FastAgiLeg) -> object:
        await go_on.wait()
        return await leg.wait_digit(100)

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server, HEADERS + "200 result=49\n")
        await peer.sent()
        go_on.set()
        assert isinstance(await dialogues.results.get(), LegError)
        assert await peer.closed()


async def test_a_second_reply_to_one_command_is_not_taken_for_the_next() -> None:
    async def step(leg: FastAgiLeg) -> object:
        assert await leg.wait_digit(100) == "1"
        return await leg.wait_digit(100)

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        await peer.answer("200 result=49\n200 result=50")
        assert isinstance(await dialogues.results.get(), LegError)


async def test_a_command_without_reply_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi_session, "REPLY_SECONDS", 0.05)
    dialogues = Dialogues(lambda leg: leg.wait_digit(10))
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        assert isinstance(await dialogues.results.get(), LegError)
        assert await peer.closed() is False  # the command, then the end
        assert server.stats.timeouts == 1


async def test_one_command_at_a_time_and_a_cancelled_one_ends_the_leg() -> None:
    async def step(leg: FastAgiLeg) -> object:
        first = asyncio.ensure_future(leg.wait_digit(100))
        await asyncio.sleep(0)
        with pytest.raises(LegError):
            await leg.wait_digit(100)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await leg.wait_digit(100)

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        assert isinstance(await dialogues.results.get(), LegError)
        peer.close()


async def test_the_limit_is_moved_only_when_needed() -> None:
    async def step(leg: FastAgiLeg) -> object:
        await leg.user_event("ARRIVED")
        await leg.play("long")
        await leg.set_variable("A", "1")
        await leg.set_variable("A", "2")
        return await leg.wait_digit(500)

    dialogues = Dialogues(step)
    sent = []
    async with serving(dialogues.run, sound=10.04) as server:
        peer = await Peer.connect(server)
        while (command := await peer.command()) != "":
            sent.append(command.split(" 1")[0] if "VARIABLE A" in command else command)
            peer.send("200 result=49 endpos=80\n" if command.startswith(("STREAM", "WAIT")) else "200 result=0\n")
    assert sent == [
        'EXEC CELGenUserEvent "ARRIVED,"',
        "SET VARIABLE TIMEOUT(absolute) 12.1",
        'STREAM FILE "long" "0123456789*#"',
        "SET VARIABLE TIMEOUT(absolute) 2.0",
        'SET VARIABLE A "1"',
        'SET VARIABLE A "2"',
        "WAIT FOR DIGIT 500",
    ]
