"""The supervisor becomes its new version: the same process, with the same children and the same lock, reads its program
anew (execve(2)). Whoever keeps it (a terminal, systemd) notices nothing."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO, NoReturn

from hotline.preflight import holds_lock

LOCK_VARIABLE = "HOTLINE_SUPERVISOR_LOCK"
"""Says to the new program by which descriptor it holds the lock. Taken out of the environment at once."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def hold_signals() -> None:
    """What comes between one program's handlers and the next one's waits. Undone by :func:`let_signals_through`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def let_signals_through() -> None:
    """Before any child is started: it would inherit that they are held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def become_new(lock: BinaryIO) -> NoReturn:
    """Raises OSError when the interpreter is gone."""
    os.set_inheritable(lock.fileno(), True)
    os.environ[LOCK_VARIABLE] = str(lock.fileno())
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def held_lock(run_dir: Path, said: str | None) -> int | None:
    """The descriptor of the lock that we hold from before, by what :data:`LOCK_VARIABLE` said."""
    if said is None or not said.isascii() or not said.isdigit():
        return None
    return int(said) if holds_lock(run_dir, int(said)) else None
