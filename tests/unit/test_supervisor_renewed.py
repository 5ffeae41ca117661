"""A supervisor that leaves its parts to the next version of itself, which replaces them one by one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hotline.keeper import Keeper, PartFailed
from hotline.parts import Part, send
from hotline.process import listener_pid, start_ticks
from hotline.supervisor import Supervisor
from tests.unit.test_supervisor import Parts, Plan, make_supervisor, status, until

# As the other stand-in, but told once it goes on with what it has, and ends when told again.
LINGERS = """
import os, signal, socket, sys
name, path, journal = sys.argv[1:4]
server = socket.socket(socket.AF_UNIX)
def told(*_):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.close()
    open(journal, "a").write("lingers\\n")
    while True:
        signal.pause()
signal.signal(signal.SIGTERM, told)
if os.path.exists(path):
    os.unlink(path)
server.bind(path)
server.listen()
while True:
    peer, _ = server.accept()
    try:
        peer.send(b"!")
    except OSError:
        pass
    peer.close()
"""


class Heir:
    """Takes the given parts over as they run."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts
        self.keepers: dict[str, Keeper] = {}

    async def start(self, supervisor: Supervisor) -> None:
        for part in self.parts:
            keeper = self.keepers[part.name] = supervisor.add(part)
            assert keeper.adopt()

    def pid(self, name: str) -> int:
        process = self.keepers[name].process
        assert process is not None
        return process.pid


def voice_part(parts: Parts) -> Part:
    part = parts.part("voice")
    script = part.command[: part.command.index("-c")]
    command = (*script, "-c", LINGERS, "voice", str(parts.socket("voice")), str(parts.journal))
    return replace(
        part,
        command=command,
        stop=((send(signal.SIGTERM), 0.2), (send(signal.SIGTERM), 5.0)),
        serving=lambda pid: listener_pid(parts.socket("voice")) == pid,
    )


@asynccontextmanager
async def inherited(folder: Path, *parts: Part) -> AsyncIterator[tuple[Supervisor, Heir, dict[str, int]]]:
    """What an older supervisor started and left, kept by another; and the processes of before."""
    first, plan, ready = make_supervisor(folder), Plan(*parts), asyncio.Event()
    running = asyncio.ensure_future(first.run(plan, ready.set))
    await ready.wait()
    before = {part.name: plan.pid(part.name) for part in parts}
    first.leave()
    assert await running is True
    assert all(start_ticks(pid) for pid in before.values())
    assert status(folder)["state"] == "leaving"
    supervisor, heir, renewing = make_supervisor(folder), Heir(*parts), asyncio.Event()
    running = asyncio.ensure_future(supervisor.run(heir, renewing.set))
    await renewing.wait()
    try:
        yield supervisor, heir, before
    finally:
        supervisor.end()
        assert await running is False
        for name in before:
            leftover = plan.keepers[name].process
            assert leftover is not None
            await leftover.wait()
            leftover.close()


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


async def test_the_parts_go_on_while_the_supervisor_changes(parts: Parts, tmp_path: Path) -> None:
    async with inherited(tmp_path, parts.part("voice"), parts.part("web")) as (_, heir, before):
        assert {name: heir.pid(name) for name in before} == before
        assert {one["state"] for one in status(tmp_path)["parts"].values()} == {"ready"}
        assert not parts.journal.exists()
        os.kill(before["web"], signal.SIGKILL)
        web = heir.keepers["web"]
        await until(lambda: web.state == "ready" and heir.pid("web") != before["web"])


async def test_where_two_may_serve_the_old_one_goes_on_with_what_it_has(parts: Parts, tmp_path: Path) -> None:
    async with inherited(tmp_path, voice_part(parts)) as (supervisor, heir, before):
        draining = await supervisor.renew(heir.keepers["voice"])
        new = heir.pid("voice")
        assert new != before["voice"]
        assert draining is not None
        assert status(tmp_path)["draining"] == [before["voice"]]
        await until(lambda: parts.journal.exists())
        assert listener_pid(parts.socket("voice")) == new
        assert start_ticks(before["voice"]) is not None
        os.kill(before["voice"], signal.SIGTERM)
        async with asyncio.timeout(10):
            await draining
        assert status(tmp_path)["draining"] == []
        # The new one is watched.
        os.kill(new, signal.SIGKILL)
        keeper = heir.keepers["voice"]
        await until(lambda: keeper.state == "ready" and heir.pid("voice") != new)


async def test_the_old_one_goes_on_when_the_new_one_does_not_come_up(parts: Parts, tmp_path: Path) -> None:
    good = voice_part(parts)
    async with inherited(tmp_path, good) as (supervisor, heir, before):
        keeper = heir.keepers["voice"]
        keeper.part = replace(good, command=("/bin/sh", "-c", "echo a rule file is broken; exit 3"))
        with pytest.raises(PartFailed, match=r"^voice ended with exit code 3: a rule file is broken$"):
            await supervisor.renew(keeper)
        keeper.part = replace(good, command=("/bin/sleep", "60"), start_seconds=0.3)
        with pytest.raises(PartFailed, match="voice does not answer after 1 s"):
            await supervisor.renew(keeper)
        assert heir.pid("voice") == before["voice"] == listener_pid(parts.socket("voice"))
        assert not parts.journal.exists(), "it was never told to end"
        keeper.part = good
        assert await supervisor.renew(keeper) is not None


async def test_where_they_may_not_the_old_one_ends_first(parts: Parts, tmp_path: Path) -> None:
    async with inherited(tmp_path, parts.part("worker")) as (supervisor, heir, before):
        assert await supervisor.renew(heir.keepers["worker"]) is None
        assert parts.journal.read_text().split() == ["worker"]
        assert heir.pid("worker") != before["worker"]
        keeper = heir.keepers["worker"]
        keeper.part = replace(keeper.part, command=("/bin/false",))
        with pytest.raises(PartFailed):
            await supervisor.renew(keeper)
        keeper.part = parts.part("worker")
        await until(lambda: keeper.state == "ready")


async def test_ended_while_an_old_one_goes_on(parts: Parts, tmp_path: Path) -> None:
    async with inherited(tmp_path, voice_part(parts)) as (supervisor, heir, before):
        await supervisor.renew(heir.keepers["voice"])
        await until(lambda: parts.journal.exists())
    assert start_ticks(before["voice"]) is None
    assert status(tmp_path)["state"] == "stopped"


async def test_it_does_not_leave_in_the_middle_of_an_upgrade(parts: Parts, tmp_path: Path) -> None:
    supervisor, plan, ready, go_on = (
        make_supervisor(tmp_path),
        Plan(parts.part("web")),
        asyncio.Event(),
        asyncio.Event(),
    )

    async def meanwhile() -> None:
        await go_on.wait()

    supervisor.leave()  # not before it is ready either
    running = asyncio.ensure_future(supervisor.run(plan, ready.set, meanwhile))
    await ready.wait()
    assert status(tmp_path)["upgrading"] is True
    supervisor.leave()
    go_on.set()
    await until(lambda: not status(tmp_path)["upgrading"])
    assert not running.done()
    supervisor.leave()
    supervisor.end()  # ending comes first
    assert await running is False
    assert plan.keepers["web"].process is None
