"""Kamailio, for the tests with two nodes: the machine's own, or unpacked from the distribution's packages into the
cache folder. The hotline itself does not need it: whoever runs several nodes installs it (docs/cluster.md)."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import apt, apt_sources, cache
from tools.console import Trouble, say

_MODULES = "usr/lib/*/kamailio/modules"
_NEEDED_MODULES = ("dispatcher.so", "tm.so", "rr.so", "sanity.so")


@dataclass(frozen=True)
class Kamailio:
    """Absolute paths; ``modules`` holds the .so files."""

    binary: str
    version: str
    modules: str


def get_kamailio() -> Kamailio:
    """Find or fetch it. Raises Trouble with one line."""
    found = _installed()
    if found is None:
        pattern = f"kamailio-*-{apt.host_architecture()}"
        folder = cache.kept_or_made(pattern, _build)
        found = _describe(str(folder / "bin" / "kamailio"), folder / "root")
    if found is None:
        raise Trouble("the unpacked Kamailio does not run: remove it (`make clean-cache`) and start again")
    say(f"Kamailio {found.version}: {found.binary}")
    return found


def _installed() -> Kamailio | None:
    binary = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin")
    return None if binary is None else _describe(binary, Path("/"))


def _describe(binary: str, root: Path) -> Kamailio | None:
    """``kamailio -v`` prints ``version: kamailio 5.6.3 (x86_64/linux) …``; None when it does not run."""
    try:
        done = subprocess.run([binary, "-v"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"version: kamailio (\d+[\d.]*)", done.stdout)
    modules = (path for path in root.glob(_MODULES) if all((path / name).is_file() for name in _NEEDED_MODULES))
    folder = next(modules, None)
    return None if version is None or folder is None else Kamailio(binary, version[1], str(folder))


def _build(folder: Path, scratch: Path) -> str:
    system = apt_sources.distribution()
    if system is None:
        raise Trouble("no Kamailio here, and it can be unpacked on Debian and Ubuntu only: install it")
    architecture = apt.host_architecture()
    components = "main universe" if system.name == "ubuntu" else "main"
    sources = [f"{apt_sources.mirror(system.name)} {system.codename} {components}"]
    say("Kamailio is not installed: fetching it into the cache folder, for the tests (once)")
    debs = apt.PrivateApt(scratch, sources, apt_sources.keyring(system.name)).fetch(["kamailio"], "fetching Kamailio")
    version = apt.package_version(debs, "kamailio")
    apt.unpack(debs, folder / "root", "unpacking Kamailio")
    libraries = [str(path.relative_to(folder / "root")) for path in (folder / "root").glob("usr/lib/*/kamailio")]
    cache.write_wrapper(
        folder / "bin" / "kamailio", folder / "root", "usr/sbin/kamailio", "kamailio", libraries=libraries
    )
    return f"kamailio-{version}-{architecture}"
