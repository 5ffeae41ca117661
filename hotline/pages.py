"""Where the built pages are: what tools/build_pages.py found or made, else what ``npm run build`` leaves in pages/."""

from __future__ import annotations

import json
from pathlib import Path

from hotline.settings import CHECKOUT

STATE = CHECKOUT / ".venv" / "pages.json"


def built_pages() -> Path:
    """The folder; there may be none yet. Looked up when the web server starts."""
    try:
        folder = json.loads(STATE.read_text(encoding="utf-8"))["folder"]
        found = Path(folder) if folder else None
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    return found if found is not None and found.is_dir() else CHECKOUT / "pages" / "dist"
