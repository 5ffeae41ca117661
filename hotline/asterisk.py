"""The Asterisk program: where it is, how it is started, asked and stopped. Its configuration is hotline/render.py's."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hotline.settings import CHECKOUT, Settings, SettingsError

TOOLS_FILE = CHECKOUT / ".venv" / "tools.json"
OLDEST = (20,)
_MAX_ANSWER = 1 << 20
_SOCKET_PATH_LIMIT = 107  # unix(7): sun_path is 108 bytes with its closing zero


class AsteriskError(Exception):
    """Asterisk did not answer, or not in time."""


@dataclass(frozen=True)
class Asterisk:
    """``module_dir`` holds the .so files, ``data_dir`` holds ``documentation`` and ``rest-api``."""

    binary: Path
    version: tuple[int, ...]
    module_dir: Path
    data_dir: Path
    sipp: Path | None = None

    @cached_property
    def records_interleaved(self) -> bool:
        """MixMonitor has the option ``D`` (both sides as two channels of one raw file)."""
        try:
            text = (self.data_dir / "documentation" / "core-en_US.xml").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        manual = re.search(r'<application name="MixMonitor".*?</application>', text, re.DOTALL)
        return manual is not None and '<option name="D"' in manual[0]


def find_asterisk() -> Asterisk:
    """What tools/bootstrap.py found or fetched. Raises SettingsError (one line) when there is none."""
    tools = _tools()
    try:
        found = tools["asterisk"]
        asterisk = Asterisk(
            binary=Path(found["binary"]),
            version=tuple(int(part) for part in found["version"].split(".") if part),
            module_dir=Path(found["modules"]),
            data_dir=Path(found["data"]),
            sipp=Path(found["sipp"]) if found["sipp"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError("Asterisk was not looked for yet: start with `make run`") from error
    if not asterisk.binary.exists() or asterisk.version < OLDEST:
        raise SettingsError(f"no Asterisk 20 or newer at {asterisk.binary}: start with `make run`")
    return asterisk


def phone_python() -> Path:
    """The interpreter that has the SIP phone's library. Raises SettingsError (one line) when there is none."""
    tools = _tools()
    found = tools.get("phone_python")
    if not isinstance(found, str) or not Path(found).exists():
        raise SettingsError(f"no SIP phone on this machine: {tools.get('phone_trouble') or 'run `make phone`'}")
    return Path(found)


def _tools() -> dict[str, Any]:
    try:
        found = json.loads(TOOLS_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def config_file(settings: Settings) -> Path:
    return settings.asterisk_dir / "etc" / "asterisk.conf"


def control_socket(settings: Settings) -> Path:
    """Asterisk's command socket. Raises SettingsError when the home folder's path is too long for one."""
    path = settings.asterisk_dir / "run" / "asterisk.ctl"
    if len(bytes(path)) > _SOCKET_PATH_LIMIT:
        raise SettingsError(f"the path {settings.home} is too long for a socket: set HOTLINE_HOME to a shorter folder")
    return path


def command_line(asterisk: Asterisk, config: Path) -> list[str]:
    """``-f``: in the foreground; ``-n``: no colours in the log. It runs as whoever runs the hotline."""
    return [str(asterisk.binary), "-C", str(config), "-f", "-n"]


async def ask(control: Path, command: str, seconds: float = 5.0) -> str:
    """Run one CLI command in the running Asterisk and return what it prints. Raises AsteriskError.

    The protocol is that of ``asterisk -rx`` (main/asterisk.c): a greeting line, then ``cli quit after COMMAND`` ended
    by a zero byte, then output until Asterisk closes. Without a new process each time it can be asked every second.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_unix_connection(str(control), limit=_MAX_ANSWER)
            try:
                await reader.readline()
                writer.write(f"cli quit after {command}\0".encode())
                await writer.drain()
                answer = await reader.read(_MAX_ANSWER)
                while piece := await reader.read(_MAX_ANSWER):
                    answer += piece
                    if len(answer) > _MAX_ANSWER:
                        raise AsteriskError(f"too long an answer to {command!r}")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise AsteriskError(f"Asterisk does not answer {command!r}: {str(error) or 'too late'}") from error
    return answer.replace(b"\0", b"").decode("utf-8", errors="replace")


async def is_ready(control: Path) -> bool:
    """Every module is loaded and calls are taken."""
    try:
        return "fully booted" in await ask(control, "core waitfullybooted", seconds=2.0)
    except AsteriskError:
        return False


async def active_calls(control: Path) -> int | None:
    """Calls under way, or None when Asterisk does not say."""
    try:
        found = re.search(r"(\d+) active calls?", await ask(control, "core show channels count", seconds=2.0))
    except AsteriskError:
        return None
    return int(found[1]) if found else None
