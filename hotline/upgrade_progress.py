"""What an upgrade has done so far: written by the supervisor, read by ``hotline upgrade``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

FILE = "upgrade.json"


@dataclass
class Progress:
    state: Literal["asked", "running", "done", "failed"] = "asked"
    lines: list[str] = field(default_factory=list)
    error: str = ""

    def write(self, run_dir: Path) -> None:
        """A full disk must not keep anybody from upgrading."""
        new = run_dir / f"{FILE}.new"
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
            new.replace(run_dir / FILE)


def read_progress(run_dir: Path) -> Progress | None:
    try:
        found = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
        return Progress(found["state"], [str(line) for line in found["lines"]], str(found["error"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Teller:
    """Says what happens on the supervisor's own screen, and in the file."""

    def __init__(self, run_dir: Path, say: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._say = say
        self._progress = Progress("running")
        self._progress.write(run_dir)

    def tell(self, line: str) -> None:
        self._say(line)
        self._progress.lines.append(line)
        self._progress.write(self._run_dir)

    def end(self, error: str = "") -> None:
        self._progress.state, self._progress.error = ("failed", error) if error else ("done", "")
        self._say(f"upgrade failed 升级失败: {error}" if error else "upgraded 已升级")
        self._progress.write(self._run_dir)
