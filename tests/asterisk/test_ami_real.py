"""The manager connection on a real Asterisk: cut under load, restarted, frozen."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from routing import ami as ami_module
from routing.ami import Ami, AmiAuthError, AmiError, AmiLost, AmiRefused
from routing.live import channels, queue_add, queue_pause, queue_remove, queue_status
from tests.asterisk.bare import Bare, bare_asterisk

pytestmark = pytest.mark.asterisk


class Proxy:
    """Between us and Asterisk, so that the line can be cut while both live; counts what is asked."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self.actions: Counter[str] = Counter()
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, up_writer]
        await asyncio.gather(self._pipe(reader, up_writer, count=True), self._pipe(up_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: bool = False) -> None:
        try:
            while data := await reader.read(65536):
                if count:
                    self.actions.update(
                        line[8:].decode() for line in data.split(b"\r\n") if line.startswith(b"Action: ")
                    )
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def test_queues_and_channels(tmp_path: Path) -> None:
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(30):
        ami = bare.ami
        await queue_add(ami, "help", "Local/silent@callers", penalty=3, member_name="话务员")
        with pytest.raises(AmiRefused, match="Already there"):
            await queue_add(ami, "help", "Local/silent@callers")
        await queue_pause(ami, "Local/silent@callers", True, reason="小休")
        status = await queue_status(ami)
        (member,) = status.members
        assert (member.name, member.penalty, member.paused, member.paused_reason) == ("话务员", 3, True, "小休")
        assert [queue.queue for queue in status.queues] == ["help"]
        await queue_remove(ami, "help", "Local/silent@callers")
        assert (await queue_status(ami)).members == ()
        assert await channels(ami) == ()
        stranger = Ami("127.0.0.1", bare.ami_port, "hotline", "wrong")
        with pytest.raises(AmiAuthError):
            await stranger.connect()


async def test_cut_under_load_repeats_nothing(tmp_path: Path) -> None:
    """Three cuts while calls are placed as fast as they go: each is placed at most once, and state is rebuilt."""
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(40):
        proxy = Proxy(bare.ami_port)
        server = await proxy.start()
        ami = Ami("127.0.0.1", proxy.port, "hotline", "only-for-this-test")
        rebuilt: list[int] = []

        async def rebuild() -> None:
            rebuilt.append(len(await channels(ami)))

        ami.on_resync(rebuild)
        await ami.connect()
        seen: Counter[str] = Counter()
        bare.ami.on_event("Newchannel", lambda event: seen.update([event["Uniqueid"]]))
        asked: list[str] = []
        lost = 0

        async def place(count: int) -> None:
            nonlocal lost
            for _ in range(count):
                await ami.connected.wait()
                asked.append(f"load-{len(asked)}")
                try:
                    await ami.originate(
                        "Local/silent@callers/n", channel_id=asked[-1], context="callers", exten="silent"
                    )
                except AmiLost:
                    lost += 1

        async def cut() -> None:
            for _ in range(3):
                before = proxy.actions["Originate"]
                while proxy.actions["Originate"] < before + 20:
                    await asyncio.sleep(0.001)
                proxy.cut()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cut())
            for _ in range(5):
                tasks.create_task(place(20))
        # The second connection saw every channel; ";2" is the far half of a Local channel.
        live = {row.unique_id for row in await channels(bare.ami) if row.unique_id.startswith("load-")}
        while not live <= set(seen):
            await asyncio.sleep(0.01)
        placed = {unique: count for unique, count in seen.items() if unique.startswith("load-") and ";" not in unique}
        assert set(placed.values()) == {1}
        assert set(placed) <= set(asked)
        assert len(asked) == 100
        assert proxy.actions["Originate"] <= 100
        assert lost > 0
        assert len(placed) >= 100 - lost
        assert len(rebuilt) == 4
        await ami.close()
        server.close()
        proxy.cut()


async def test_restart_and_freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "PING_SECONDS", 0.2)
    monkeypatch.setattr(ami_module, "PONG_SECONDS", 0.5)
    monkeypatch.setattr(ami_module, "CONNECT_SECONDS", 1.0)
    async with bare_asterisk(tmp_path) as bare, asyncio.timeout(40):
        await restart(bare)
        await queue_status(bare.ami)
        bare.send_signal(signal.SIGSTOP)
        while bare.ami.connected.is_set():
            await asyncio.sleep(0.02)
        with pytest.raises(AmiError):
            await bare.ami.action("Ping")
        bare.send_signal(signal.SIGCONT)
        await bare.ami.connected.wait()
        await queue_status(bare.ami)


async def restart(bare: Bare) -> None:
    await bare.kill()
    while bare.ami.connected.is_set():
        await asyncio.sleep(0.02)
    await bare.launch()
    await bare.ami.connected.wait()
