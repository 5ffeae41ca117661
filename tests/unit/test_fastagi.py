"""The FastAGI server against raw sockets that play Asterisk's part, well and badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from ivr import agi_session
from ivr.fastagi import HEALTH_ANSWER, FastAgiLeg, FastAgiServer, probe
from ivr.leg import CallerHungUp, LegError, Played

HEADERS = (
    "agi_network: yes\nagi_network_script: menu?flow=main&x=%E4%B8%AD\nagi_channel: PJSIP/citizen-00000001\n"
    "agi_uniqueid: hotline-1.2\nagi_callerid: 13900001111\nagi_callingpres: 0\nagi_dnid: 12345\nagi_extension: s\n"
    "agi_accountcode: \n\n"
)


pytestmark = pytest.mark.asyncio

Dialogue = Callable[[FastAgiLeg], Awaitable[None]]


@asynccontextmanager
async def serving(
    dialogue: Dialogue,
    *,
    max_sessions: int = 100,
    max_pending: int = 16,
    header_seconds: float = 5.0,
    sound: float = 10.0,
) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer(
        {"menu": dialogue},
        seconds=lambda name: sound,
        port=0,
        max_sessions=max_sessions,
        max_pending=max_pending,
        header_seconds=header_seconds,
    )
    await server.start()
    try:
        async with asyncio.timeout(20):
            yield server
    finally:
        for peer in Peer.all:
            peer.close()
        Peer.all.clear()
        await server.stop(0.5)


class Peer:
    """Asterisk's end of one connection."""

    all: ClassVar[list[Peer]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.all.append(self)

    @classmethod
    async def connect(cls, server: FastAgiServer, headers: str | bytes = HEADERS) -> Peer:
        peer = cls(*await asyncio.open_connection("127.0.0.1", server.port))
        peer.send(headers)
        return peer

    def send(self, data: str | bytes) -> None:
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    async def command(self) -> str:
        return (await self.reader.readline()).decode().rstrip("\n")

    async def answer(self, reply: str) -> str:
        """Read one command, send one reply; watchdog commands are answered on the way."""
        command = await self.command()
        while command.startswith("SET VARIABLE TIMEOUT(absolute)"):
            self.send("200 result=1\n")
            command = await self.command()
        self.send(reply + "\n")
        return command

    async def until(self, start: str) -> None:
        """Read commands up to the first that begins so; watchdog commands are answered on the way."""
        while not (command := await self.command()).startswith(start):
            assert command, "closed"
            self.send("200 result=1\n")

    async def sent(self) -> None:
        """Until the server has had the chance to read everything sent so far: it answers a later connection."""
        await self.writer.drain()
        reader, writer = await asyncio.open_connection(*self.writer.get_extra_info("peername"))
        writer.write(b"agi_network_script: health\n\n")
        assert await reader.read() == HEALTH_ANSWER
        writer.close()

    async def closed(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.transport.abort()


class Dialogues:
    """Runs one step per call and keeps what came of it."""

    def __init__(self, step: Callable[[FastAgiLeg], Awaitable[object]]) -> None:
        self._step = step
        self.results: asyncio.Queue[object] = asyncio.Queue()

    async def run(self, leg: FastAgiLeg) -> None:
        try:
            self.results.put_nowait(await self._step(leg))
        except (CallerHungUp, LegError) as error:
            self.results.put_nowait(error)
            raise


async def test_headers_are_parsed_and_the_query_is_taken_off() -> None:
    async def step(leg: FastAgiLeg) -> object:
        return (
            leg.call_id,
            leg.caller,
            leg.caller_presentation,
            leg.dialled,
            dict(leg.query),
            leg.headers["agi_accountcode"],
        )

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        peer = await Peer.connect(server)
        expected = ("hotline-1.2", "13900001111", "allowed", "12345", {"flow": "main", "x": "中"}, "")
        assert await dialogues.results.get() == expected
        assert await peer.closed()


@pytest.mark.parametrize(
    ("pres", "name"),
    [("0", "allowed"), ("3", "allowed"), ("35", "prohib"), ("67", "unavailable"), ("x", "unavailable")],
)
async def test_presentation(pres: str, name: str) -> None:
    async def step(leg: FastAgiLeg) -> object:
        return leg.caller_presentation, leg.caller

    dialogues = Dialogues(step)
    async with serving(dialogues.run) as server:
        headers = HEADERS.replace("callingpres: 0", f"callingpres: {pres}").replace("13900001111", "unknown")
        peer = await Peer.connect(server, headers)
        assert await dialogues.results.get() == (name, None)
        peer.close()


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


async def test_health() -> None:
    async with serving(Dialogues(lambda leg: leg.play("a")).run, max_sessions=0) as server:
        assert await probe("127.0.0.1", server.port)
        assert server.stats.probes == 1
        port = server.port
    assert not await probe("127.0.0.1", port)


async def test_probe_of_a_frozen_or_foreign_server() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 10_000)
        writer.close()

    for handler in (silent, flood):
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        assert not await probe("127.0.0.1", server.sockets[0].getsockname()[1], timeout=0.1)
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "agi_network: yes\nagi_net",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\n\n",
        "\n\n",
        "agi_network: yes\n\n",
        "agi_network_script: ?a=1\n\n",
        HEADERS.replace("agi_extension", "agi_callerid"),
        "".join(f"agi_arg_{n}: x\n" for n in range(200)) + "\n",
        b"agi_network_script: menu\n\xff\xfe: \n\n",
        b"x" * 1_000_000,
        "agi_network_script: menu?" + "&".join(f"a{n}=1" for n in range(100)) + "\n\n",
    ],
)
async def test_bad_headers(headers: str | bytes) -> None:
    async with serving(Dialogues(lambda leg: leg.play("a")).run) as server:
        peer = await Peer.connect(server, headers)
        if len(headers) < 1000:
            peer.writer.write_eof()
        assert await peer.closed()
        assert (server.stats.hostile, server.stats.sessions, server.stats.pending) == (1, 0, 0)
        assert await probe("127.0.0.1", server.port)


