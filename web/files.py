"""Where attachments lie: a folder outside of everything that is served, under ids that say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from web.media import Media, media_of

MAX_BYTES = 20 << 20
MIN_FREE = 512 << 20
"""Attachments stop before log and database run out of room."""
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
    """``folder`` is made when first needed, for this user alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def store(self, read: Read, seal: Callable[[bytes], bytes] | None) -> Stored:
        """Take a file in. ``seal``: how a confidential ticket's content is kept. Raises TooLarge, NotAccepted, NoRoom;
        then nothing is left behind."""
        found = uuid.uuid4()
        path = self._path(found)
        await asyncio.to_thread(self._prepare, path)
        part = path.with_suffix(".part")
        try:
            size, digest = await _write(part, read)
            media = await asyncio.to_thread(_look, part)
            if media is None:
                raise NotAccepted
            await asyncio.to_thread(_finish, part, path, seal)
        except BaseException:
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return Stored(found, media, digest, size)

    async def load(self, found: uuid.UUID, unseal: Callable[[bytes], bytes] | None) -> bytes:
        """Raises FileNotFoundError."""
        content = await asyncio.to_thread(self._path(found).read_bytes)
        return content if unseal is None else await asyncio.to_thread(unseal, content)

    def path(self, found: uuid.UUID) -> Path:
        return self._path(found)

    def remove(self, found: uuid.UUID) -> None:
        with contextlib.suppress(OSError):
            self._path(found).unlink()

    def _path(self, found: uuid.UUID) -> Path:
        return self._folder / found.hex[:2] / found.hex

    def _prepare(self, path: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if shutil.disk_usage(self._folder).free < MIN_FREE:
            raise NoRoom


async def _write(part: Path, read: Read) -> tuple[int, bytes]:
    size, digest = 0, hashlib.sha256()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := await read():
            size += len(piece)
            if size > MAX_BYTES:
                raise TooLarge
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return size, digest.digest()


def _look(part: Path) -> Media | None:
    with part.open("rb") as file:
        return media_of(file)


def _finish(part: Path, path: Path, seal: Callable[[bytes], bytes] | None) -> None:
    if seal is not None:
        part.write_bytes(seal(part.read_bytes()))
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
