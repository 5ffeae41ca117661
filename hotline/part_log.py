"""A part's log file: what it said last, and setting it aside when it is large."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

_TAIL_BYTES = 8192


class PartLog:
    """Past ``most_bytes`` the file is set aside (``.1`` … ``.<copies>``)."""

    def __init__(self, file: Path, most_bytes: int, copies: int) -> None:
        self.file = file
        self._most_bytes = most_bytes
        self._copies = copies
        self._begins = 0
        """Where the running process's own words begin."""
        self._rotates = True

    def open(self) -> BinaryIO:
        """For a process that is about to start, to append to."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.rotate()
        out = self.file.open("ab")
        self._begins = out.tell()
        return out

    def last_words(self) -> str:
        """The last line that the part wrote since its start."""
        try:
            with self.file.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(min(self._begins, end), end - _TAIL_BYTES))
                lines = file.read().decode("utf-8", errors="replace").split("\n")
        except OSError:
            return "no log"
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def rotate(self) -> None:
        """Copy and cut: the part holds the file open (for appending) and must not depend on us to write on."""
        try:
            if self.file.stat().st_size < self._most_bytes:
                return
            for number in range(self._copies, 1, -1):
                older = self.file.with_name(f"{self.file.name}.{number - 1}")
                if older.exists():
                    older.replace(self.file.with_name(f"{self.file.name}.{number}"))
            _copy(self.file, self.file.with_name(f"{self.file.name}.1"))
            os.truncate(self.file, 0)
            self._begins = 0
            self._rotates = True
        except FileNotFoundError:
            return
        except OSError as error:  # looked at every second: said once
            if self._rotates:
                log.warning("cannot set %s aside: %s", self.file, error.strerror)
            self._rotates = False


def _copy(source: Path, target: Path) -> None:
    """On a full disk the copy is given up, so that at least the log itself is cut."""
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        log.warning("cannot keep a copy of %s: %s", source, error.strerror)
        target.unlink(missing_ok=True)