async def test_slow_headers_meet_the_deadline() -> None:
    async with serving(Dialogues(lambda leg: leg.play("a")).run, header_seconds=0.2) as server:
        peer = await Peer.connect(server, b"")

        async def drip() -> None:
            for byte in HEADERS.encode():
                peer.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await peer.closed()
        dripping.cancel()
        assert server.stats.hostile == 1


async def test_idle_connections_cannot_keep_calls_out() -> None:
    dialogues = Dialogues(lambda leg: leg.wait_digit(100))
    async with serving(dialogues.run, max_pending=16) as server:
        idle = [await Peer.connect(server, b"agi_network: yes\n") for _ in range(200)]
        call = await Peer.connect(server)
        await call.answer("200 result=49")
        assert await dialogues.results.get() == "1"
        assert server.stats.pending <= 16
        for peer in idle:
            peer.close()


async def test_a_call_too_many_is_closed_at_once() -> None:
    dialogues = Dialogues(lambda leg: leg.wait_digit(100))
    async with serving(dialogues.run, max_sessions=1) as server:
        first = await Peer.connect(server)
        await first.until("WAIT FOR DIGIT")
        second = await Peer.connect(server)
        assert await second.closed()
        assert server.stats.refused == 1
        first.send("200 result=49\n")
        assert await dialogues.results.get() == "1"


async def test_unknown_script_and_failing_dialogue(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(leg: FastAgiLeg) -> None:
        raise RuntimeError("a fault of ours")

    async with serving(fail) as server:
        assert await (await Peer.connect(server, "agi_network_script: other\n\n")).closed()
        assert await (await Peer.connect(server)).closed()
        assert (server.stats.refused, server.stats.failed, server.stats.open) == (1, 1, 0)
    assert "a fault of ours" in caplog.text


async def test_stop_drains_then_cancels() -> None:
    cancelled = asyncio.Event()

    async def dialogue(leg: FastAgiLeg) -> None:
        try:
            await leg.wait_digit(60_000)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(dialogue) as server:
        finishing, staying = await Peer.connect(server), await Peer.connect(server)
        await finishing.until("WAIT FOR DIGIT")
        await staying.until("WAIT FOR DIGIT")
        stopping = asyncio.create_task(server.stop(0.3))
        finishing.send("200 result=49\n")
        assert await finishing.closed()
        assert not cancelled.is_set()
        await stopping
        assert cancelled.is_set()
        assert await staying.closed()


async def test_a_dialogue_that_goes_on_after_its_call_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.fastagi.AFTER_HANGUP_SECONDS", 0.05)
    cancelled = asyncio.Event()

    async def dialogue(leg: FastAgiLeg) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(dialogue) as server:
        (await Peer.connect(server)).close()
        await cancelled.wait()


async def test_loopback_only_unless_told() -> None:
    with pytest.raises(ValueError, match="loopback"):
        FastAgiServer({}, seconds=lambda name: 1.0, host="0.0.0.0")
    FastAgiServer({}, seconds=lambda name: 1.0, host="0.0.0.0", allow_remote=True)
    with pytest.raises(ValueError, match="taken"):
        FastAgiServer({"health": Dialogues(lambda leg: leg.play("a")).run}, seconds=lambda name: 1.0)
