"""Asterisk 20 or newer: the machine's own, or unpacked from the distribution's packages into the cache folder."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import apt, apt_sources, cache
from tools.console import Trouble, say

OLDEST = 20
_PACKAGES = ("asterisk", "asterisk-config", "asterisk-core-sounds-en-gsm", "sip-tester")
_NEEDED_MODULES = ("chan_pjsip.so", "app_queue.so", "res_agi.so", "cel_custom.so", "app_mixmonitor.so")
_MODULE_FOLDERS = ("usr/lib/{arch}/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules")
_DATA_FOLDERS = ("usr/share/asterisk", "var/lib/asterisk")
_ELSEWHERE = "install Asterisk 20 or newer, or use `docker compose up`"


@dataclass(frozen=True)
class Asterisk:
    """Absolute paths; ``modules`` holds the .so files, ``data`` holds ``documentation`` and ``rest-api``."""

    binary: str
    version: str
    modules: str
    data: str
    sipp: str | None


def get_asterisk() -> Asterisk:
    """Find or fetch it. Raises Trouble with one line."""
    found = _installed()
    if found is None:
        pattern = f"asterisk-*-{apt.host_architecture()}"
        found = _describe(cache.kept_or_made(pattern, _build))
    say(f"Asterisk {found.version}: {found.binary}")
    return found


def _installed() -> Asterisk | None:
    binary = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        return None
    version = _version(binary)
    if version is None or int(version.split(".")[0]) < OLDEST:
        say(f"{binary} is Asterisk {version}, older than {OLDEST}: not used")
        return None
    modules, data = _folders(Path("/"))
    missing = [name for name in _NEEDED_MODULES if modules is None or not (modules / name).is_file()]
    if modules is None or data is None or missing:
        say(f"{binary} is not used: it lacks {', '.join(missing) or 'its data folder'}")
        return None
    return Asterisk(binary, version, str(modules), str(data), shutil.which("sipp"))


def _version(binary: str) -> str | None:
    """``asterisk -V`` prints ``Asterisk 22.10.1~dfsg+…``; None when it does not run."""
    try:
        done = subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"Asterisk (?:certified[/-])?(\d+[\d.]*)", done.stdout)
    return match[1] if match else None


def _folders(root: Path) -> tuple[Path | None, Path | None]:
    patterns = [pattern.format(arch="*") for pattern in _MODULE_FOLDERS]
    modules = (path for pattern in patterns for path in root.glob(pattern) if (path / "app_queue.so").is_file())
    data = (root / name for name in _DATA_FOLDERS if (root / name / "documentation").is_dir())
    return next(modules, None), next(data, None)


def _describe(folder: Path) -> Asterisk:
    binary = folder / "bin" / "asterisk"
    version = _version(str(binary))
    modules, data = _folders(folder / "root")
    if version is None or modules is None or data is None:
        raise Trouble(f"{folder} does not hold a working Asterisk: remove it (`make clean-cache`) and start again")
    return Asterisk(str(binary), version, str(modules), str(data), str(folder / "bin" / "sipp"))


def _build(folder: Path, scratch: Path) -> str:
    system = apt_sources.distribution()
    if system is None:
        raise Trouble(f"no Asterisk here, and it can be unpacked on Debian and Ubuntu only: {_ELSEWHERE}")
    architecture = apt.host_architecture()
    if architecture != "amd64":
        raise Trouble(f"no Asterisk here, and it can be unpacked on x86-64 only (this is {architecture}): {_ELSEWHERE}")
    address, keys = apt_sources.mirror(system.name), apt_sources.keyring(system.name)
    if system.name == "ubuntu":
        suites = (system.codename, f"{system.codename}-updates", f"{system.codename}-security")
        sources = [f"{address} {suite} main universe" for suite in suites]
    else:
        # No stable Debian release carries Asterisk at present; this suite does, with the libraries it was built with.
        sources = [f"{address} forky main"]
    say("Asterisk is not installed: fetching it into the cache folder (once, about 90 MB)")
    debs = apt.PrivateApt(scratch, sources, keys).fetch(_PACKAGES, "fetching Asterisk")
    version = apt.package_version(debs, "asterisk")
    if int(version.split(".")[0]) < OLDEST:
        raise Trouble(f"{system.name} {system.codename} has Asterisk {version}, older than {OLDEST}: {_ELSEWHERE}")
    apt.unpack(debs, folder / "root", "unpacking Asterisk")
    cache.write_wrapper(folder / "bin" / "asterisk", folder / "root", "usr/sbin/asterisk", "asterisk")
    cache.write_wrapper(folder / "bin" / "sipp", folder / "root", "usr/bin/sipp", "sipp")
    return f"asterisk-{version}-{architecture}"
