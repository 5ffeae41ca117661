"""The supervisor with small stand-in processes: real ones, started, killed, frozen and taken over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotline.keeper import Keeper, PartFailed, Timing, pause
from hotline.parts import Part, send
from hotline.process import listener_pid, start_ticks
from hotline.settings import Settings
from hotline.supervisor import STATUS_FILE, Supervisor, read_status, stop_order

# Listens on a Unix socket and answers each connection with one byte; at SIGTERM writes its name down and ends.
STAND_IN = """
import os, signal, socket, sys
name, path, journal = sys.argv[1:4]
def end(*_):
    open(journal, "a").write(name + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in sys.argv else end)
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print(name, "listens", flush=True)
while True:
    peer, _ = server.accept()
    try:
        peer.send(b"!")
    except OSError:
        pass  # it asked while we were stopped, and is gone
    peer.close()
"""
QUICK = Timing(look=0.05, answer=0.2, first_pause=0.05, longest_pause=0.2, log_bytes=100, log_copies=2)


class Parts:
    """Stand-in parts that live in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"

    def socket(self, name: str) -> Path:
        return self.folder / f"{name}.sock"

    def part(self, name: str, *arguments: str, take_over: bool = False, freeze: float | None = None) -> Part:
        async def works() -> bool:
            reader, writer = await asyncio.open_unix_connection(self.socket(name))
            try:
                return await reader.readexactly(1) == b"!"
            finally:
                writer.close()

        script = (sys.executable, "-I", "-S", "-c", STAND_IN)
        return Part(
            name=name,
            command=(*script, name, str(self.socket(name)), str(self.journal), *arguments),
            works=works,
            stop=((send(signal.SIGTERM), 10.0),),
            start_seconds=20.0,
            freeze_seconds=freeze,
            running=(lambda: listener_pid(self.socket(name))) if take_over else None,
        )


