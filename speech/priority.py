"""Recognition gives way to whatever serves calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

_NICENESS = 2
_Made = TypeVar("_Made")


def lower() -> None:
    """For the calling thread, and the threads that it starts: on Linux each has a niceness of its own.

    One that is lower already stays so: root could raise it."""
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def lowered(make: Callable[[], _Made]) -> _Made:
    """What ``make`` returns, with the threads that it starts lowered."""
    with ThreadPoolExecutor(1, initializer=lower) as executor:
        return executor.submit(make).result()
