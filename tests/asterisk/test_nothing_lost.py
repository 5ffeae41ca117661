"""The records survive what happens to AMI, to the database, to the log files, to the disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline.ami import USER
from hotline.asterisk import ask, control_socket
from hotline.secrets import load_secrets
from routing.ami import Ami
from routing.live import queue_status
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import alert_of, all_calls, all_tickets, call_of, events

AGENTS = tuple(str(1001 + n) for n in range(8))
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]


async def test_ami_cut_three_times_during_thirty_calls(make_instance: MakeInstance) -> None:
    """30 complete timelines, no event twice. History does not come from AMI, live state comes back by itself."""
    instance = make_instance()
    settings = instance.settings
    ami = Ami("127.0.0.1", settings.ami.port, USER, load_secrets(settings).ami)
    seen: list[int] = []

    async def look() -> None:
        seen.append(len((await queue_status(ami)).members))

    ami.on_resync(look)
    await ami.connect()
    async with Phones(instance) as phones:
        for extension in AGENTS:
            await phones.agent(extension, seconds=1.5)

        async def one(n: int) -> None:
            line = await phones.citizen(f"1398888{n:04d}", keys="w0.5,2")
            await line.ended(120)

        calls = [asyncio.create_task(one(n)) for n in range(10)]
        for batch in (10, 20, 30):
            await calls[batch - 10]
            await cut_ami(instance, ami)
            calls += [asyncio.create_task(one(n)) for n in range(batch, batch + 10) if batch < 30]
        await asyncio.gather(*calls)
    await ami.close()
    assert len(seen) == 4
    assert seen[0] == 0
    assert min(seen[1:]) > 0, "the agents are known again after each cut"
    records = await all_calls(instance, 30)
    for call in records:
        for event in ("arrived", "decided", "queued", "connected", "hung_up"):
            assert events(call).count(event) == 1, (event, call)
        assert call["agent"] in AGENTS
        assert call["hangup_by"] == f"agent {call['agent']}"
        assert call["time_to_human"] is not None
    assert len(await all_tickets(instance)) == 30


async def cut_ami(instance: Instance, ami: Ami) -> None:
    """Asterisk throws every AMI connection out; waits until ours is back."""
    control = control_socket(instance.settings)
    sessions = re.findall(r"^\s*hotline\s+\S+\s+\d+\s+\d+\s+(\d+)", await ask(control, "manager show connected"), re.M)
    assert sessions
    lost = asyncio.create_task(until_lost(ami))
    for session in sessions:
        await ask(control, f"manager kick session {session}")
    async with asyncio.timeout(20):
        await lost
        await ami.connected.wait()


async def until_lost(ami: Ami) -> None:
    while ami.connected.is_set():
        await asyncio.sleep(0.01)


async def test_the_database_is_killed_between_two_calls(make_instance: MakeInstance) -> None:
    instance = make_instance()
    async with Phones(instance) as phones:
        for n in range(3):
            line = await phones.citizen(f"1399999{n:04d}", keys="w0.3,1")
            await line.wait("connected", 15, detail="consultation")
            if n == 1:
                instance.kill("postgres", signal.SIGKILL)
            await line.hangup()
            await line.ended(5)
    calls = await all_calls(instance, 3)
    assert all(call["ticket"] for call in calls)
    for call in calls:
        assert events(call).count("arrived") == 1


async def test_log_files_may_be_rotated_at_any_time(make_instance: MakeInstance) -> None:
    instance = make_instance()
    settings = instance.settings
    async with Phones(instance) as phones:
        for n in range(3):
            line = await phones.citizen(f"1390000{n:04d}", keys="w0.3,1")
            await line.wait("connected", 15, detail="consultation")
            for file in (settings.cel_file, settings.queue_log_file):
                file.rename(file.with_name(f"{file.name}.{n}"))
            await ask(control_socket(settings), "logger reload")
            await line.hangup()
            await line.ended(5)
    calls = await all_calls(instance, 3)
    assert all(call["missed"] and call["ticket"] for call in calls)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs of its own size; needs root (or is skipped, loudly)."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"NO SMALL DISK: mounting a tmpfs needs root here ({done.stderr.decode().strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_recording_stops_when_the_disk_fills_and_calls_go_on(make_instance: MakeInstance, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 40) as disk:
        instance = make_instance(recording={"dir": str(disk), "min_free_mb": 20})
        async with Phones(instance) as phones:
            agent = await phones.agent("1001")
            line = await phones.citizen("13900010001", keys="w0.5,1")
            talk = await taken(agent)
            with (disk / "filler").open("wb") as filler:
                filler.write(os.urandom(25 << 20))
            await alert_of(instance, "recording_stopped")
            assert not line.over
            await line.do("keys", keys="w5,7")
            await line.wait("key", 10, detail="7")
            await talk.hangup()
            await line.ended(5)
            first = await call_of(instance, "13900010001", recording=True)
            assert first["recording"]["seconds"] < first["ended_at"].timestamp() - first["arrived_at"].timestamp() - 3
            second = await phones.citizen("13900010002", keys="w0.5,1")
            talk = await taken(agent)
            await talk.hangup()
            await second.ended(5)
            assert (await call_of(instance, "13900010002"))["recording"] is None
            assert (await call_of(instance, "13900010002"))["ticket"]
            (disk / "filler").unlink()
            await alert_of(instance, "recording_stopped", closed=True)
            third = await phones.citizen("13900010003", keys="w0.5,1")
            await (await taken(agent)).hangup()
            await third.ended(5)
            assert (await call_of(instance, "13900010003", recording=True))["recording"]["seconds"] > 0


async def test_hostile_sockets_do_not_touch_calls(make_instance: MakeInstance) -> None:
    """200 hostile sockets on FastAGI during 20 live calls: all finish as usual."""
    instance = make_instance()
    async with Phones(instance) as phones:

        async def one(n: int) -> None:
            line = await phones.citizen(f"1390002{n:04d}", keys="w1,1")
            await line.wait("connected", 20, detail="consultation")
            await line.hangup()
            await line.ended(5)

        calls = [asyncio.create_task(one(n)) for n in range(20)]
        hostile = [asyncio.create_task(bother(instance, n)) for n in range(200)]
        await asyncio.gather(*calls)
        for task in hostile:
            task.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)
    assert len(await all_calls(instance, 20)) == 20


async def bother(instance: Instance, kind: int) -> None:
    """One of: connect and close, half a header, a byte a second, a megabyte of header, silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.agi)
    try:
        match kind % 5:
            case 0:
                return
            case 1:
                writer.write(b"agi_network: yes\nagi_network_script: inb")
            case 2:
                with contextlib.suppress(ConnectionError):
                    for byte in b"agi_network: yes\nagi_network_script: inbound\n\n":
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(1)
            case 3:
                with contextlib.suppress(ConnectionError):
                    writer.write(b"agi_x: " + b"y" * (1 << 20))
                    await writer.drain()
            case _:
                writer.write(b"agi_network: yes\nagi_network_script: inbound\nagi_extension: 12345\n\n")
                await reader.readline()
                return  # EOF in the middle of a command
        await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
