"""How far the log reader is behind Asterisk: asked by ``hotline status``, ``hotline doctor`` and the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.events import CEL, QUEUE_LOG
from calls.tail import NOT_LOGS
from hotline.settings import Settings

_CURSORS = text(
    "SELECT stream, inode, offset_bytes, modified_ns, malformed, gaps,"
    " extract(epoch FROM now() - updated_at) AS quiet FROM log_cursors WHERE node = :node"
)


@dataclass(frozen=True, slots=True)
class Lag:
    """``unread``: bytes; ``seconds``: 0, or for how long the reader has not moved on although something waits."""

    stream: str
    unread: int
    seconds: float
    malformed: int
    gaps: int


async def lags(connection: AsyncConnection, settings: Settings) -> list[Lag]:
    files = {CEL: settings.cel_file, QUEUE_LOG: settings.queue_log_file}
    found = []
    for row in await connection.execute(_CURSORS, {"node": settings.node.name}):
        if row.stream in files:
            unread = sum(_unread(files[row.stream], int(row.inode), row.offset_bytes, row.modified_ns))
            seconds = max(0.0, float(row.quiet)) if unread else 0.0
            found.append(Lag(row.stream, unread, seconds, row.malformed, row.gaps))
    return found


def _unread(path: Path, inode: int, offset: int, modified_ns: int) -> Iterator[int]:
    """Of each file of the stream; as :mod:`calls.tail` goes on: its own, then those changed later."""
    for file in path.parent.glob(f"{path.name}*"):
        if file.suffix in NOT_LOGS:
            continue
        try:
            seen = file.stat()
        except FileNotFoundError:
            continue
        if seen.st_ino == inode:
            yield max(0, seen.st_size - offset)
        elif seen.st_mtime_ns > modified_ns:
            yield seen.st_size
