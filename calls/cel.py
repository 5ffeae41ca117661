"""One line of Asterisk's channel event log (cel_custom) as a record.

Fields, in the order of ``asterisk_conf/cel_custom.conf``: eventtype, eventtime, userdeftype, eventextra, two unused,
exten, context, channame, appname, uniqueid, linkedid, bridgepeer, userfield, accountcode.
For an event of our own (``CELGenUserEvent``) eventtype and userdeftype both hold its name; other events may carry a
userdeftype of Asterisk's, e.g. ``MOH_STREAM_BEGIN``.
Source: Asterisk 22 ``main/cel.c`` and ``cel/cel_custom.c``, and streams recorded in ``tests/replay``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from calls.events import CEL, MAX_FIELD, MalformedLine, call_id, seconds
from calls.placed import is_hold

FIELDS = 15
MAX_PAIRS = 20
_PLAYED = ',"FILE_STREAM_BEGIN",'
NO_EXTRA: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class CelEvent:
    """``kind`` is ``USER`` for our own events, whose name is ``name`` and whose query string is ``extra``.
    ``at`` is epoch seconds (UTC); ``call`` the linked id; ``position`` the place in the stream."""

    position: int
    at: float
    call: str
    kind: str
    name: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""
    unique: str = ""
    app: str = ""

    @property
    def stream(self) -> str:
        return CEL

    @property
    def ends_call(self) -> bool:
        """The caller's own channel was hung up."""
        return self.kind == "HANGUP" and self.unique == self.call


def parse(position: int, line: str) -> CelEvent | None:
    """None for a line that says nothing about a call (a prompt was played, a place is held).
    Raises :class:`MalformedLine`."""
    try:
        row = next(csv.reader((line,), strict=True))
    except (csv.Error, StopIteration) as error:
        raise MalformedLine(str(error)) from error
    if len(row) != FIELDS or "\0" in line:
        raise MalformedLine(f"{len(row)} fields, expected {FIELDS}")
    kind, time, user, extra = row[0], row[1], row[2], row[3]
    if user == "FILE_STREAM_BEGIN" or user == "FILE_STREAM_END" or is_hold(row[8]):
        return None
    ours = user != "" and (kind == user or kind == "USER_DEFINED")
    if not kind or max(map(len, (kind, user, extra, row[8], row[9]))) > MAX_FIELD:
        raise MalformedLine("a field is empty or too long")
    told = _extra(extra, query=ours) if extra else NO_EXTRA
    return CelEvent(
        position=position,
        at=seconds(time),
        # Who listens in is on a channel of his own: the call that he hears has the event.
        call=call_id(told["call"] if ours and user == "LISTENED" and "call" in told else row[11]),
        kind="USER" if ours else kind,
        name=user,
        extra=told,
        channel=row[8],
        unique=row[10],
        app=row[9],
    )


@dataclass(frozen=True, slots=True)
class Sound:
    """A file began to be played to a channel, by the application ``app``. ``at``: epoch seconds (UTC)."""

    at: float
    unique: str
    name: str
    app: str = ""


def played(line: str) -> Sound | None:
    """None for a line that says anything else, and where nobody listens. Raises :class:`MalformedLine`."""
    if _PLAYED not in line:
        return None
    try:
        row = next(csv.reader((line,), strict=True))
        if is_hold(row[8]):
            return None
        return Sound(seconds(row[1]), call_id(row[10]), str(json.loads(row[3])["sound"]), row[9])
    except (csv.Error, StopIteration, IndexError, ValueError, KeyError, TypeError) as error:
        raise MalformedLine(str(error)) from error


def without_words(line: str) -> str:
    """A stored ``HEARD`` without what was heard; any other line as it is."""
    event = parse(0, line)
    if event is None or event.kind != "USER" or event.name != "HEARD" or "text" not in event.extra:
        return line
    row = next(csv.reader((line,), strict=True))
    kept = {name: value for name, value in event.extra.items() if name != "text"}
    row[3] = json.dumps({"extra": urlencode(kept)})
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="").writerow(row)
    return written.getvalue()


def _extra(text: str, *, query: bool) -> Mapping[str, str]:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedLine(f"extra is not JSON: {text[:80]!r}") from error
    if not isinstance(data, dict):
        raise MalformedLine("extra is not an object")
    if not query:
        return {key: _storable(str(value)) for key, value in data.items()}
    try:
        pairs = parse_qsl(str(data.get("extra", "")), keep_blank_values=True, max_num_fields=MAX_PAIRS)
    except ValueError as error:
        raise MalformedLine(str(error)) from error
    return {key: _storable(value) for key, value in pairs}


def _storable(text: str) -> str:
    """JSON can spell what no UTF-8 text and no database takes: zero, and halves of a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
