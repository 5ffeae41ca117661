"""Who is at the other end: reading and writing the identity headers of SIP messages. Pure text, no pjsua2."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SIP_USER = re.compile(r"\bsips?:([^@;>?\s]+)@", re.IGNORECASE)
_TEL = re.compile(r"\btel:([^;>,\s]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER_SAFE = "-_.!~*'()&=+$,"
"""RFC 3261 25.1 ``user``: unreserved and user-unreserved, without ``; ? /`` which some parsers mistake for an end."""


def header_values(message: str, name: str) -> list[str]:
    """The values of every header called ``name`` in a raw SIP message, folded lines joined (RFC 3261 7.3.1)."""
    head = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]
    unfolded = re.sub(r"\r?\n[ \t]+", " ", head)
    wanted = name.lower()
    found = []
    for line in unfolded.splitlines()[1:]:
        key, colon, value = line.partition(":")
        if colon and key.strip().lower() == wanted:
            found.append(value.strip())
    return found


def uri_user(value: str) -> str | None:
    """The user part of the first SIP or tel URI in a header value; None when there is none."""
    bare = _QUOTED.sub("", value)
    match = _SIP_USER.search(bare) or _TEL.search(bare)
    if not match:
        return None
    return unquote(match.group(1).split(":", 1)[0]) or None


def asserted_user(message: str) -> str | None:
    """Whom a message names as its sender: P-Asserted-Identity (RFC 3325), else Remote-Party-ID."""
    for name in ("P-Asserted-Identity", "Remote-Party-ID"):
        for value in header_values(message, name):
            user = uri_user(value)
            if user:
                return user
    return None


def request_method(message: str) -> str | None:
    """The method of a raw SIP request; None for a response."""
    first = message.split(" ", 1)[0]
    return None if first.startswith("SIP/") else first


def from_uri(user: str, host: str, display: str = "") -> str:
    """A From value whose user part carries any text, percent-encoded where RFC 3261 asks for it."""
    uri = f"<sip:{quote(user, safe=_USER_SAFE)}@{host}>"
    if not display:
        return uri
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" {uri}'


def has_control(text: str) -> bool:
    """True if ``text`` could break out of a header line (CR, LF or another control character)."""
    return _CONTROL.search(text) is not None
