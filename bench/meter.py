"""What processes use, from /proc (proc(5)): CPU seconds, threads and ended children included, and memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; the second, the name, may hold spaces."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """None where the process, or one of its threads, has ended meanwhile."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += [int(one) for one in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Of the process itself, and of its children: those that live and those that have ended."""
    fields = _stat(pid)
    if not fields:
        return 0.0, 0.0
    own, ended = (sum(int(field) for field in fields[at : at + 2]) / _TICKS for at in (11, 13))
    return own, ended + sum(sum(cpu_seconds(child)) for child in children(pid))


def resident_mb(pid: int) -> float:
    fields = _stat(pid)
    mine = int(fields[21]) * _PAGE / 1e6 if fields else 0.0
    return mine + sum(resident_mb(child) for child in children(pid))


class Meter:
    """CPU between two moments and the highest memory, by part."""

    def __init__(self, pids: Mapping[str, int], split: Iterable[str] = ()) -> None:
        """``split``: parts whose children are counted apart, as ``<part>'s children``."""
        self._pids = dict(pids)
        self._split = frozenset(split)
        self._begin = self._cpu()
        self.peak_mb: dict[str, float] = {}

    def look(self) -> None:
        for part, pid in self._pids.items():
            self.peak_mb[part] = max(self.peak_mb.get(part, 0.0), round(resident_mb(pid), 1))

    def used(self) -> dict[str, float]:
        """CPU seconds since the beginning."""
        return {part: seconds - self._begin.get(part, 0.0) for part, seconds in self._cpu().items()}

    def _cpu(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for part, pid in self._pids.items():
            own, others = cpu_seconds(pid)
            if part in self._split:
                found |= {part: own, f"{part}'s children": others}
            else:
                found[part] = own + others
        return found
