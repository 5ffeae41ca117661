"""What ``hotline check`` looks at: settings, rule files, prompts, and the rendered configuration in a real Asterisk."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from datafile import DataFileError
from hotline.asterisk import command_line, control_socket, find_asterisk, is_ready
from hotline.city import check_cities
from hotline.render import render
from hotline.rules import load_rules
from hotline.settings import Settings, SettingsError
from ivr.prompts import check as check_prompts
from tickets.calendar import load_working_days
from tickets.number import CHINA
from tickets.policy_file import POLICIES, load_policy, policy_names

START_SECONDS = 15.0
NO_ORIGINAL = "没有原文文件，引文未核对"
_SILENT = ("127.0.0.4", "127.0.0.5", "127.0.0.6")
"""Loopback addresses for the carrier and the emergency trunks, which Asterisk tells apart by address."""


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    detail: str = ""


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Everything that can be known to be wrong before a citizen calls."""
    yield from check_policies()
    yield from (Finding(f"sample city {name}", not fault, fault) for name, fault in check_cities())
    yield from _check_holidays()
    try:
        rules = load_rules()
    except DataFileError as error:
        yield Finding("rule files", False, str(error))
        return
    numbers = ", ".join(sorted(rules.flows))
    yield Finding("flows", True, f"{len(rules.flows)} ({numbers})")
    yield Finding("surveys", True, f"{len(rules.surveys)} ({', '.join(rules.surveys)})")
    hours = "、".join(name for name, queue in rules.queues.items() if queue.hours is not None)
    yield Finding("queues", True, f"{len(rules.queues)}" + (f"（有服务时间 with hours: {hours}）" if hours else ""))
    yield Finding("agents", True, f"{len(rules.agents.agents)}")
    faults = check_prompts()
    for fault in faults:
        yield Finding("prompt", False, fault)
    if not faults:
        yield Finding("prompts", True, f"{len(rules.prompts.ids)}")
    try:
        complaints = asyncio.run(_try_configuration(settings))
    except SettingsError as error:
        complaints = [str(error)]
    yield Finding("asterisk configuration", not complaints, "; ".join(complaints[:5]))


def _check_holidays() -> Iterator[Finding]:
    try:
        days = load_working_days()
    except DataFileError as error:
        yield Finding("holidays", False, str(error))
        return
    year = datetime.now(CHINA).year
    known = [year for year in (year, year + 1) if days.knows(year)]
    yield Finding("holidays", year in known, f"放假安排已知：{'、'.join(map(str, known)) or '无'}")


def check_policies(folder: Path = POLICIES) -> Iterator[Finding]:
    """Each regulation's rules: complete, consistent, and word for word what the original says."""
    names = policy_names(folder)
    if not names:
        yield Finding("policies", False, f"no policy in {folder}")
    for name in names:
        try:
            policy = load_policy(folder / f"{name}.yaml")
        except DataFileError as error:
            yield Finding(f"policy {name}", False, str(error))
        else:
            yield Finding(f"policy {name}", True, policy.title + ("" if policy.original else f"（{NO_ORIGINAL}）"))


async def _try_configuration(settings: Settings) -> list[str]:
    """Start Asterisk on the rendered files, in a folder and on ports of its own; what it complains about."""
    with tempfile.TemporaryDirectory(prefix="hotline-check-") as folder, ExitStack() as held:
        trial = elsewhere(settings, Path(folder), held)
        conf = render(trial)
        log = trial.asterisk_dir / "log" / "messages.log"
        process = await asyncio.create_subprocess_exec(
            *command_line(find_asterisk(), conf),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None and not await is_ready(control_socket(trial)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return ["Asterisk does not start with this configuration"]
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        text = log.read_text(errors="replace") if log.exists() else ""
        found = [line.strip() for line in text.splitlines() if re.search(r"\] (WARNING|ERROR)\[", line)]
        return [line for line in found if RACE not in line]


RACE = "registered during operation"
"""pjproject's warning when Asterisk sends its first OPTIONS before the last of its own modules is loaded."""


def elsewhere(settings: Settings, home: Path, held: ExitStack) -> Settings:
    """The same, where it disturbs nobody: the trunks' places are taken by sockets of ours, open as long as ``held``.

    They never answer: the carrier hears no second registration, and neither a network nor its absence has a say.
    """
    with ExitStack() as ours:
        port, centre = (_bound("127.0.0.1", ours)[1] for _ in range(2))
        ami, sockets = (_bound("127.0.0.1", ours, socket.SOCK_STREAM)[1] for _ in range(2))
    carrier = settings.sip.trunk
    if carrier.host:
        host, number = _bound(_SILENT[0], held)
        carrier = carrier.model_copy(update={"host": host, "port": number})
    centres = [_bound(address, held) for address, _ in zip(_SILENT[1:], settings.emergency.trunks, strict=False)]
    return settings.model_copy(
        update={
            "home": home,
            "sip": settings.sip.model_copy(
                update={"port": port, "socket_port": sockets, "bind": "127.0.0.1", "trunk": carrier}
            ),
            "ami": settings.ami.model_copy(update={"port": ami}),
            "emergency": settings.emergency.model_copy(
                update={"test_port": centre, "trunks": [f"{host}:{number}" for host, number in centres]}
            ),
            "recording": settings.recording.model_copy(update={"dir": home / "recordings"}),
        }
    )


def _bound(address: str, held: ExitStack, kind: socket.SocketKind = socket.SOCK_DGRAM) -> tuple[str, int]:
    probe = held.enter_context(socket.socket(socket.AF_INET, kind))
    probe.bind((address, 0))
    host, port = probe.getsockname()
    return host, port
