"""Chromium, for the tests of the pages: the machine's own, Playwright's, or unpacked from the distribution's packages
into the cache folder. The hotline itself does not need it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import apt, apt_sources, cache
from tools.console import Trouble, say

OLDEST = 120
_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
_PACKAGES = ("chromium-headless-shell", "fonts-wqy-microhei")
_PROGRAM = "usr/lib/chromium/chromium-headless-shell"
_WRAPPER = """\
#!/bin/sh
# Runs Chromium with the libraries it was unpacked with, and this machine's loader: it starts itself again and again.
here=$(dirname -- "$(readlink -f -- "$0")")
root="$here/../root"
export LD_LIBRARY_PATH="{libraries}"
export FONTCONFIG_FILE="$here/fonts.conf" GSETTINGS_BACKEND=memory
exec "$root/{program}" "$@"
"""
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">../root/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
_ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


@dataclass(frozen=True)
class Browser:
    binary: str
    version: str


def get_browser() -> Browser:
    """Find or fetch it. Raises Trouble with one line."""
    named = os.environ.get("HOTLINE_BROWSER")
    if named:
        found = _describe(named)
        if found is None:
            raise Trouble(f"HOTLINE_BROWSER={named} is no Chromium of version {OLDEST} or newer that runs")
    else:
        found = _installed() or _fetched()
    say(f"Chromium {found.version}: {found.binary}")
    return found


def _installed() -> Browser | None:
    paths = [*(shutil.which(name) for name in _NAMES), _playwrights()]
    return next(filter(None, (_describe(path) for path in paths if path)), None)


def _playwrights() -> str | None:
    """Where ``playwright install`` of this environment has put one, or would."""
    python = Path(sys.prefix) / "bin" / "python"
    try:
        done = subprocess.run([python, "-c", _ASK_PLAYWRIGHT], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    path = done.stdout.strip()
    return path if done.returncode == 0 and Path(path).exists() else None


def _describe(binary: str) -> Browser | None:
    """``chromium --version`` prints ``Chromium 156.0.8078.79 built on …``; None when it does not run or is too old."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"(\d+)\.\d+\.\d+\.\d+", done.stdout)
    return Browser(binary, version[0]) if version is not None and int(version[1]) >= OLDEST else None


def _fetched() -> Browser:
    folder = cache.kept_or_made(f"chromium-*-{apt.host_architecture()}", _build)
    found = _describe(str(folder / "bin" / "chromium"))
    if found is None:
        raise Trouble("the unpacked Chromium does not run: install one, or set HOTLINE_BROWSER")
    return found


def _build(folder: Path, scratch: Path) -> str:
    system = apt_sources.distribution()
    if system is None or system.name != "debian":
        # Ubuntu's package is an installer of something else.
        raise Trouble(
            "no Chromium here: install one (`playwright install --with-deps chromium`), or set HOTLINE_BROWSER"
        )
    sources = [f"{apt_sources.mirror(system.name)} {system.codename} main"]
    say("Chromium is not installed: fetching it into the cache folder, for the tests (once, about 160 MB)")
    debs = apt.PrivateApt(scratch, sources, apt_sources.keyring(system.name)).fetch(_PACKAGES, "fetching Chromium")
    version = apt.package_version(debs, _PACKAGES[0])
    # The machine's loader goes with the machine's C library, and it is the same distribution.
    needed = [deb for deb in debs if not deb.name.startswith(("libc6_", "libc-bin_"))]
    apt.unpack(needed, folder / "root", "unpacking Chromium")
    write_wrapper(folder)
    return f"chromium-{version}-{apt.host_architecture()}"


def write_wrapper(folder: Path) -> None:
    root = folder / "root"
    if not (root / _PROGRAM).is_file():
        raise Trouble(f"the packages hold no {_PROGRAM}")
    plain = sorted(root.glob("usr/lib/*-linux-gnu")) + sorted(root.glob("lib/*-linux-gnu"))
    more = sorted(path for path in root.glob("usr/lib/*-linux-gnu/*") if path.name in ("pulseaudio", "nss"))
    libraries = ":".join(f"$root/{path.relative_to(root)}" for path in [*plain, *more])
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    (bin_folder / "fonts.conf").write_text(_FONTS, encoding="utf-8")
    wrapper = bin_folder / "chromium"
    wrapper.write_text(_WRAPPER.format(libraries=libraries, program=_PROGRAM), encoding="utf-8")
    wrapper.chmod(0o755)
