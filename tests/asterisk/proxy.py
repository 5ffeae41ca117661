"""Kamailio with the project's own configuration, as a test's proxy."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hotline.settings import CHECKOUT
from hotline.sip_ask import answers

FOUND = CHECKOUT / ".venv" / "kamailio.json"
CONFIGURATION = CHECKOUT / "kamailio" / "kamailio.cfg"


def trouble() -> str | None:
    """Why there is no Kamailio here, in one line; None when there is one."""
    try:
        found = json.loads(FOUND.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "not looked for yet: `python3 -m tools.bootstrap --dev`"
    return None if "binary" in found else str(found.get("trouble"))


def command(folder: Path, inside: str, outside: str, carrier: str, nodes: Sequence[str]) -> list[str]:
    """``inside``, ``outside``: where it listens for nodes and for the carrier. All host:port; the first node first."""
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    lines = [f"1 sip:{node} 0 {len(nodes) - place}\n" for place, node in enumerate(nodes)]
    (folder / "nodes.list").write_text("".join(lines), encoding="utf-8")
    values = {
        "INSIDE": f"udp:{inside}", "OUTSIDE": f"udp:{outside}", "CARRIER": carrier.partition(":")[0],
        "CARRIER_URI": f"sip:{carrier}", "NODES": f"{folder}/nodes.list",
    }  # fmt: skip
    defines = [word for name, value in values.items() for word in ("-A", f'{name}="{value}"')]
    places = ["-P", str(folder / "pid"), "-Y", str(folder)]
    return [
        found["binary"], "-f", str(CONFIGURATION), "-L", found["modules"], *defines, *places,
        "-l", f"udp:{inside}", "-l", f"udp:{outside}", "-DD", "-E", "-m", "64", "-M", "8",
    ]  # fmt: skip


@asynccontextmanager
async def proxy(folder: Path, inside: str, outside: str, carrier: str, nodes: Sequence[str]) -> AsyncIterator[Path]:
    """Until it answers the carrier's OPTIONS; yields its log."""
    folder.mkdir(parents=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(folder, inside, outside, carrier, nodes),
            cwd="/",
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(30):
            while not await answers(outside, carrier.partition(":")[0]):
                assert process.poll() is None, log.read_text()[-4000:]
        yield log
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
