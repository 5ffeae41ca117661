"""Looked at before anything is started, so that what is wrong is one line and not a log to read."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from hotline.settings import Settings, SettingsError

# Containers may allow a thousand million, and programs that walk through all possible files then stall.
_MOST_FILES = 262_144
_LOCK = "supervisor.lock"


@dataclass(frozen=True)
class Port:
    """``setting`` is the name of the setting that moves it."""

    kind: Literal["udp", "tcp"]
    address: str
    number: int
    setting: str
    part: str


def ports(settings: Settings) -> list[Port]:
    found = [
        Port("udp", settings.sip.bind, settings.sip.port, "sip.port", "asterisk"),
        Port("tcp", "127.0.0.1", settings.sip.socket_port, "sip.socket_port", "asterisk"),
        Port("tcp", "127.0.0.1", settings.ami.port, "ami.port", "asterisk"),
        Port("tcp", "127.0.0.1", settings.agi.port, "agi.port", "voice"),
        Port("tcp", "127.0.0.1", settings.speech.port, "speech.port", "voice"),
        Port("tcp", settings.web.bind, settings.web.port, "web.port", "web"),
    ]
    if not settings.emergency.trunks:
        found.append(Port("udp", "127.0.0.3", settings.emergency.test_port, "emergency.test_port", "asterisk"))
    return found


def check_port(port: Port) -> None:
    """Raises SettingsError when the port cannot be had; nothing stays bound."""
    kind = socket.SOCK_DGRAM if port.kind == "udp" else socket.SOCK_STREAM
    variable = "HOTLINE_" + port.setting.upper().replace(".", "__")
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if port.kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.number))
            if port.kind == "tcp":
                probe.listen(1)
        except OSError as error:
            place = f"{port.kind.upper()} port {port.number} on {port.address}"
            if error.errno == errno.EADDRINUSE:
                raise SettingsError(f"{place} is in use: set {port.setting} ({variable}) to another one") from error
            if error.errno == errno.EACCES:
                raise SettingsError(f"{place} needs root: set {port.setting} ({variable}) to 1024 or more") from error
            bind = port.setting.replace(".port", ".bind")
            raise SettingsError(f"{place}: {error.strerror}: see {bind} and {port.setting} ({variable})") from error


def raise_file_limit() -> int:
    """The usual 1024 open files end at about 170 calls: take what this user may have. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


@contextmanager
def only_supervisor(run_dir: Path, held: int | None = None) -> Iterator[BinaryIO]:
    """Hold the instance's lock; it goes with the process, however that ends. Raises SettingsError if another has it.

    ``held``: a descriptor by which this process, as the program that it was before, holds the lock already."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with os.fdopen(held, "ab") if held is not None else (run_dir / _LOCK).open("ab") as file:
        os.set_inheritable(file.fileno(), False)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                f"this hotline is already running (home {run_dir.parent}): see `hotline status`"
            ) from error
        yield file


def supervisor_runs(run_dir: Path) -> bool:
    """Whether some process holds the lock."""
    try:
        with (run_dir / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holds_lock(run_dir: Path, descriptor: int) -> bool:
    """Whether it is the lock file's, and nothing else that came with the environment."""
    try:
        here, there = os.fstat(descriptor), (run_dir / _LOCK).stat()
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
