"""Where recordings are read from, and how a part of one is sent."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from calls.recording_files import Kept, open_kept
from calls.recording_seal import Damaged, Keys, Unreadable
from calls.recording_shape import Shape, shape_of

log = logging.getLogger(__name__)

PIECE = 1 << 16
WRITE_SECONDS = 20.0
"""A listener who takes nothing for so long is gone."""
_SHAPES_AT_ONCE = 2
"""Who comes later waits for a moment: threads are needed for listening, too."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """``keys`` are asked for each time, since they are added; raises Unreadable."""

    root: Path
    keys: Callable[[], Keys]
    _measuring: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_SHAPES_AT_ONCE), init=False, repr=False, compare=False
    )

    @asynccontextmanager
    async def open(self, kept: Kept) -> AsyncIterator[BinaryIO]:
        """As it is played, at its beginning. Raises Unreadable, FileNotFoundError, OSError."""
        file = await asyncio.to_thread(self._open, kept)
        try:
            yield file
        finally:
            # Not here: it waits for whoever still reads, and a disk that hangs would stop the whole server.
            asyncio.get_running_loop().run_in_executor(None, file.close)

    async def shape(self, kept: Kept) -> Shape:
        """What its wave is drawn from. Raises Unreadable, FileNotFoundError, OSError."""
        # Whoever does not wait for it closes the file, and the thread ends at its next piece.
        async with self._measuring, self.open(kept) as file:
            return await asyncio.to_thread(shape_of, file, kept.path)

    def _open(self, kept: Kept) -> BinaryIO:
        file = open_kept(self.root, kept, self.keys())
        if file.seek(0, os.SEEK_END) != kept.bytes:
            file.close()
            raise Damaged(f"{kept.path}: not as long as what was recorded")
        file.seek(0)
        return file


async def send_part(
    request: web.Request, response: web.StreamResponse, file: BinaryIO, start: int, length: int
) -> None:
    """``response`` has its headers. What turns out to be damaged, or goes too slowly, ends the connection: it is not to
    be taken for the whole."""
    try:
        await asyncio.to_thread(file.seek, start)
        await response.prepare(request)
        while length:
            piece = await asyncio.to_thread(file.read, min(PIECE, length))
            if not piece:
                raise Damaged("a recording became shorter while it was played")
            length -= len(piece)
            await _write(response, piece)
    except (Unreadable, TimeoutError, OSError) as error:
        _break_off(request, error)


async def send_pieces(request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]) -> bool:
    """All that ``pieces`` gives. False: it was broken off, and whoever got the beginning can tell."""
    try:
        await response.prepare(request)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            await _write(response, piece)
    except (Unreadable, TimeoutError, OSError) as error:
        _break_off(request, error)
        return False
    return True


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(piece)


def _break_off(request: web.Request, error: Exception) -> None:
    if isinstance(error, Unreadable):
        log.error("%s", error)
    if request.transport is not None:
        request.transport.abort()
