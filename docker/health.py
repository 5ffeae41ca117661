"""``python -m docker.health PART``: a container's health check, with the supervisor's own questions (:data:`PARTS`).

Docker restarts a process that ends, not one that hangs: after three misses in a row it is killed from here. One that
has not answered yet has time to start: Docker asks each second then, and on a busy machine three of them are nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hotline.parts import Part, dialler_part, scribe_part, voice_part, web_part, worker_part
from hotline.process import start_ticks
from hotline.settings import Settings, load_settings

ANSWER_SECONDS = 3.0
MISSES = 3
STARTING_SECONDS = 120.0
"""As ``start_period`` in docker-compose.yml."""
MISSED, ANSWERED = Path("/tmp/health-missed"), Path("/tmp/health-answered")
"""Gone when the container is started again."""
PARTS: dict[str, Callable[[Settings], Part]] = {
    "voice": voice_part,
    "worker": worker_part,
    "web": web_part,
    "dialler": dialler_part,
    "scribe": scribe_part,
}


def main(name: str) -> int:
    part = PARTS[name](load_settings())
    if asyncio.run(_works(part)):
        MISSED.unlink(missing_ok=True)
        ANSWERED.touch()
        return 0
    found = processes(part.command[-1])
    if not ANSWERED.exists() and any(age(pid) < STARTING_SECONDS for pid in found):
        print(f"{name} is starting")
        return 1
    with MISSED.open("ab") as file:
        file.write(b".")  # one byte a miss
        missed = file.tell()
    print(f"{name} has not answered {missed} times")
    if missed >= MISSES:
        for pid in found:
            os.kill(pid, signal.SIGKILL)
    return 1


async def _works(part: Part) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await part.works()
    except (OSError, EOFError, ValueError, TimeoutError):
        return False


def age(pid: int) -> float:
    """Seconds; of one that has just ended, none."""
    began = start_ticks(pid)
    return 0.0 if began is None else time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")


def processes(module: str) -> list[int]:
    """Process ids of ``python -m MODULE``. Process 1 is tini, which ends when its child does."""
    wanted = b"\0-m\0" + module.encode() + b"\0"
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted in file.read_bytes() and (pid := int(file.parent.name)) != 1:
                found.append(pid)
        except OSError:
            continue  # it has just ended
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
