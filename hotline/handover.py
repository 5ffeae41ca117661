"""A listening socket goes from a server to the one that comes after it, with the connections that wait in it.

Both then accept from one and the same queue of the kernel's, until the older closes its end: nobody who connects
meanwhile is refused or lost. With a socket of each one's own (SO_REUSEPORT) those in the queue of the one that closes
would be reset, which takes a caller to the fallback menu.

The older offers its socket at a Unix socket of its own, ``<home>/run/<part>-<pid>.sock`` (SCM_RIGHTS, unix(7)). That it
listens there says that it serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path

from hotline.process import listener_pid

log = logging.getLogger(__name__)

TAKE_SECONDS = 2.0
DRAIN_SECONDS = 120.0
"""For what a server that has a successor has begun."""
_BACKLOG = 8
_WORD = b"here"


def serves(run_dir: Path, part: str, pid: int) -> bool:
    """Whether this process, of the kernel's word, offers its listening socket: it accepts what comes."""
    return listener_pid(_door(run_dir, part, pid)) == pid


class Offer:
    """Whoever of our own user asks gets ``listener``, from :meth:`open` to :meth:`close`."""

    def __init__(self, run_dir: Path, part: str, listener: socket.socket) -> None:
        self._path = _door(run_dir, part, os.getpid())
        self._listener = listener
        self._door: socket.socket | None = None

    def open(self) -> None:
        """From now on we serve. Without a place for it (a folder that cannot be written to) there is no successor."""
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            door.bind(str(self._path))
            self._path.chmod(0o600)
            door.listen(_BACKLOG)
            door.setblocking(False)
        except OSError as error:
            door.close()
            log.info("nobody can take over from us: %s: %s", self._path, error)
            return
        self._door = door
        asyncio.get_running_loop().add_reader(door.fileno(), self._answer, door)

    def close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            asyncio.get_running_loop().remove_reader(door.fileno())
            door.close()
            self._path.unlink(missing_ok=True)

    def _answer(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            peer, _ = door.accept()
            with peer:
                socket.send_fds(peer, [_WORD], [self._listener.fileno()])


def take(run_dir: Path, part: str) -> socket.socket | None:
    """The listening socket of the server that serves now, which goes on accepting beside us; None if there is none."""
    for door in run_dir.glob(f"{part}-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(TAKE_SECONDS)
            try:
                asking.connect(str(door))
                word, descriptors, _, _ = socket.recv_fds(asking, len(_WORD), 1)
            except ConnectionRefusedError:  # it was killed
                with contextlib.suppress(OSError):
                    door.unlink()
                continue
            except OSError:
                continue
        if word == _WORD and len(descriptors) == 1:
            os.set_inheritable(descriptors[0], False)
            return socket.socket(fileno=descriptors[0])
        for descriptor in descriptors:
            os.close(descriptor)
    return None


def has_successor(run_dir: Path, part: str) -> bool:
    """Whether another one serves, once we do not any more."""
    return any(listener_pid(door) is not None for door in run_dir.glob(f"{part}-*.sock"))


def _door(run_dir: Path, part: str, pid: int) -> Path:
    return run_dir / f"{part}-{pid}.sock"
