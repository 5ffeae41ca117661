"""Writes notices to a file, one JSON object a line: for gateways that read files, and for trying things out."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from notify.port import Notice, NotSent


class FileOutlet:
    """``file`` is made with 0600: it holds what citizens are told."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, notice: Notice) -> None:
        line = json.dumps(notice.body(), ensure_ascii=False) + "\n"
        try:
            await asyncio.to_thread(self._append, line.encode())
        except OSError as error:
            raise NotSent(f"{self._file}: {error.strerror}") from error

    def _append(self, line: bytes) -> None:
        """One write to a file opened for appending: lines of two processes do not mix."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(28, "not written whole")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
