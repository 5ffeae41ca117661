"""``hotline upgrade``: looks at the new version before anything is touched, migrates, has the supervisor take over.

Everything here is the new version's code; the supervisor (hotline/succession.py) becomes it when it is told to.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError

from hotline.checks import run_checks
from hotline.db import database_url
from hotline.instance import prepare, python_parts
from hotline.migrate import NotAdditive, migrate
from hotline.preflight import check_port, ports
from hotline.settings import Settings, SettingsError
from hotline.supervisor import read_status
from hotline.upgrade_progress import Progress, read_progress

LOOK_SECONDS = 0.1
TAKE_SECONDS = 60.0
"""Until the supervisor has become the new version."""
MIGRATE_TRIES = 5
AT_A_QUIET_HOUR = "end `hotline run` and start it again at a quiet hour"


class UpgradeError(Exception):
    """It did not come to pass; the text is one line for the operator."""


def upgrade(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """What was done, line by line, each also told as it happens. Raises UpgradeError, SettingsError."""
    with _only_one(settings):
        status = _supervisor(settings)
        lines: list[str] = []

        def tell(line: str) -> None:
            lines.append(line)
            say(line)

        _check(settings, status)
        tell("checks passed 检查通过")
        _migrate(settings, tell)
        _hand_over(settings, int(status["pid"]), tell)
        return lines


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with (settings.run_dir / "upgrade.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpgradeError("another `hotline upgrade` is at work") from error
        yield


def _supervisor(settings: Settings) -> dict[str, Any]:
    status = read_status(settings)
    if status is None:
        raise UpgradeError("no `hotline run` of this home is running: there is nothing to upgrade, start it")
    if not status.get("upgrades"):
        raise UpgradeError(f"the running version cannot be upgraded while it runs: {AT_A_QUIET_HOUR}")
    if status.get("upgrading"):
        raise UpgradeError("an upgrade is under way: see `hotline status`")
    if not status["ready"]:
        raise UpgradeError(f"`hotline run` is not ready ({status['state']}): try again when it is")
    return status


def _check(settings: Settings, status: dict[str, Any]) -> None:
    """Of the new version: what can be known to be wrong before anything is touched."""
    for finding in run_checks(settings):
        if not finding.ok:
            raise UpgradeError(f"{finding.what}: {finding.detail}")
    prepare(settings)
    for part in python_parts(settings):
        module = part.command[-1]
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever keeps it from being loaded
            raise UpgradeError(f"{module} cannot be loaded: {type(error).__name__}: {error}") from error
    for port in ports(settings):
        if port.setting != "speech.port" and status["parts"].get(port.part, {}).get("state") == "ready":
            try:
                check_port(port)
            except SettingsError:
                continue  # held by the part, as it should be
            raise UpgradeError(f"{port.setting} was changed: {AT_A_QUIET_HOUR}")


def _migrate(settings: Settings, tell: Callable[[str], None]) -> None:
    for tries in range(1, MIGRATE_TRIES + 1):
        try:
            migrate(database_url(settings), under_way=True)
        except NotAdditive as error:
            raise UpgradeError(
                f"the running version cannot live with the new tables: {error}: {AT_A_QUIET_HOUR}"
            ) from error
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            if "lock timeout" not in reason or tries == MIGRATE_TRIES:
                raise UpgradeError(f"the database cannot be migrated: {reason}") from error
            tell("database  busy, trying again 数据库忙，重试")
        else:
            tell("database  up to date 数据库已是最新")
            return


def _hand_over(settings: Settings, pid: int, tell: Callable[[str], None]) -> None:
    Progress().write(settings.run_dir)
    try:
        os.kill(pid, signal.SIGUSR1)
    except OSError as error:
        raise UpgradeError(f"the supervisor (pid {pid}) cannot be told: {error.strerror}") from error
    told, deadline = 0, time.monotonic() + TAKE_SECONDS
    while True:
        alive = read_status(settings) is not None
        progress = read_progress(settings.run_dir) or Progress()
        for line in progress.lines[told:]:
            tell(line)
        told = len(progress.lines)
        if progress.state == "done":
            return
        if progress.state == "failed":
            raise UpgradeError(progress.error)
        if not alive:
            raise UpgradeError("the supervisor has ended: see what it said, and start `hotline run`")
        if progress.state == "asked" and time.monotonic() > deadline:
            raise UpgradeError("the supervisor does not take over: nothing was changed but the database")
        time.sleep(LOOK_SECONDS)
