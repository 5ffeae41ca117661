"""``python -m docker.health PART``: a container's health check, with the supervisor's own questions (:data:`PARTS`).

Docker restarts a process that ends, not one that hangs: after three misses in a row it is killed from here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from hotline.parts import Part, dialler_part, scribe_part, voice_part, web_part, worker_part
from hotline.settings import Settings, load_settings

ANSWER_SECONDS = 3.0
MISSES = 3
MISSED = Path("/tmp/health-missed")
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
        return 0
    with MISSED.open("ab") as file:
        file.write(b".")  # one byte a miss
        missed = file.tell()
    print(f"{name} has not answered {missed} times")
    if missed >= MISSES:
        for pid in processes(part.command[-1]):
            os.kill(pid, signal.SIGKILL)
    return 1


async def _works(part: Part) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await part.works()
    except (OSError, EOFError, ValueError, TimeoutError):
        return False


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
