"""The FastAGI server against peers that open a session well and badly."""

from __future__ import annotations

import asyncio

import pytest

from ivr.fastagi import FastAgiLeg, FastAgiServer
from ivr.fastagi_probe import probe
from tests.unit.agi_peer import HEADERS, Dialogues, Peer, serving


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


async def test_stop_lets_in_who_has_connected_and_ends_at_once_when_hurried() -> None:
    cancelled = asyncio.Event()

    async def dialogue(leg: FastAgiLeg) -> None:
        try:
            await leg.wait_digit(60_000)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(dialogue) as server:
        late = await Peer.connect(server, "")
        while not server.stats.pending:
            await asyncio.sleep(0)
        hurry = asyncio.Event()
        stopping = asyncio.create_task(server.stop(60.0, hurry))
        await asyncio.sleep(0)
        late.send(HEADERS)
        await late.until("WAIT FOR DIGIT")
        assert not await probe("127.0.0.1", server.port), "no new ones"
        hurry.set()
        async with asyncio.timeout(5):
            await stopping
        assert cancelled.is_set()
        assert await late.closed()
