"""What the dialplan and the voice server wrote about a call of ours to a citizen (``CALLED``, ``ASKED``, ``ANSWER``,
``OPTED_OUT``, ``TO_AGENT``, ``COMMENT``, ``BROKEN``), checked before it is believed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

By = Literal["key", "speech"]
VIA = "callback"
"""How such a call came about, where a citizen's own is ``public``."""
OUTGOING = "outgoing"
"""And one that an agent made about a ticket."""
OURS = (VIA, OUTGOING)
COMMENT_SECONDS = 2.0
"""A shorter one is a click, not words."""
COMMENT_SILENCE, MESSAGE_SILENCE = 5.0, 10.0
"""Seconds of silence that end a recording (asterisk_conf/extensions.conf.j2, [callback-comment] and [message]):
RECORD_STATUS is then ``SILENCE``, whether or not anything was said before it."""
WHAT: Mapping[str, str] = {
    "CALLED": "called",
    "ASKED": "asked",
    "ANSWER": "answer",
    "OPTED_OUT": "opted_out",
    "TO_AGENT": "to_agent",
    "COMMENT": "comment",
    "BROKEN": "broken",
}
"""The timeline's words."""
_CHECKS: Mapping[str, re.Pattern[str]] = {
    "survey": re.compile(r"[a-z][a-z0-9-]{0,40}"),
    "question": re.compile(r"[a-z][a-z0-9-]{0,39}"),
    "value": re.compile(r"[a-z][a-z0-9_-]{0,39}"),
    "by": re.compile(r"key|speech"),
    "why": re.compile(r"refused|cut|frozen"),
    "seconds": re.compile(r"[0-9]{1,4}"),
    "status": re.compile(r"[A-Z]{1,20}"),
    "agent": re.compile(r"[0-9]{3,6}"),
    "ticket": re.compile(r"[0-9]{8}-[0-9]{6,12}"),
    "place": re.compile(r"[A-Za-z0-9_-]{0,40}[0-9]{9,11}\.[0-9]{1,10}"),
    "queue": re.compile(r"[a-z-]{1,40}"),
    "unit": re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"),
}
_FILE = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[A-Za-z0-9_-]{0,40}[0-9]{9,11}\.[0-9]{1,10}-comment\.wav")


def detail(extra: Mapping[str, str]) -> dict[str, str]:
    """The detail of a timeline's entry; what is not as it should be is left out."""
    return {name: extra[name] for name, right in _CHECKS.items() if right.fullmatch(extra.get(name, ""))}


def answer(extra: Mapping[str, str]) -> tuple[str, str, By] | None:
    """Question, value and how it was given; None if any of them is not as it should be."""
    known = detail(extra)
    if not {"question", "value", "by"} <= known.keys():
        return None
    return known["question"], known["value"], "key" if known["by"] == "key" else "speech"


def spoke(seconds: str, status: str, silence: float) -> bool:
    """Whether a recording after a tone holds words. ``seconds``: with the ``silence`` that may have ended it."""
    try:
        return status != "ERROR" and float(seconds) - silence * (status == "SILENCE") >= COMMENT_SECONDS
    except ValueError:
        return False


def comment(extra: Mapping[str, str]) -> str:
    """The recording of what was said after the tone, below the recordings' folder; empty: nothing was."""
    file = extra.get("file", "")
    said = spoke(extra.get("seconds", ""), extra.get("status", ""), COMMENT_SILENCE)
    return file if said and _FILE.fullmatch(file) else ""
