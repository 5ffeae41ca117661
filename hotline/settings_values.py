"""What single settings may hold: addresses, hosts, credentials, folders. Each type refuses the rest in one line.

They are written into Asterisk's files, where `;` begins a comment, a line break the next option, and in the dialplan's
arguments `,` `$` and `"` mean something too.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

_HOST = r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,252}[0-9A-Za-z])?"


def ipv4(value: str) -> str:
    try:
        IPv4Address(value)
    except ValueError:
        raise ValueError("must be an IPv4 address such as 127.0.0.1") from None
    return value


def _loopback(value: str) -> str:
    if not IPv4Address(ipv4(value)).is_loopback:
        raise ValueError("must be a loopback address (127.…): whoever calls from it is taken for a test citizen")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(_HOST, value):
        raise ValueError("must be an IPv4 address or a host name")
    return value


def _known_by_address(value: str) -> str:
    """Whose calls are known by the address that they come from."""
    if value.partition(":")[0] in ("127.0.0.1", "localhost"):
        raise ValueError("must not be 127.0.0.1: telephones in browsers come from there, and would be taken for it")
    return value


def host_port(value: str) -> str:
    found = re.fullmatch(rf"{_HOST}:([0-9]{{1,5}})", value, re.ASCII)
    if not found or not 1 <= int(found[1]) <= 65535:
        raise ValueError("must be host:port, such as 192.0.2.2:5060")
    return value


def _credential(value: str) -> str:
    if not re.fullmatch(r"[!-~]{1,128}", value) or set(value) & set(';[]"\\'):
        raise ValueError('must be printable ASCII without spaces and without ; [ ] " \\')
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("must be a network such as 192.0.2.0/24, or one address") from None


def _plain_path(value: Path) -> Path:
    if any(letter in ',;$"\\' or not letter.isprintable() for letter in str(value)):
        raise ValueError("must not contain , ; $ \" \\ or line breaks: Asterisk's dialplan could not name it")
    return value


Ipv4 = Annotated[str, AfterValidator(ipv4)]
Loopback = Annotated[str, AfterValidator(_loopback)]
KnownByAddress = AfterValidator(_known_by_address)
Host = Annotated[str, AfterValidator(lambda value: value and _host(value))]
"""May be empty: not set."""
HostPort = Annotated[str, AfterValidator(host_port)]
Credential = Annotated[str, AfterValidator(lambda value: value and _credential(value))]
"""May be empty: not set."""
Network = Annotated[str, AfterValidator(_network)]
PlainPath = Annotated[Path, AfterValidator(_plain_path)]