class Plan:
    """An instance that brings up the given parts one after another."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts
        self.keepers: dict[str, Keeper] = {}

    async def start(self, supervisor: Supervisor) -> None:
        for part in self.parts:
            keeper = self.keepers[part.name] = supervisor.add(part)
            await keeper.clear_leftover()
            await supervisor.bring_up(keeper)

    def pid(self, name: str) -> int:
        process = self.keepers[name].process
        assert process is not None
        return process.pid


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def make_supervisor(folder: Path, said: list[str] | None = None) -> Supervisor:
    return Supervisor(folder / "run", folder / "log", (said if said is not None else []).append, QUICK)


def status(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run" / STATUS_FILE).read_text())
    return found


@asynccontextmanager
async def running(folder: Path, plan: Plan, said: list[str] | None = None) -> AsyncIterator[Supervisor]:
    supervisor = make_supervisor(folder, said)
    ready = asyncio.Event()
    task = asyncio.ensure_future(supervisor.run(plan, ready.set))
    readying = asyncio.ensure_future(ready.wait())
    try:
        await asyncio.wait({task, readying}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield supervisor
    finally:
        readying.cancel()
        supervisor.end()
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_starts_stays_and_ends_in_order(parts: Parts, tmp_path: Path) -> None:
    names = ["postgres", "asterisk", "voice", "web"]
    plan = Plan(*(parts.part(name) for name in names))
    async with running(tmp_path, plan):
        now = status(tmp_path)
        assert (now["state"], now["ready"], now["pid"]) == ("ready", True, os.getpid())
        assert {name: report["state"] for name, report in now["parts"].items()} == dict.fromkeys(names, "ready")
        pids = [plan.pid(name) for name in names]
        assert [os.getsid(pid) for pid in pids] == pids, "each has a session of its own"
    ended = parts.journal.read_text().split()
    assert set(ended[:2]) == {"voice", "web"}
    assert ended[2:] == ["asterisk", "postgres"]
    assert (status(tmp_path)["state"], status(tmp_path)["ready"]) == ("stopped", False)
    assert not any(start_ticks(pid) for pid in pids)
    assert not list((tmp_path / "run").glob("*.pid"))


def test_stop_order() -> None:
    names = ["postgres", "asterisk", "voice", "worker", "web"]
    assert stop_order(names) == [["voice", "worker", "web"], ["asterisk"], ["postgres"]]
    assert stop_order(["voice"]) == [["voice"]]


async def test_a_killed_part_starts_again_and_the_others_stay(parts: Parts, tmp_path: Path) -> None:
    plan = Plan(parts.part("voice"), parts.part("web"))
    async with running(tmp_path, plan):
        first, other = plan.pid("voice"), plan.pid("web")
        os.kill(first, signal.SIGKILL)
        voice = plan.keepers["voice"]
        await until(lambda: voice.state == "ready" and plan.pid("voice") != first)
        assert plan.pid("web") == other
        assert status(tmp_path)["parts"]["voice"]["restarts"] == 1


async def test_a_frozen_part_is_killed_and_started_again(parts: Parts, tmp_path: Path) -> None:
    plan = Plan(parts.part("voice", freeze=0.5))
    async with running(tmp_path, plan):
        first = plan.pid("voice")
        os.kill(first, signal.SIGSTOP)
        voice = plan.keepers["voice"]
        await until(lambda: voice.state == "not answering")
        await until(lambda: voice.state == "ready" and plan.pid("voice") != first)
        assert start_ticks(first) is None


async def test_a_silent_asterisk_is_never_killed(parts: Parts, tmp_path: Path) -> None:
    plan = Plan(parts.part("asterisk", freeze=None))
    async with running(tmp_path, plan):
        first = plan.pid("asterisk")
        os.kill(first, signal.SIGSTOP)
        keeper = plan.keepers["asterisk"]
        await until(lambda: keeper.state == "not answering")
        await asyncio.sleep(1.0)  # long past any patience that there might be
        assert start_ticks(first) is not None
        os.kill(first, signal.SIGCONT)
        await until(lambda: keeper.state == "ready")
        assert plan.pid("asterisk") == first


async def test_a_part_that_ends_at_once_fails_the_start(parts: Parts, tmp_path: Path) -> None:
    broken = replace(parts.part("web"), command=("/bin/sh", "-c", "echo first; echo setting web.port: wrong; exit 3"))
    plan = Plan(parts.part("voice"), broken)
    with pytest.raises(PartFailed, match=r"^web ended with exit code 3: setting web\.port: wrong$"):
        async with running(tmp_path, plan):
            pass
    assert parts.journal.read_text().split() == ["voice"], "what had been started is stopped"
    assert status(tmp_path)["state"] == "stopped"


async def test_a_part_that_never_answers_fails_the_start(parts: Parts, tmp_path: Path) -> None:
    mute = replace(parts.part("web"), command=("/bin/sleep", "60"), start_seconds=0.3)
    with pytest.raises(PartFailed, match="web does not answer after 0 s"):
        async with running(tmp_path, Plan(mute)):
            pass


async def test_a_missing_program_fails_the_start(parts: Parts, tmp_path: Path) -> None:
    missing = replace(parts.part("asterisk"), command=("/no/such/asterisk",))
    with pytest.raises(PartFailed, match="cannot start /no/such/asterisk"):
        async with running(tmp_path, Plan(missing)):
            pass


class LeftBehind:
    """Parts started as by a supervisor that was then killed: nobody stops them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keepers: list[Keeper] = []

    async def start(self, part: Part) -> int:
        (self._folder / "run").mkdir(exist_ok=True)
        keeper = Keeper(part, self._folder / "run", self._folder / "log", lambda: None, QUICK)
        self._keepers.append(keeper)
        await keeper.start()
        assert keeper.process is not None
        return keeper.process.pid

    async def clear(self) -> None:
        for keeper in self._keepers:
            if keeper.process is not None:
                keeper.process.signal(signal.SIGKILL)
                await keeper.process.wait()
                keeper.process.close()


@pytest.fixture
async def left(tmp_path: Path) -> AsyncIterator[LeftBehind]:
    left = LeftBehind(tmp_path)
    yield left
    await left.clear()


async def test_after_a_killed_supervisor_asterisk_is_taken_over_and_python_started_anew(
    parts: Parts, tmp_path: Path, left: LeftBehind
) -> None:
    wanted = [parts.part("asterisk", take_over=True), parts.part("voice")]
    asterisk, voice = [await left.start(part) for part in wanted]
    plan, said = Plan(*wanted), list[str]()
    async with running(tmp_path, plan, said):
        assert plan.pid("asterisk") == asterisk
        assert status(tmp_path)["parts"]["asterisk"]["taken_over"] is True
        assert plan.pid("voice") != voice
        assert parts.journal.read_text().split() == ["voice"]
        assert any("taken over" in line for line in said)
    assert parts.journal.read_text().split() == ["voice", "voice", "asterisk"]
    assert start_ticks(asterisk) is None


async def test_a_part_taken_over_is_started_again_when_it_dies(parts: Parts, tmp_path: Path, left: LeftBehind) -> None:
    wanted = parts.part("asterisk", take_over=True)
    asterisk = await left.start(wanted)
    plan = Plan(wanted)
    async with running(tmp_path, plan):
        os.kill(asterisk, signal.SIGKILL)
        keeper = plan.keepers["asterisk"]
        await until(lambda: keeper.state == "ready" and plan.pid("asterisk") != asterisk)
        assert status(tmp_path)["parts"]["asterisk"]["taken_over"] is False


