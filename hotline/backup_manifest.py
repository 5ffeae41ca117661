"""What a backup is made of, on disk: ``manifest.json`` and the files it lists with their hashes.

``database.dump``         pg_dump's custom format, of one snapshot
``recordings.jsonl``      one line a sound file: call, path below the recordings folder, SHA-256, size (:class:`Sound`)
``attachments.jsonl``     the same of the tickets' attachments
``settings/``, ``secrets/`` or ``secrets.sealed``, ``rules/``
``recordings/``           the sound itself, if asked for; ``attachments/``
``spoken/``               announcements and names, as they are spoken to callers
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
RECORDINGS = "recordings.jsonl"
ATTACHMENTS = "attachments.jsonl"
SEALED = "secrets.sealed"
_MAX_MANIFEST = 64 << 20
_CHUNK = 1 << 20

Secrecy = Literal["none", "sealed", "plain"]
"""Of passwords and keys: not in the backup, sealed with a passphrase, or in the open."""


class BackupError(Exception):
    """The backup, or what it is to become, is not as it has to be; one line for the operator."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the backup, by its path in it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    """``digest``: over all rows, whatever their order (:mod:`hotline.backup_database`)."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Sound:
    """One line of an index. ``bytes`` and ``sha256`` are of the file as it lies there; the hash is empty where it was
    not read (sealed, and not ``included`` in the backup) or is not what it was. ``played``: the hash of the sound as it
    is played, which of a sealed file (``key_id``) is another. ``present``: it was on the disk."""

    about: str
    path: str
    bytes: int = 0
    sha256: str = ""
    played: str = ""
    key_id: str = ""
    present: bool = False
    included: bool = False

    @property
    def as_it_was(self) -> bool:
        """It is there, and as far as can be told it is what the database says."""
        return self.present and (bool(self.key_id) or not self.played or self.sha256 == self.played)


@dataclass(frozen=True, slots=True)
class Listed:
    """An index in figures. ``absent``: what the database names and the disk did not have, or had otherwise."""

    files: int = 0
    bytes: int = 0
    included: int = 0
    absent: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """``moment``: all that is in the backup was written before it, ISO 8601; what was written after it is not here.
    ``schema``: the database's revision. ``postgres``: the server's version."""

    moment: str
    schema: str
    postgres: str
    hotline: str
    secrets: Secrecy
    tables: dict[str, Table]
    recordings: Listed
    attachments: Listed
    files: list[Entry] = field(default_factory=list)

    def to_text(self) -> str:
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps({**content, "sha256": _digest(content)}, ensure_ascii=False, indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupError when it is none, is damaged, or was made by a version that knows more than this one."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MAX_MANIFEST:
            raise BackupError(f"{path}: too large for a manifest")
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.get("format") != FORMAT:
            raise BackupError(f"{path}: format {found.get('format')!r} is not known: made by a newer version?")
        if found.pop("sha256") != _digest(found):
            raise BackupError(f"{path}: damaged (its own hash differs)")
        del found["format"]
        tables = {name: Table(**one) for name, one in found.pop("tables").items()}
        files = [Entry(**one) for one in found.pop("files")]
        recordings, attachments = Listed(**found.pop("recordings")), Listed(**found.pop("attachments"))
        manifest = Manifest(tables=tables, files=files, recordings=recordings, attachments=attachments, **found)
    except FileNotFoundError as error:
        raise BackupError(f"{folder}: no backup (there is no {MANIFEST}), or one that was never finished") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{path}: damaged: {type(error).__name__}") from error
    for entry in manifest.files:
        inside(folder, entry.path)
    if missing := {DUMP, RECORDINGS, ATTACHMENTS} - {entry.path for entry in manifest.files}:
        raise BackupError(f"{path}: damaged: {', '.join(sorted(missing))} is not listed")
    if manifest.secrets not in ("none", "sealed", "plain"):
        raise BackupError(f"{path}: damaged: secrets")
    return manifest


def read_index(path: Path) -> Iterator[Sound]:
    """Raises BackupError."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                sound = Sound(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise BackupError(f"{path}, line {number}: damaged") from error
            inside(path.parent, sound.path)
            yield sound


def index_line(sound: Sound) -> str:
    return json.dumps(asdict(sound), ensure_ascii=False) + "\n"


def inside(folder: Path, path: object) -> Path:
    """``folder / path``. Raises BackupError when it would lie elsewhere."""
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    if not parts or "\0" in str(path) or parts[0] == "/" or ".." in parts:
        raise BackupError(f"{path!r} is no path inside a backup")
    return folder.joinpath(*parts)


def check_file(folder: Path, entry: Entry | Sound, below: str = "") -> None:
    """Raises BackupError when the file is missing or not the one that was put in."""
    path = inside(folder / below, entry.path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        reader = Hashed(file)
        while reader.read(_CHUNK):
            pass
    if (reader.bytes, reader.sha256) != (entry.bytes, entry.sha256):
        raise BackupError(f"{path}: damaged (its hash differs)")


class Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0

    def read(self, count: int = -1) -> bytes:
        piece = self._file.read(count)
        self._digest.update(piece)
        self.bytes += len(piece)
        return piece

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
