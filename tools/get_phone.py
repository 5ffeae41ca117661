"""The terminal's SIP phone in an environment of its own: its library is GPL, with wheels for Python 3.11 and 3.12."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools import apt, apt_sources, cache, venvs
from tools.console import Trouble, say

_FITTING = ((3, 11), (3, 12))
_PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "libgcc-s1")


def get_phone(folder: Path, lock: Path) -> str:
    """Fill ``folder`` and return its interpreter. Raises Trouble when this machine cannot have a phone."""
    python = _fitting_python()
    if python is not None:
        venvs.ensure(folder, python)
    else:
        _environment_of_unpacked_python(folder)
    interpreter = folder / "bin/python"
    venvs.install(folder, lock, "installing the SIP phone")
    done = subprocess.run([interpreter, "-c", "import pjsua2"], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Trouble(f"the SIP phone does not start: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return str(interpreter)


def _fitting_python() -> str | None:
    if sys.version_info[:2] in _FITTING:
        return venvs.BASE_PYTHON
    for name in ("python3.12", "python3.11"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", "import venv"], capture_output=True, timeout=60).returncode == 0:
            return found
    return None


def _environment_of_unpacked_python(folder: Path) -> None:
    tree = cache.kept_or_made(f"python-3.11.*-{apt.host_architecture()}", _build_python)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "lib/python3.11/site-packages").mkdir(parents=True)
    home = tree / "root/usr/bin"
    (folder / "pyvenv.cfg").write_text(
        f"home = {home}\ninclude-system-site-packages = false\nversion = 3.11\n", encoding="utf-8"
    )
    # Named like the environment's own interpreter, it finds pyvenv.cfg and behaves as one.
    cache.write_wrapper(folder / "bin/python", tree / "root", "usr/bin/python3.11", "$here/python")
    wheel = str(venvs.pip_wheel())
    venvs.check(
        [str(folder / "bin/python"), f"{wheel}/pip", "install", "--quiet", "--no-index", "--no-deps", wheel],
        f"cannot install pip into {folder}",
    )


def _build_python(folder: Path, scratch: Path) -> str:
    system = apt_sources.distribution()
    if system is None or system.name != "debian":
        raise Trouble("the SIP phone needs Python 3.11 or 3.12: install one of them beside this one")
    say("The SIP phone needs Python 3.11: fetching it into the cache folder (once, about 15 MB)")
    source = f"{apt_sources.mirror('debian')} bookworm main"
    box = apt.PrivateApt(scratch, [source], apt_sources.keyring("debian"))
    debs = box.fetch(_PACKAGES, "fetching Python 3.11")
    apt.unpack(debs, folder / "root", "unpacking Python 3.11")
    return f"python-{apt.package_version(debs, 'python3.11-minimal')}-{apt.host_architecture()}"
