"""The text of the AGI protocol: headers in, commands out, replies in. No I/O.

Source: Asterisk's ``res/res_agi.c``. panoramisk's own parser is not used because it loses ``(timeout)`` and
``endpos`` and raises on an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

MAX_HEADER_BYTES = 16 * 1024
MAX_HEADER_LINES = 100
MAX_COMMAND_BYTES = 2000
"""Asterisk reads commands into a buffer of 2048 bytes and would take the rest for another command."""

_HEADER = re.compile(r"(agi_[a-z0-9_]{1,40}):(?: (.*))?")
_REPLY = re.compile(r"(\d{3})([ -])(.*)")
_RESULT = re.compile(r"result=(\S*)(?: \((.*)\))?(?: endpos=(\d+))?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\([A-Za-z0-9_,-]*\))?")


class WireError(ValueError):
    """Not something that Asterisk would send, or not something that may be sent to it."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The block of headers that opens a session, with the script's name freed of its query string."""

    script: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """``200 result=49 (dtmf) endpos=8000`` taken apart; ``endpos`` counts samples."""

    code: int
    result: str
    data: str
    endpos: int | None
    text: str


def parse_opening(block: bytes) -> Opening:
    """Parse the headers up to and including the empty line.

    A header given twice is refused: a caller's name with a line break in it could otherwise pass for another header.
    """
    lines = block.decode("utf-8", "replace").rstrip("\r\n").split("\n")
    if len(lines) > MAX_HEADER_LINES:
        raise WireError("too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line.rstrip("\r"))
        if match is None:
            raise WireError("not a header")
        if match[1] in headers:
            raise WireError(f"{match[1]} given twice")
        headers[match[1]] = match[2] or ""
    script, _, query = headers.get("agi_network_script", "").partition("?")
    if not script:
        raise WireError("no script named")
    return Opening(script, dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50)), headers)


def parse_reply(line: str) -> Reply:
    """Parse the last (or only) line of a reply."""
    match = _REPLY.fullmatch(line)
    if match is None:
        raise WireError("not a reply")
    result = _RESULT.match(match[3]) if match[1] == "200" else None
    if result is None:
        return Reply(int(match[1]), "", "", None, match[3])
    return Reply(200, result[1], result[2] or "", int(result[3]) if result[3] else None, match[3])


def quote(argument: str) -> str:
    """One argument of a command. Raises :class:`WireError` for what would end the line early."""
    if "\n" in argument or "\r" in argument or "\0" in argument:
        raise WireError("line break or NUL in an argument")
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def variable_name(name: str) -> str:
    """A channel variable or a dialplan function with plain arguments, checked."""
    if not _VARIABLE.fullmatch(name):
        raise WireError(f"not a variable name: {name!r}")
    return name


def encode_command(command: str) -> bytes:
    """The line to send."""
    if "\n" in command or "\r" in command or "\0" in command:
        raise WireError("line break or NUL in a command")
    try:
        line = command.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise WireError("lone surrogate in a command") from error
    if len(line) > MAX_COMMAND_BYTES:
        raise WireError("command too long")
    return line
