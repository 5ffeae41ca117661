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

# Through JSON, since an older schema has no seals, no clips and no nodes.
_RECORDINGS = (
    "SELECT r.call_id, COALESCE(r.bytes, 0) AS bytes, r.path, r.sha256, COALESCE(to_jsonb(r)->>'key_id', '') AS key_id,"
    " COALESCE(to_jsonb(r)->'clips', '[]') AS clips FROM recordings r WHERE r.state = 'done'"
    " AND COALESCE(to_jsonb(r)->>'node', '') = %(node)s"
    # What a worker had not made a WAV file of by then: only of calls that are over.
    " UNION ALL SELECT r.call_id, 0, r.file, '', '', '[]' FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"
    " WHERE r.state IN ('pending', 'failed') AND (c.id IS NULL OR c.ended_at IS NOT NULL)"
    " AND COALESCE(to_jsonb(r)->>'node', '') = %(node)s"
    " UNION ALL SELECT c.id, 0, c.message_file, '', '', '[]' FROM calls c LEFT JOIN recordings r ON r.call_id = c.id"
    " WHERE c.message_file <> '' AND c.ended_at IS NOT NULL AND COALESCE(r.state, 'pending') IN ('pending', 'failed')"
    " AND COALESCE(to_jsonb(c)->>'node', '') = %(node)s"
)


def recording_files(session: Session, node: str = "") -> Iterator[Sound]:
    """Those of a node: each backs up its own."""
    with session.cursor("recordings") as cursor:
        cursor.execute(_RECORDINGS, {"node": node})
        for call_id, size, path, sha256, key_id, clips in cursor:
            found = [Sound(call_id, path, size, played=sha256, key_id=key_id)]
            for clip in clips:
                found.append(
                    Sound(call_id, clip["path"], clip["bytes"] or 0, played=clip["sha256"], key_id=clip["key_id"])
                )
            yield from (one for one in found if _sound(one.path))


def attachment_files(session: Session, folder: Path) -> Iterator[Sound]:
    """As :mod:`web.files` lays them. The hash is that of the file: a confidential ticket's is sealed."""
    with session.cursor("attachments") as cursor:
        cursor.execute("SELECT id, ticket FROM attachments")
        for found, ticket in cursor:
            plain = f"{found.hex[:2]}/{found.hex}"
            path = f"{plain}.sealed" if (folder / f"{plain}.sealed").exists() else plain
            yield Sound(ticket, path)


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
