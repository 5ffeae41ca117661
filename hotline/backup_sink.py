"""Where a backup is written to, whole or not at all: a folder, or one tar file."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Protocol

from hotline.backup_manifest import BackupError, Entry, Hashed, inside

_CHUNK = 1 << 20


class Sink(Protocol):
    def add(self, path: str, source: Path) -> Entry:
        """A copy of ``source``. Raises OSError; then nothing of it counts."""

    def add_text(self, path: str, text: str) -> Entry: ...

    def finish(self) -> None:
        """Only from here on the backup is there, under its own name."""

    def abort(self) -> None:
        """Nothing is left behind."""


def open_sink(target: Path) -> Sink:
    """``….tar`` is one file, everything else a folder. Raises BackupError when something is there already."""
    partial = target.with_name(f"{target.name}.partial")
    for path in (target, partial):
        if path.exists() or path.is_symlink():
            raise BackupError(f"{path} exists: name another, or remove it")
    try:
        return TarSink(target, partial) if target.suffix == ".tar" else FolderSink(target, partial)
    except OSError as error:
        raise BackupError(f"{partial}: {error.strerror}") from error


class FolderSink:
    def __init__(self, target: Path, partial: Path) -> None:
        self._target, self._partial = target, partial
        partial.mkdir(mode=0o700)

    def add(self, path: str, source: Path) -> Entry:
        goal = self._goal(path)
        try:
            with source.open("rb") as file, _private(goal) as copy:
                reader = Hashed(file)
                shutil.copyfileobj(reader, copy, _CHUNK)
        except OSError:
            goal.unlink(missing_ok=True)
            raise
        return Entry(path, reader.bytes, reader.sha256)

    def add_text(self, path: str, text: str) -> Entry:
        reader = Hashed(io.BytesIO(text.encode()))
        with _private(self._goal(path)) as copy:
            shutil.copyfileobj(reader, copy)
        return Entry(path, reader.bytes, reader.sha256)

    def finish(self) -> None:
        os.sync()
        self._partial.rename(self._target)

    def abort(self) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)

    def _goal(self, path: str) -> Path:
        goal = inside(self._partial, path)
        goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return goal


class TarSink:
    def __init__(self, target: Path, partial: Path) -> None:
        self._target, self._partial = target, partial
        self._file = _private(partial)
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, path: str, source: Path) -> Entry:
        with source.open("rb") as file:
            return self._add(path, Hashed(file), os.fstat(file.fileno()).st_size)

    def add_text(self, path: str, text: str) -> Entry:
        data = text.encode()
        return self._add(path, Hashed(io.BytesIO(data)), len(data))

    def finish(self) -> None:
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.rename(self._target)

    def abort(self) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def _add(self, path: str, reader: Hashed, size: int) -> Entry:
        inside(self._partial, path)
        info = tarfile.TarInfo(path)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, reader)
        return Entry(path, reader.bytes, reader.sha256)


def unpack(source: Path, folder: Path) -> None:
    """Regular files with names inside the folder, and nothing else. Raises BackupError."""
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                if not member.isreg():
                    raise BackupError(f"{source}: {member.name!r} is no file of a backup")
                goal = inside(folder, member.name)
                goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                taken = tar.extractfile(member)
                assert taken is not None
                with taken, _private(goal) as copy:
                    shutil.copyfileobj(taken, copy, _CHUNK)
    except tarfile.TarError as error:
        raise BackupError(f"{source}: damaged, or no backup: {error}") from error
    except OSError as error:
        raise BackupError(f"{error.filename or folder}: {error.strerror or error}") from error


def _private(path: Path) -> io.BufferedWriter:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
