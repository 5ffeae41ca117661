"""The tickets' rules as this instance has them: its policy, its calendar, its keys. Notices of holidays that are added
while it runs are read again."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import Alert, close_alerts, raise_alerts
from datafile import DataFileError
from hotline.secrets import KEY_FILE, confidential_keys
from hotline.settings import Settings, SettingsError
from people.secrets_box import Box
from tickets.calendar import FOLDER, WorkingDays, load_working_days
from tickets.rulebook import Rulebook, load_rulebook

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
LOST_KEY = "confidential_key_lost"


def open_rulebook(settings: Settings, policy: str = "", *, create: bool = False) -> Rulebook:
    """``policy``: another than the setting's; ``create``: a new instance gets its key of confidential text.

    Raises SettingsError, datafile.DataFileError.
    """
    keys = confidential_keys(settings, create=create)
    # The oldest key stays: a caller's mark is the same before and after a new one.
    mark_key = hmac.digest(next(iter(keys.values())), b"caller", "sha256")
    try:
        rulebook = load_rulebook(policy or settings.policy, Box(keys), mark_key)
    except LookupError as error:
        raise SettingsError(f"setting policy: {error}") from error
    return replace(rulebook, chosen=bool(policy) or "policy" in settings.model_fields_set)


_LOCKED = text(
    "SELECT number FROM tickets WHERE sealed IS NOT NULL"
    " AND split_part(sealed, '.', 2) <> ALL(CAST(:keys AS text[])) ORDER BY received_at DESC, number DESC LIMIT 1"
)


async def check_keys(connection: AsyncConnection, settings: Settings) -> None:
    """A key that sealed tickets and is lost is an alert, until it is back. Raises SettingsError."""
    number = await connection.scalar(_LOCKED, {"keys": list(confidential_keys(settings))})
    if number is None:
        await close_alerts(connection, LOST_KEY)
        return
    words = f"保密工单 {number} 等的密钥不在 {settings.home / KEY_FILE} 中，无法打开，请从备份恢复该文件"
    await raise_alerts(connection, [Alert(LOST_KEY, KEY_FILE, words)])


class Days:
    """Called, it gives the calendar of now: what is added to ``folder`` while it runs is read. Making it raises
    DataFileError for a faulty file."""

    def __init__(
        self, days: WorkingDays | None = None, folder: Path = FOLDER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._looked_at = clock()
        self._files = _files(folder)
        self._days = load_working_days(folder, provisional=True) if days is None else days

    def __call__(self) -> WorkingDays:
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._days

    def _look(self) -> None:
        """A faulty file changes nothing; it is looked at again when it changes again."""
        files = _files(self._folder)
        if files == self._files:
            return
        self._files = files
        try:
            self._days = load_working_days(self._folder, provisional=True)
        except DataFileError as error:
            log.error("holidays: %s", error)


class Rulebooks:
    """Called, it gives the rulebook with the calendar of now."""

    def __init__(
        self, rulebook: Rulebook, holidays: Path = FOLDER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rulebook = rulebook
        self._days = Days(rulebook.days, holidays, clock)

    def __call__(self) -> Rulebook:
        days = self._days()
        if days is not self._rulebook.days:
            self._rulebook = self._rulebook.with_days(days)
        return self._rulebook


def _files(folder: Path) -> frozenset[tuple[str, int, int]]:
    return frozenset((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in folder.glob("*.yaml"))
