"""Which files belong to a backup: those that the database's snapshot names, and the rule files that people edit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotline.backup_database import Session
from hotline.backup_manifest import BackupError, Sound, inside
from hotline.settings import CHECKOUT, Settings

RULES = (
    "routing/*.yaml",
    "routing/intent/*.yaml",
    "ivr/flows/*.yaml",
    "ivr/surveys/*.yaml",
    "ivr/prompts/*.yaml",
    "ivr/prompts/zh/**/*",
    "ivr/prompts/moh/**/*",
    "tickets/policies/*.yaml",
    "tickets/holidays/*.yaml",
)
"""Below the checkout. All of them: what a city has changed cannot be told from what came with a release."""
CATALOGUE = "catalogue.yaml"

_RECORDINGS = (
    "SELECT call_id, path, COALESCE(bytes, 0), sha256 FROM recordings WHERE state = 'done' AND path <> ''"
    # What a worker had not made a WAV file of by then: only of calls that are over.
    " UNION ALL SELECT r.call_id, r.file, 0, '' FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"
    " WHERE r.state = 'pending' AND (c.id IS NULL OR c.ended_at IS NOT NULL)"
    " UNION ALL SELECT id, message_file, 0, '' FROM calls WHERE message_file <> ''"
)


def recording_files(session: Session) -> Iterator[Sound]:
    with session.cursor("recordings") as cursor:
        cursor.execute(_RECORDINGS)
        for call_id, path, size, sha256 in cursor:
            if _sound(path):
                yield Sound(call_id, path, size, sha256, False)


def attachment_files(session: Session, folder: Path) -> Iterator[Sound]:
    """As :mod:`web.files` lays them. The hash is that of the file: a confidential ticket's is sealed."""
    with session.cursor("attachments") as cursor:
        cursor.execute("SELECT id, ticket FROM attachments")
        for found, ticket in cursor:
            plain = f"{found.hex[:2]}/{found.hex}"
            path = f"{plain}.sealed" if (folder / f"{plain}.sealed").exists() else plain
            yield Sound(ticket, path, 0, "", False)


def rule_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Name in the backup, and file."""
    for pattern in RULES:
        for path in sorted(CHECKOUT.glob(pattern)):
            if path.is_file():
                yield path.relative_to(CHECKOUT).as_posix(), path
    if settings.catalogue is not None:
        yield CATALOGUE, settings.catalogue


def _sound(path: str) -> bool:
    """Names come from Asterisk's log: only those below the folder are looked at."""
    try:
        inside(Path(), path)
    except BackupError:
        return False
    return True
