"""What the last complete backup was: written by ``hotline backup``, read by the metrics and ``hotline doctor``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from hotline.settings import Settings


@dataclass(frozen=True, slots=True)
class Backup:
    """``moment``: nothing written after it is in the backup; ISO 8601 with offset. ``target``: where it lies."""

    moment: str
    target: str
    bytes: int

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.moment)


def record_file(settings: Settings) -> Path:
    return settings.home / "last-backup.json"


def read_last(settings: Settings) -> Backup | None:
    try:
        found = Backup(**json.loads(record_file(settings).read_text(encoding="utf-8")))
        return found if found.at.tzinfo else None
    except (OSError, ValueError, TypeError):
        return None


def write_last(settings: Settings, backup: Backup) -> None:
    file = record_file(settings)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(asdict(backup), ensure_ascii=False) + "\n", encoding="utf-8")
    os.chmod(new, 0o600)
    new.replace(file)
