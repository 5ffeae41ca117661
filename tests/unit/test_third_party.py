"""THIRD_PARTY.md names all that is installed to run the hotline."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_locked_package_is_named() -> None:
    lock = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, re.MULTILINE))
    rows = [line for line in (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    named = {name.lower() for row in rows for name in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", row.split("|")[1])}
    assert len(locked) > 20
    assert sorted(locked - named) == []
