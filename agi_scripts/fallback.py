"""Level 2 of answering a call: Asterisk runs this script when the voice server cannot be reached.

It stands alone: the standard library and pyst2, no database, no server. It plays the greeting and the menu, takes
one key (or a typed 110, 119, 120, 122) and leaves the decision in ``DECISION``. Whatever goes wrong, it ends without
a decision and the dialplan sends the caller to the agents' queue.

Arguments: the JSON file that ``hotline/render.py`` writes.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asterisk.agi import AGI, AGIException

KEYS = "0123456789*#"
PAUSE_MS = 1500
MAX_KEYS = 8


def decide(agi: Any, menu: Mapping[str, Any]) -> str:
    """``kind:target:category:by`` for the dialplan."""
    typed = _key(agi.stream_file(menu["greeting"], KEYS))
    typed = typed or _key(agi.stream_file(menu["menu"], KEYS))
    typed = typed or _key(agi.wait_for_digit(menu["silence_ms"]))
    while not _emergency(typed, menu) and _begins_emergency(typed, menu) and len(typed) < MAX_KEYS:
        more = _key(agi.wait_for_digit(PAUSE_MS))
        if not more:
            break
        typed += more
    service = _emergency(typed, menu)
    if service:
        return f"emergency:{service}:help:typed"
    choice = menu["keys"].get(typed[:1]) if len(set(typed)) == 1 else None
    if choice is None:
        return f"queue:{menu['agents']}:other:{'wrong' if typed else 'silence'}"
    return f"queue:{choice['queue']}:{choice['category']}:key"


def _emergency(typed: str, menu: Mapping[str, Any]) -> str:
    """The number that ``typed`` ends with, as in ivr/keys.py: stray digits before it do not hide it."""
    return next((number for number in menu["emergency"] if typed.endswith(number)), "")


def _begins_emergency(typed: str, menu: Mapping[str, Any]) -> bool:
    return any(typed.endswith(number[:cut]) for number in menu["emergency"] for cut in (1, 2))


def _key(reply: Any) -> str:
    return reply if isinstance(reply, str) and reply in KEYS else ""


def main() -> int:
    menu = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # pyst2 tells its standard error everything; Asterisk would print it on its console.
    agi = AGI(stderr=io.StringIO())
    try:
        agi.set_variable("DECISION", decide(agi, menu))
    except (AGIException, OSError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
