"""``hotline backup``: everything that a city would miss, in one consistent state, while calls go on.

The database is one snapshot; sound files and attachments are those that the snapshot names; nothing is claimed that
was written after it. Asterisk's log files are not in it: what the worker had not read by then is not claimed either.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from hotline import backup_database
from hotline.backup_database import Snapshot
from hotline.backup_files import attachment_files, recording_files, rule_files
from hotline.backup_manifest import (
    ATTACHMENTS,
    DUMP,
    MANIFEST,
    RECORDINGS,
    SEALED,
    BackupError,
    Entry,
    Listed,
    Manifest,
    Secrecy,
    Sound,
    index_line,
)
from hotline.backup_record import Backup, write_last
from hotline.backup_secrets import SETTINGS, has_passwords, seal, secret_files
from hotline.backup_sink import Sink, open_sink
from hotline.db import database_url, driver_url
from hotline.guard import free_bytes
from hotline.settings import Settings

Say = Callable[[str], None]
Secrets = Literal["none", "plain"] | tuple[Literal["sealed"], str]
"""Left out, in the open, or sealed with a passphrase."""
SPARE = 256 << 20
"""Bytes that stay free beside the backup."""


def make_backup(
    settings: Settings, target: Path, *, secrets: Secrets = "none", with_recordings: bool = False, say: Say = print
) -> Manifest:
    """Whole, or not at all: raises BackupError. ``target`` must not exist; ``….tar`` becomes one file."""
    url = driver_url(database_url(settings))
    sink = open_sink(target)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".hotline-backup-") as work:
            with backup_database.snapshot(url) as taken:
                manifest = _fill(settings, url, taken, sink, Path(work), secrets, with_recordings, say)
            sink.add_text(MANIFEST, manifest.to_text())
        sink.finish()
    except BaseException as error:
        sink.abort()
        if isinstance(error, OSError):
            raise BackupError(f"{error.filename or target}: {error.strerror or error}") from error
        raise
    total = sum(entry.bytes for entry in manifest.files) + manifest.attachments.bytes
    total += manifest.recordings.bytes if with_recordings else 0
    write_last(settings, Backup(manifest.moment, str(target.resolve()), total))
    return manifest


def _fill(
    settings: Settings,
    url: str,
    taken: Snapshot,
    sink: Sink,
    work: Path,
    secrets: Secrets,
    with_recordings: bool,
    say: Say,
) -> Manifest:
    expected = backup_database.size(taken.session, with_recordings)
    if (free := free_bytes(work)) < expected + SPARE:
        raise BackupError(f"{work.parent}: {free >> 20} MB free, {(expected + SPARE) >> 20} MB wanted")
    say(f"数据库 database: 时刻 moment {taken.moment}, {expected >> 20} MB")
    dump = work / DUMP
    backup_database.dump(url, taken, dump)
    entries = [sink.add(DUMP, dump)]
    dump.unlink()
    tables = backup_database.proof(taken.session)
    say(f"数据库 database: {sum(table.rows for table in tables.values())} 行 rows in {len(tables)} 表 tables")
    entries += _settings(settings, secrets, sink)
    entries += [sink.add(f"rules/{name}", path) for name, path in rule_files(settings)]
    entries += [sink.add(f"spoken/{path.name}", path) for path in sorted(settings.spoken_dir.glob("*.wav"))]
    sounds = recording_files(taken.session, settings.node.name)
    recordings, index = _index(RECORDINGS, sounds, settings.recordings_dir, sink, work, with_recordings, say)
    attachments, papers = _index(
        ATTACHMENTS,
        attachment_files(taken.session, settings.attachments_dir),
        settings.attachments_dir,
        sink,
        work,
        True,
        say,
    )
    secrecy: Secrecy = secrets if isinstance(secrets, str) else "sealed"
    return Manifest(
        moment=datetime.fromisoformat(taken.moment).isoformat(),
        schema=taken.schema,
        postgres=taken.server,
        hotline=version("hotline"),
        secrets=secrecy,
        tables=tables,
        recordings=recordings,
        attachments=attachments,
        files=[*entries, index, papers],
    )


def _settings(settings: Settings, secrets: Secrets, sink: Sink) -> Iterator[Entry]:
    path = settings.home / SETTINGS
    if path.exists() and not has_passwords(path):
        yield sink.add(f"settings/{SETTINGS}", path)
    if secrets == "none":
        return
    files = secret_files(settings)
    if isinstance(secrets, tuple):
        yield sink.add_text(SEALED, seal(files, secrets[1]))
        return
    for name, text in files.items():
        yield sink.add_text(f"secrets/{name}", text)


def _index(
    name: str, named: Iterator[Sound], root: Path, sink: Sink, work: Path, include: bool, say: Say
) -> tuple[Listed, Entry]:
    """The files that the snapshot names, each with its hash; ``include``: the files too."""
    folder, listed = name.removesuffix(".jsonl"), Listed()
    file = work / name
    with file.open("w", encoding="utf-8") as index:
        for one in named:
            found = _look(one, root, sink, folder if include else "")
            index.write(index_line(found))
            listed = Listed(
                listed.files + 1,
                listed.bytes + found.bytes,
                listed.included + found.included,
                listed.absent + (not found.as_it_was),
            )
            if listed.files % 1000 == 0:
                say(f"{folder}: {listed.files}, {listed.bytes >> 20} MB")
    counted = f"已备份 copied {listed.included}, 缺失 absent {listed.absent}"
    say(f"{folder}: {listed.files} ({listed.bytes >> 20} MB), {counted}")
    return listed, sink.add(name, file)


def _look(one: Sound, root: Path, sink: Sink, folder: str) -> Sound:
    """``one`` as it is on the disk; with ``folder`` it is copied."""
    path = root / one.path
    try:
        if folder:
            entry = sink.add(f"{folder}/{one.path}", path)
            return replace(one, bytes=entry.bytes, sha256=entry.sha256, present=True, included=True)
        there = replace(one, bytes=path.stat().st_size, present=True)
        if one.key_id:
            return there
        if one.played:
            # Not read again: the hash is the one that was taken when the file was made.
            return replace(there, sha256=one.played if there.bytes == one.bytes else "")
        return replace(there, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError:
        return replace(one, bytes=0)