async def test_a_failed_start_leaves_a_running_asterisk_alone(parts: Parts, tmp_path: Path, left: LeftBehind) -> None:
    wanted = parts.part("asterisk", take_over=True)
    asterisk = await left.start(wanted)
    broken = replace(parts.part("web"), command=("/bin/false",))
    with pytest.raises(PartFailed):
        async with running(tmp_path, Plan(wanted, broken)):
            pass
    assert start_ticks(asterisk) is not None


async def test_a_second_ctrl_c_does_not_wait(parts: Parts, tmp_path: Path) -> None:
    plan = Plan(parts.part("voice", "stubborn"))
    async with asyncio.timeout(8):  # the patient way takes ten
        async with running(tmp_path, plan) as supervisor:
            supervisor.end()
            supervisor.end()


async def test_ended_while_starting(parts: Parts, tmp_path: Path) -> None:
    slow = replace(parts.part("web"), command=("/bin/sleep", "60"))
    supervisor = make_supervisor(tmp_path)
    plan = Plan(parts.part("voice"), slow)
    task = asyncio.ensure_future(supervisor.run(plan, lambda: pytest.fail("it is not ready")))
    await until(lambda: "web" in plan.keepers and plan.keepers["web"].process is not None)
    pids = [plan.pid("voice"), plan.pid("web")]
    supervisor.end()
    await task
    assert not any(start_ticks(pid) for pid in pids)


async def test_a_keeper_that_fails_ends_nothing(parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    voice, trouble = parts.part("voice"), list[str]()

    async def works() -> bool:
        if trouble:
            raise RuntimeError(trouble.pop())
        return await voice.works()

    plan = Plan(replace(voice, works=works), parts.part("asterisk"))
    async with running(tmp_path, plan):
        first, other = plan.pid("voice"), plan.pid("asterisk")
        trouble.append("never thought of")
        await until(lambda: "voice: watching it failed: RuntimeError('never thought of')" in caplog.text)
        os.kill(first, signal.SIGKILL)
        keeper = plan.keepers["voice"]
        await until(lambda: keeper.state == "ready" and plan.pid("voice") != first)
        assert plan.pid("asterisk") == other


async def test_a_log_that_cannot_be_set_aside_is_said_once(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan(parts.part("voice"))
    (tmp_path / "log" / "voice.log.2").mkdir(parents=True)  # nothing can be moved there
    (tmp_path / "log" / "voice.log.1").write_text("older")
    async with running(tmp_path, plan):
        pid = plan.pid("voice")
        log_file = plan.keepers["voice"].log_file
        log_file.write_text("x" * 1000)
        await until(lambda: "cannot set" in caplog.text)
        looks = QUICK.look * 5
        await asyncio.sleep(looks)
        assert caplog.text.count("cannot set") == 1
        assert plan.pid("voice") == pid


async def test_logs_stay_small(parts: Parts, tmp_path: Path) -> None:
    # Four lines a second of a hundred bytes each, and a rotation at a hundred.
    script = 'while true; do printf "%0100d\\n" 7; sleep 0.05; done'

    async def works() -> bool:
        return True

    talker = Part(name="voice", command=("/bin/sh", "-c", script), works=works, stop=((send(signal.SIGTERM), 5.0),))
    logs = tmp_path / "log"
    async with running(tmp_path, Plan(talker)):
        await until(lambda: (logs / "voice.log.2").exists())
        before = (logs / "voice.log.1").stat().st_mtime_ns
        await until(lambda: (logs / "voice.log.1").stat().st_mtime_ns != before)
    assert sorted(path.name for path in logs.iterdir()) == ["voice.log", "voice.log.1", "voice.log.2"]
    assert all(path.stat().st_size < 2000 for path in logs.iterdir())


def test_pauses_double_up_to_a_bound_and_are_spread() -> None:
    timing = Timing(first_pause=0.5, longest_pause=30.0)
    assert [pause(n, timing, lambda: 1.0) for n in (1, 2, 3, 7, 8, 5000)] == [0.5, 1.0, 2.0, 30.0, 30.0, 30.0]
    assert pause(1, timing, lambda: 0.0) == 0.25


def test_status_is_only_believed_while_a_supervisor_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / STATUS_FILE).write_text('{"ready": true}')
    assert read_status(settings) is None
    holder = "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-c", holder, str(tmp_path / "run" / "supervisor.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        assert read_status(settings) == {"ready": True}
        other.stdin.close()
        other.wait()
    assert read_status(settings) is None
