"""Machines of a test's own: network namespaces on one bridge, without any way out.

The test itself, and whatever it starts, is at the bridge's address while the network is up; other "machines" hang on it
by a pair of virtual cables each. Sockets in the file system are seen from all of them.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000  # setns(2); os.setns() comes with Python 3.12
HERE = "/proc/thread-self/ns/net"
_PROBE = "ip link set lo up && ip link add br0 type bridge && ip link add c0 type veth peer name c1"
_libc = ctypes.CDLL(None, use_errno=True)


def trouble() -> str | None:
    """Why this machine makes no such network, in one line; None when it does."""
    try:
        done = subprocess.run(["unshare", "-n", "sh", "-ec", _PROBE], capture_output=True, text=True, timeout=20)
    except FileNotFoundError as error:
        return f"there is no `{error.filename}` command"
    except subprocess.TimeoutExpired:
        return "`unshare -n` does not end"
    lines = (done.stderr or done.stdout).strip().splitlines()
    return None if done.returncode == 0 else f"unshare -n: {lines[-1] if lines else done.returncode}"


class Machine:
    """``prefix`` goes before a command that is to run there."""

    def __init__(self, address: str) -> None:
        self.address = address
        # It lives as long as somebody is in it.
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        self.path = f"/proc/{self._holder.pid}/ns/net"
        deadline = time.monotonic() + 10
        while os.readlink(self.path) == os.readlink(HERE):
            assert time.monotonic() < deadline, "unshare made no namespace"
            time.sleep(0.01)
        self.prefix = ("nsenter", f"--net={self.path}")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are there. Nothing else may run in it until then."""
        with _returning():
            _enter(self.path)
            yield

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@contextmanager
def network(addresses: Sequence[str], machines: Sequence[str]) -> Iterator[list[Machine]]:
    """``addresses``: of this side, with their length (``10.99.0.1/24``); ``machines``: of the others, likewise."""
    made: list[Machine] = []
    with _returning():
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            for command in ("set lo up", "add br0 type bridge", "set br0 up"):
                _ip("link", *command.split())
            for address in addresses:
                _ip("address", "add", address, "dev", "br0")
            for number, address in enumerate(machines):
                machine = Machine(address.partition("/")[0])
                made.append(machine)
                cable = f"cable{number}"
                _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(machine.pid))
                _ip("link", "set", cable, "master", "br0", "up")
                there = f"ip link set lo up && ip address add {address} dev eth0 && ip link set eth0 up"
                subprocess.run([*machine.prefix, "sh", "-ec", there], check=True, timeout=20)
            yield made
        finally:
            for machine in made:
                machine.close()


@contextmanager
def _returning() -> Iterator[None]:
    descriptor = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _check(_libc.setns(descriptor, CLONE_NEWNET))
        os.close(descriptor)


def _enter(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, CLONE_NEWNET))
    finally:
        os.close(descriptor)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=20)
