"""The parts and their ports, by what the supervisor wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from hotline.asterisk import control_socket
from hotline.backup_secrets import SETTINGS
from hotline.doctor import Finding, error, ok, warning
from hotline.preflight import Port, check_port, ports
from hotline.process import listener_pid
from hotline.settings import CHECKOUT, Settings, SettingsError
from hotline.supervisor import read_status

RESTARTS = 3
"""So many since the start and somebody should look why."""
PYTHON_PARTS = ("voice", "worker", "web", "dialler", "scribe")
_ROOMS = ("agi_scripts", "callback", "calls", "datafile", "hotline", "ivr", "notify", "people", "routing", "speech")
_MORE_ROOMS = ("tickets", "web")
_READ_AT_START = ("routing/queues.yaml", "routing/agents.yaml", "ivr/flows/*.yaml", "ivr/surveys/*.yaml")


def running(settings: Settings) -> Iterator[Finding]:
    parts = _parts(settings)
    if parts is None:
        if _exchange_runs(settings):
            yield ok("parts", "部件由其他程序管理 the parts are kept by somebody else (containers, services)")
        else:
            yield error("parts", "热线未运行 the hotline is not running", "`make run`, or `hotline run`")
        return
    wrong = False
    for name, part in parts.items():
        if part["state"] != "ready":
            wrong = True
            yield error("parts", f"{name} 不工作 does not work: {part['state']}", f"看日志 see {part['log']}")
        elif part["restarts"] > RESTARTS:
            wrong = True
            yield warning("parts", f"{name} 已重启 restarted {part['restarts']} 次 times", f"看日志 see {part['log']}")
    if not wrong:
        yield ok("parts", f"{len(parts)} 个部件工作正常 parts work")


def port_conflicts(settings: Settings) -> Iterator[Finding]:
    """A port that a working part holds is ours; any other must be free."""
    parts = _parts(settings)
    if parts is None and _exchange_runs(settings):
        return
    wrong = False
    for port in ports(settings):
        if (parts or {}).get(port.part, {}).get("state") == "ready":
            continue
        if fault := _fault(port):
            wrong = True
            yield error("ports", f"{port.part}: 端口不可用 {fault}", f"停止占用者，或改设置 {port.setting} (ss -lntup)")
    if not wrong:
        yield ok("ports", "端口 ports: 正常")


def pending_restarts(settings: Settings) -> Iterator[Finding]:
    """Settings, rules or programs that are newer than the parts that run by them."""
    parts = _parts(settings)
    if parts is None:
        return
    since = {name: part["since"] for name, part in parts.items() if name in PYTHON_PARTS and part["state"] == "ready"}
    if not since:
        return
    oldest = min(since.values())
    newer = sorted(path for path in _read_once(settings) if _changed(path) > oldest)
    if newer:
        when = datetime.fromtimestamp(_changed(newer[0])).astimezone()
        yield warning(
            "restart",
            f"{len(newer)} 个文件在启动后有改动 files are newer than the parts: {newer[0]} ({when:%m-%d %H:%M})",
            "重启后生效 they count after `hotline upgrade`, or a restart",
        )
    else:
        yield ok("restart", "没有待生效的改动 nothing waits for a restart")


def _parts(settings: Settings) -> dict[str, dict[str, Any]] | None:
    found = read_status(settings)
    return None if found is None else found.get("parts") or {}


def _exchange_runs(settings: Settings) -> bool:
    try:
        return listener_pid(control_socket(settings)) is not None
    except SettingsError:
        return False


def _fault(port: Port) -> str:
    try:
        check_port(port)
    except SettingsError as fault:
        return str(fault)
    return ""


def _read_once(settings: Settings) -> Iterator[Path]:
    yield settings.home / SETTINGS
    for room in (*_ROOMS, *_MORE_ROOMS):
        yield from (CHECKOUT / room).glob("**/*.py")
    for pattern in _READ_AT_START:
        yield from CHECKOUT.glob(pattern)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


CHECKS = (running, port_conflicts, pending_restarts)
