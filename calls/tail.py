"""Read the complete lines appended to a growing log file, across rotations, from a cursor that survives us.

Asterisk's CEL and queue_log files are rotated by renaming (``cel.csv`` becomes ``cel.csv.1`` or
``cel.csv-20261121``) while Asterisk goes on writing to a new file under the old name. A cursor therefore names
the file by device, inode and a checksum of its first bytes (inodes are reused), not by its name.
"""

from __future__ import annotations

import logging
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

log = logging.getLogger(__name__)

HEAD_BYTES = 256
"""Log lines begin with a time in microseconds: so many bytes tell two files apart."""
NOT_LOGS = (".gz", ".xz", ".bz2", ".zst", ".tmp")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading goes on. ``offset`` is in bytes within the file; ``position`` counts the bytes of all files of
    the stream and never goes back, so it orders and names lines for good. ``inode`` 0: nothing read yet."""

    device: int = 0
    inode: int = 0
    offset: int = 0
    head: int = 0
    """CRC-32 of the file's first ``min(offset, HEAD_BYTES)`` bytes."""
    modified_ns: int = 0
    """The file's time of last change as we last saw it: files changed later are those still unread."""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """``cursor`` is where the next read begins; ``at_end``: nothing more was there; ``skipped``: lines too long or
    cut short; ``gaps``: times that a part of the stream was found to be gone."""

    lines: list[Line]
    cursor: Cursor
    at_end: bool
    skipped: int = 0
    gaps: int = 0


