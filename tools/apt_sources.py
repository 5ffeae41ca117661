"""Which mirror this machine gets its packages from, read from its own apt sources (sources.list(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.console import Trouble

_ONE_LINE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+", re.MULTILINE)
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Distribution:
    """``name`` is debian or ubuntu; ``codename`` its release, such as bookworm or noble."""

    name: str
    codename: str


def distribution(etc: Path = Path("/etc")) -> Distribution | None:
    """The Debian or Ubuntu this machine is, or is made from; None for any other system (os-release(5))."""
    try:
        text = (etc / "os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in text.splitlines())}
    family = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    if "ubuntu" in family:
        return Distribution("ubuntu", values.get("UBUNTU_CODENAME") or values.get("VERSION_CODENAME", ""))
    if "debian" in family:
        return Distribution("debian", values.get("VERSION_CODENAME", ""))
    return None


def mirror(name: str, etc: Path = Path("/etc")) -> str:
    """The first address in the machine's apt sources whose path ends in ``/<name>``; raises Trouble without one."""
    for uri in _uris(etc):
        parts = urlsplit(uri)
        if parts.scheme in ("http", "https", "file") and parts.path.rstrip("/").endswith(f"/{name}"):
            return uri.rstrip("/")
    raise Trouble(f"no mirror of {name} in {etc}/apt/sources.list*: add one, or install Asterisk 20 or newer yourself")


def keyring(name: str, root: Path = Path("/")) -> Path:
    """The distribution's archive keys; packages are refused unless signed by one of them."""
    for suffix in ("gpg", "pgp"):
        path = root / f"usr/share/keyrings/{name}-archive-keyring.{suffix}"
        if path.is_file():
            return path
    raise Trouble(f"the signing keys of {name} are missing: install the package {_keyring_package(name)}")


def _keyring_package(name: str) -> str:
    return "ubuntu-keyring" if name == "ubuntu" else "debian-archive-keyring"


def _uris(etc: Path) -> list[str]:
    apt = etc / "apt"
    found: list[str] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix == ".list":
            found += _ONE_LINE.findall(_read(path))
        elif path.suffix == ".sources":
            found += _stanza_uris(_read(path))
    return [address for uri in found for address in _expand(uri)]


def _stanza_uris(text: str) -> list[str]:
    """Addresses of the enabled binary stanzas of a deb822 file."""
    found: list[str] = []
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", plain):
        fields = {
            key.strip().lower(): " ".join(value.split())
            for key, value in re.findall(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
            found += fields.get("uris", "").split()
    return found


def _expand(uri: str) -> list[str]:
    """Cloud images name a file that lists mirrors (apt-transport-mirror(1))."""
    if not uri.startswith("mirror+file:"):
        return [uri]
    lines = _read(Path(urlsplit(uri).path)).splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return ""
