"""A listening socket is handed over while clients connect without a pause: nobody is refused, nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from hotline import handover
from hotline.handover import Offer, serves, take


class Server:
    """Answers each connection with its own name. It takes its time, so that a queue builds up."""

    def __init__(self, name: bytes, listener: socket.socket) -> None:
        self._name = name
        self._listener = listener
        self._accepting: asyncio.Server | None = None
        self.served = 0

    async def start(self) -> None:
        self._accepting = await asyncio.start_server(self._serve, sock=self._listener, backlog=256)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        writer.write(self._name)
        self.served += 1
        writer.close()

    def stop_accepting(self) -> None:
        assert self._accepting is not None
        self._accepting.close()


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_nobody_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both sides share one loop here, and six hundred who ask.
    monkeypatch.setattr(handover, "TAKE_SECONDS", 30.0)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    old = Server(b"old", listener)
    await old.start()
    offer = Offer(tmp_path, "voice", listener)
    offer.open()
    assert serves(tmp_path, "voice", os.getpid())
    assert not serves(tmp_path, "voice", 1)
    asking = [asyncio.create_task(ask(port)) for _ in range(200)]
    taken = await asyncio.to_thread(take, tmp_path, "voice")
    assert taken is not None
    assert not taken.get_inheritable()
    new = Server(b"new", taken)
    await new.start()
    asking += [asyncio.create_task(ask(port)) for _ in range(200)]
    offer.close()
    old.stop_accepting()
    # The kernel has these connect at once; who accepts them is decided later.
    asking += [asyncio.create_task(ask(port)) for _ in range(200)]
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*asking)
    assert set(answers[-200:]) == {b"new"}
    assert (set(answers), len(answers)) == ({b"old", b"new"}, 600)
    assert old.served + new.served == 600
    assert not list(tmp_path.glob("*.sock"))
    new.stop_accepting()


async def test_what_waits_in_the_queue_is_the_successors(tmp_path: Path) -> None:
    """The old one never accepts them: it stops with a full queue."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    offer = Offer(tmp_path, "voice", listener)
    offer.open()
    waiting = [socket.create_connection(listener.getsockname()) for _ in range(20)]
    taken = await asyncio.to_thread(take, tmp_path, "voice")
    assert taken is not None
    offer.close()
    listener.close()
    new = Server(b"new", taken)
    await new.start()
    for one in waiting:
        one.settimeout(10)
        assert await asyncio.to_thread(one.recv, 3) == b"new"
        one.close()
    new.stop_accepting()


def test_there_may_be_nobody(tmp_path: Path) -> None:
    assert take(tmp_path, "voice") is None
    (tmp_path / "voice-1.sock").write_text("no socket")
    killed = socket.socket(socket.AF_UNIX)
    killed.bind(str(tmp_path / "voice-2.sock"))
    killed.listen()
    killed.close()
    assert take(tmp_path, "voice") is None
    assert not (tmp_path / "voice-2.sock").exists(), "what a killed one left is cleared"


async def test_without_a_place_there_is_no_successor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        offer = Offer(tmp_path / "missing", "voice", listener)
        with caplog.at_level("INFO"):
            offer.open()
        offer.close()
    assert "nobody can take over from us" in caplog.text