class Tail:
    """One reader of one stream. ``read`` moves on in memory only: whoever stores the lines stores ``Batch.cursor``
    with them, and begins again with a new ``Tail`` from the stored cursor when that failed."""

    def __init__(self, path: Path, cursor: Cursor, *, max_line: int = 65_536, chunk_bytes: int = 1 << 20) -> None:
        self._path = path
        self._cursor = cursor
        self._max_line = max_line
        self._chunk = max(chunk_bytes, max_line + 1)
        self._fd: int | None = None
        self._dropping = False
        self._skipped = 0
        self._gaps = 0

    @property
    def cursor(self) -> Cursor:
        return self._cursor

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def read(self, max_lines: int) -> Batch:
        """At most ``max_lines`` and one chunk of complete lines. Never blocks for more data; OSError passes through."""
        self._skipped = self._gaps = 0
        lines: list[Line] = []
        at_end = True
        if self._fd is None:
            self._open()
        if self._fd is not None:
            self._check_truncated()
            lines, at_end = self._read_lines(max_lines)
            if at_end and self._next_file():
                at_end = False
        return Batch(lines, self._cursor, at_end, self._skipped, self._gaps)

    def _read_lines(self, max_lines: int) -> tuple[list[Line], bool]:
        assert self._fd is not None
        data = os.pread(self._fd, self._chunk, self._cursor.offset)
        at_end = len(data) < self._chunk
        lines: list[Line] = []
        start = 0
        while len(lines) < max_lines:
            end = data.find(b"\n", start)
            if end < 0:
                break
            if self._dropping:
                self._dropping = False
            elif end - start > self._max_line:
                self._too_long(start)
            elif end > start:
                text = data[start:end].decode("utf-8", "replace")
                lines.append(Line(self._cursor.position + start, text))
            start = end + 1
        else:
            at_end = at_end and start >= len(data)
        rest = len(data) - start
        if len(lines) < max_lines and (self._dropping or rest > self._max_line):
            if not self._dropping:
                self._too_long(start)
                self._dropping = True
            start = len(data)
        if start:
            self._advance(start)
        return lines, at_end

    def _too_long(self, start: int) -> None:
        self._skipped += 1
        at = self._cursor.offset + start
        log.error("%s: line at byte %d is longer than %d bytes, skipped", self._path, at, self._max_line)

    def _advance(self, count: int) -> None:
        assert self._fd is not None
        offset = self._cursor.offset + count
        head = self._cursor.head
        if self._cursor.offset < HEAD_BYTES:
            head = _head(self._fd, offset)
        self._cursor = replace(
            self._cursor,
            offset=offset,
            head=head,
            modified_ns=os.fstat(self._fd).st_mtime_ns,
            position=self._cursor.position + count,
        )

    def _open(self) -> None:
        """Find the cursor's file again, wherever it was renamed to; else say what is lost and take the next one."""
        if self._cursor.inode == 0:
            self._next_file()
            return
        same_head = [(path, stat) for path, stat in self._files() if self._is_ours(path, stat)]
        if same_head:
            # A copy (copytruncate) has the same head: the file with our inode comes first.
            same_head.sort(key=lambda found: found[1].st_ino != self._cursor.inode)
            self._take(same_head[0][0], self._cursor.offset)
            return
        if any(True for _ in self._files()):
            self._gaps += 1
            offset = self._cursor.offset
            log.error(
                "%s: the file read up to byte %d is gone or truncated; its unread rest is lost", self._path, offset
            )
            if not self._next_file() and self._path.is_file():
                self._take(self._path, 0)

    def _is_ours(self, path: Path, stat: os.stat_result) -> bool:
        if stat.st_size < self._cursor.offset:
            return False
        if self._cursor.offset == 0:  # nothing read yet that could tell it from another
            return (stat.st_dev, stat.st_ino) == (self._cursor.device, self._cursor.inode)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return _head(fd, self._cursor.offset) == self._cursor.head
        finally:
            os.close(fd)

    def _check_truncated(self) -> None:
        """``copytruncate`` empties our file in place; its unread rest may be in the copy."""
        assert self._fd is not None
        stat = os.fstat(self._fd)
        if stat.st_size >= self._cursor.offset and _head(self._fd, self._cursor.offset) == self._cursor.head:
            return
        log.error("%s: truncated in place (copytruncate?); lines written meanwhile may be lost", self._path)
        self._gaps += 1
        self.close()
        copies = [path for path, other in self._files() if path != self._path and self._is_ours(path, other)]
        if copies:
            self._take(copies[0], self._cursor.offset)
        else:
            self._take(self._path, 0)

    def _next_file(self) -> bool:
        """Go on with the file that came after ours, once it has a line: then Asterisk has stopped writing to ours."""
        if self._fd is not None:
            try:
                if self._is_current(self._path.stat()):
                    return False
            except FileNotFoundError:
                pass  # renamed, and the new one is still to come
        later = [
            (path, stat)
            for path, stat in self._files()
            if stat.st_size > 0 and not self._is_current(stat) and self._is_later(path, stat)
        ]
        if not later:
            return False
        if self._fd is not None:
            unread = os.fstat(self._fd).st_size - self._cursor.offset
            if b"\n" in os.pread(self._fd, self._chunk, self._cursor.offset):
                return True  # lines that came between our last read and the rotation: read them first
            if unread > 0:
                self._skipped += 1
                log.error("%s: the rotated file ends in half a line (%d bytes), skipped", self._path, unread)
                self._cursor = replace(self._cursor, position=self._cursor.position + unread)
        self._take(later[0][0], 0)
        return True

    def _is_current(self, stat: os.stat_result) -> bool:
        return self._fd is not None and os.path.samestat(os.fstat(self._fd), stat)

    def _is_later(self, path: Path, stat: os.stat_result) -> bool:
        if self._cursor.inode == 0:
            return True
        mine = os.fstat(self._fd).st_mtime_ns if self._fd is not None else self._cursor.modified_ns
        return path == self._path or stat.st_mtime_ns > mine

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """The live file and its rotated ones, oldest first; the live one is last, whatever its clock says."""
        found = []
        for path in (*self._path.parent.glob(self._path.name + "[.-]*"), self._path):
            if path.suffix in NOT_LOGS or not path.is_file():
                continue
            try:
                found.append((path, path.stat()))
            except OSError:
                continue
        return sorted(found, key=lambda item: (item[0] == self._path, item[1].st_mtime_ns))

    def _take(self, path: Path, offset: int) -> None:
        self.close()
        self._dropping = False
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        stat = os.fstat(fd)
        self._fd = fd
        self._cursor = Cursor(
            device=stat.st_dev,
            inode=stat.st_ino,
            offset=offset,
            head=_head(fd, offset),
            modified_ns=stat.st_mtime_ns,
            position=self._cursor.position,
        )


def _head(fd: int, offset: int) -> int:
    return zlib.crc32(os.pread(fd, min(offset, HEAD_BYTES), 0))
