"""What the voice server wrote about words and about tickets that were asked for (events ``HEARD``, ``SPEECH`` and
``PROGRESS``), checked: they come from a caller, so nothing in them is believed before it was looked at. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from calls.record import Call

CLASSES = frozenset("consultation help complaint report suggestion status agent emergency".split())
SERVICES = frozenset({"110", "119", "120", "122"})
ENDS = frozenset("words alarm unusable".split())
ANSWERS = frozenset({"yes", "no"})
OFF = frozenset("full lag closed engine".split())
RESULTS = frozenset("found wrong limited unknown".split())
MAX_TEXT = 120
MAX_SAID = 200
"""Characters of a whole call."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SCORE = re.compile(r"[01]\.[0-9]{1,4}")
_MS = re.compile(r"-?[0-9]{1,6}")
_TICKET = re.compile(r"[0-9]{1,32}|[0-9]{8}-[0-9]{6,24}")


def take(call: Call, extra: Mapping[str, str]) -> dict[str, str]:
    """Add one ``HEARD`` to ``call``; returns the detail of its timeline entry."""
    detail = heard(extra)
    text, label, node = detail.get("text", ""), detail.get("class", ""), detail.get("node", "")
    # At the menu callers say what they want; over the confirmation perhaps, elsewhere they answer.
    if text and (node == "main" or (node == "confirm" and label)):
        call.said = f"{call.said}，{text}"[:MAX_SAID] if call.said else text
    if label:  # only what the dialogue went by has a class
        call.topic = detail.get("topic", "")
    return detail


def heard(extra: Mapping[str, str]) -> dict[str, str]:
    """The detail of a timeline's ``heard``; what is not as it should be is left out."""
    found = {
        "node": _if(_NAME.fullmatch(extra.get("node", "")), extra, "node"),
        "end": _if(extra.get("end") in ENDS, extra, "end"),
        "text": plain(extra.get("text", "")),
        "class": _if(extra.get("class") in CLASSES, extra, "class"),
        "service": _if(extra.get("service") in SERVICES, extra, "service"),
        "topic": _if(_NAME.fullmatch(extra.get("topic", "")), extra, "topic"),
        "score": _if(_SCORE.fullmatch(extra.get("score", "")), extra, "score"),
        "answer": _if(extra.get("answer") in ANSWERS, extra, "answer"),
        "barge_ms": milliseconds(extra, "barge_ms"),
        "decide_ms": milliseconds(extra, "decide_ms"),
        "engine": _if(_NAME.fullmatch(extra.get("engine", "")), extra, "engine"),
    }
    return {name: value for name, value in found.items() if value}


def progress(extra: Mapping[str, str]) -> dict[str, str]:
    """The detail of a timeline's ``progress``: what a caller was told of which ticket, or what he named."""
    found = {
        "result": _if(extra.get("result") in RESULTS, extra, "result"),
        "ticket": _if(_TICKET.fullmatch(extra.get("ticket", "")), extra, "ticket"),
    }
    return {name: value for name, value in found.items() if value}


def milliseconds(extra: Mapping[str, str], name: str) -> str:
    return _if(_MS.fullmatch(extra.get(name, "")), extra, name)


def plain(text: str) -> str:
    """Words on one line."""
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT].strip()


def _if(right: object, extra: Mapping[str, str], name: str) -> str:
    return extra[name] if right else ""
