"""A process of ours, child or not: known by process id and start time, so that a reused id is never signalled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path


def start_ticks(pid: int) -> int | None:
    """When the process began, in clock ticks since boot (proc(5), stat field 22); None once it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def listener_pid(path: Path) -> int | None:
    """Which process listens on a Unix socket, by the kernel's word (SO_PEERCRED, unix(7)); None if nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
    pid: int = struct.unpack("3i", found)[0]
    return pid or None


class Process:
    """Waits for and signals one process. The descriptor (pidfd_open(2)) keeps the id from being mistaken."""

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        """Raises ProcessLookupError when there is no such process."""
        self.pid = pid
        self._child = child
        self._descriptor = os.pidfd_open(pid)
        self._ended: asyncio.Future[None] | None = None
        self.adopted = child is None

    @property
    def alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return start_ticks(self.pid) is not None

    async def wait(self) -> int | None:
        """Return when it has ended: its exit code if it was our child, else None. Any number may wait at once."""
        await asyncio.shield(self._ending())
        return self._child.wait() if self._child is not None else self._reap()

    def _reap(self) -> int | None:
        """The exit code of a child that the program started which this process was before (os.execv keeps children)."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return None
        return os.waitstatus_to_exitcode(status) if pid else None

    def _ending(self) -> asyncio.Future[None]:
        if self._ended is None:
            loop = asyncio.get_running_loop()
            self._ended = loop.create_future()
            loop.add_reader(self._descriptor, self._note_end)
        return self._ended

    def _note_end(self) -> None:
        assert self._ended is not None
        self._ended.get_loop().remove_reader(self._descriptor)
        if not self._ended.done():
            self._ended.set_result(None)

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal; ``group``: to everything it started in its session too. A dead process is no error."""
        try:
            if group and os.getpgid(self.pid) == self.pid and self.alive:
                os.killpg(self.pid, number)
            else:
                signal.pidfd_send_signal(self._descriptor, number)
        except (ProcessLookupError, PermissionError):
            return

    def close(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.get_loop().remove_reader(self._descriptor)
            self._ended.cancel()
        os.close(self._descriptor)

    def remember(self, path: Path) -> None:
        """Write down who this is, for a supervisor after us."""
        record = {"pid": self.pid, "start_ticks": start_ticks(self.pid), "boot": _boot_id()}
        new = path.with_suffix(".new")
        new.write_text(json.dumps(record), encoding="utf-8")
        new.replace(path)


def remembered(path: Path) -> int | None:
    """The process id written down, if that very process still runs."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        pid, ticks = int(record["pid"]), record["start_ticks"]
        if record["boot"] != _boot_id() or ticks is None:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if start_ticks(pid) == ticks else None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
