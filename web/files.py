"""Where attachments lie: a folder outside of everything that is served, under ids that say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from web.media import KNOWN, Media, media_of

MAX_BYTES = 20 << 20
MIN_FREE = 512 << 20
"""Bytes: nothing is written below them, so that log and database keep room."""
ROOM, ROOM_FOR_ANYBODY = 1.2, 2.0
"""Times the mark below which calls are not recorded: files are taken as long as more is free. What nobody knows who
sends must not end the recording of calls, and what staff send must not keep it from beginning again (:data:`AGAIN` of
``hotline/guard.py``)."""
_SEALED = ".sealed"
Read = Callable[[], Awaitable[bytes]]
"""The next piece; empty at the end."""


class TooLarge(Exception):
    pass


class NotAccepted(Exception):
    """By its content it is none of the kinds that are accepted."""


class NoRoom(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Stored:
    id: uuid.UUID
    media: Media
    sha256: bytes
    size: int


class Files:
    """``folder`` is made when first needed, for this user alone. ``mark``: of free bytes below which calls are not
    recorded."""

    def __init__(self, folder: Path, mark: int = 0) -> None:
        self._folder = folder
        self._mark = mark

    async def store(
        self,
        read: Read,
        seal: Callable[[bytes], bytes] | None,
        accepted: Collection[Media] = KNOWN.values(),
        most: int | None = None,
        *,
        by_anybody: bool = False,
    ) -> Stored:
        """Take a file in. ``seal``: how a confidential ticket's content is kept. ``most``: bytes, MAX_BYTES unless
        given. ``by_anybody``: nobody knows who sends it. Raises TooLarge, NotAccepted, NoRoom; then nothing is
        left behind."""
        found = uuid.uuid4()
        path = self._path(found)
        room = self._mark * (ROOM_FOR_ANYBODY if by_anybody else ROOM)
        await asyncio.to_thread(self._prepare, path, max(MIN_FREE, room))
        part = path.with_suffix(".part")
        try:
            size, digest = await _write(part, read, MAX_BYTES if most is None else most)
            media = await asyncio.to_thread(_look, part)
            if media is None or media not in accepted:
                raise NotAccepted
            await asyncio.to_thread(_finish, part, path, seal)
        except BaseException:
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return Stored(found, media, digest, size)

    async def seal(self, found: uuid.UUID, seal: Callable[[bytes], bytes]) -> None:
        """A sealed copy beside the plain file, which stays until :meth:`remove`. Raises NoRoom, FileNotFoundError."""
        path = self._path(found)
        await asyncio.to_thread(self._prepare, path, MIN_FREE)
        await asyncio.to_thread(_sealed_copy, path, seal)

    async def load(self, found: uuid.UUID, unseal: Callable[[bytes], bytes]) -> bytes:
        """What is kept sealed. Raises FileNotFoundError."""
        return await asyncio.to_thread(self._load, found, unseal)

    def _load(self, found: uuid.UUID, unseal: Callable[[bytes], bytes]) -> bytes:
        copy = self._path(found).with_suffix(_SEALED)
        if not copy.exists():
            return unseal(self._path(found).read_bytes())
        self.remove(found)  # the plain one, if it outlived its ticket's turning confidential
        return unseal(copy.read_bytes())

    def sweep(self) -> None:
        """At the start, when nothing is being taken in: what was being written when the server went."""
        for part in self._folder.glob("*/*.part"):
            with contextlib.suppress(OSError):
                part.unlink()

    def path(self, found: uuid.UUID) -> Path:
        return self._path(found)

    def remove(self, found: uuid.UUID) -> None:
        """As it was taken in; a sealed copy stays."""
        with contextlib.suppress(OSError):
            self._path(found).unlink()

    def erase(self, found: uuid.UUID) -> None:
        """Whole, the sealed copy too."""
        self.remove(found)
        with contextlib.suppress(OSError):
            self._path(found).with_suffix(_SEALED).unlink()

    def _path(self, found: uuid.UUID) -> Path:
        return self._folder / found.hex[:2] / found.hex

    def _prepare(self, path: Path, room: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if shutil.disk_usage(self._folder).free < room:
            raise NoRoom


async def _write(part: Path, read: Read, most: int) -> tuple[int, bytes]:
    size, digest = 0, hashlib.sha256()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := await read():
            size += len(piece)
            if size > most:
                raise TooLarge
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return size, digest.digest()


def _look(part: Path) -> Media | None:
    with part.open("rb") as file:
        return media_of(file)


def _sealed_copy(path: Path, seal: Callable[[bytes], bytes]) -> None:
    part = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(seal(path.read_bytes()))
        _finish(part, path.with_suffix(_SEALED), None)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _finish(part: Path, path: Path, seal: Callable[[bytes], bytes] | None) -> None:
    if seal is not None:
        part.write_bytes(seal(part.read_bytes()))
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
