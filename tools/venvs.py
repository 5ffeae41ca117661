"""Virtual environments from hashed locks. Works where Debian leaves out ``ensurepip`` (python3-venv)."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools import apt, apt_sources, cache
from tools.console import Progress, Trouble

BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
"""The interpreter that environments are made from, even when this runs inside one of them."""
_PIP_TIMEOUT_SECONDS = 3600


def stamp_value(folder: Path, lock: Path, python: str) -> str:
    """Changes with the lock's text, the interpreter and the environment's place (its scripts name it)."""
    parts = (lock.read_bytes(), python.encode(), str(folder).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_current(folder: Path, lock: Path, python: str) -> bool:
    try:
        return _stamp_file(folder, lock).read_text(encoding="ascii") == stamp_value(folder, lock, python)
    except OSError:
        return False


def set_current(folder: Path, lock: Path, python: str) -> None:
    _stamp_file(folder, lock).write_text(stamp_value(folder, lock, python), encoding="ascii")


def _stamp_file(folder: Path, lock: Path) -> Path:
    return folder / f"stamp-{lock.stem}"


def ensure(folder: Path, python: str) -> None:
    """An environment of exactly this interpreter, with pip; one that is broken or was moved is made anew."""
    if _works(folder, python):
        return
    if folder.exists() and not (folder / "pyvenv.cfg").exists():
        raise Trouble(f"{folder} is in the way and is no virtual environment: move it away")
    shutil.rmtree(folder, ignore_errors=True)
    check([python, "-m", "venv", "--without-pip", str(folder)], f"cannot make {folder}")
    wheel = str(pip_wheel())
    install_pip = [str(folder / "bin/python"), f"{wheel}/pip", "install", "--quiet", "--no-index", "--no-deps", wheel]
    check(install_pip, f"cannot install pip into {folder}")


def _works(folder: Path, python: str) -> bool:
    probe = "import sys, pip; print(sys.base_prefix, sys.version_info[:2], sys.prefix)"
    own = "import sys; print(sys.base_prefix, sys.version_info[:2])"
    try:
        inside = subprocess.run([folder / "bin/python", "-c", probe], capture_output=True, text=True, timeout=60)
        outside = subprocess.run([python, "-c", own], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return inside.returncode == 0 and inside.stdout.strip() == f"{outside.stdout.strip()} {folder}"


def install(folder: Path, lock: Path, title: str) -> None:
    """Install exactly what the lock lists, hashes checked. Wheels only, but for ``srt``, which has none."""
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--no-build-isolation", "--only-binary", ":all:", "--no-binary", "srt"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--requirement", str(lock)]
    total = len(re.findall(r"^[a-zA-Z]", lock.read_text(encoding="utf-8"), re.MULTILINE))
    progress = Progress(title, every=50.0)
    log = folder / "install.log"
    collected = 0
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, env=_pip_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        for line in process.stdout or ():
            file.write(line)
            if line.startswith("Collecting "):
                collected += 1
                progress.update(min(99.0, 100 * collected / total), line.split()[1])
    if process.returncode != 0:
        errors = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("ERROR:")]
        raise Trouble(f"{title}: {errors[0] if errors else 'pip failed'} (all of it: {log})")
    progress.done()


def add_checkout(folder: Path, checkout: Path) -> None:
    """Make the checkout importable and ``bin/hotline`` work, without a build."""
    site = next((folder / "lib").glob("python3.*")) / "site-packages"
    (site / "hotline-checkout.pth").write_text(f"{checkout}\n", encoding="utf-8")
    version = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    about = site / f"hotline-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hotline\nVersion: {version}\n", encoding="utf-8")
    script = folder / "bin" / "hotline"
    python = shlex.quote(str(folder / "bin/python"))
    # sh runs the second line; Python reads it as a string. A path too long or with blanks does not fit into "#!".
    script.write_text(
        f"#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n"
        "import sys\n\nfrom hotline.cli import main\n\nsys.exit(main())\n",
        encoding="utf-8",
    )
    script.chmod(0o755)


def pip_wheel() -> Path:
    """A pip to start from: the interpreter's own, the distribution's, or unpacked from its package."""
    bundled = sorted((Path(os.__file__).parent / "ensurepip" / "_bundled").glob("pip-*.whl"))
    packaged = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    if bundled or packaged:
        return (bundled or packaged)[-1]
    system = apt_sources.distribution()
    if system is None:
        raise Trouble(f"{sys.executable} comes without pip (ensurepip): install your system's python3-venv package")
    folder = cache.kept_or_made(f"pip-*-{system.name}", _build_pip)
    return next((folder / "root/usr/share/python-wheels").glob("pip-*.whl"))


def _build_pip(folder: Path, scratch: Path) -> str:
    system = apt_sources.distribution()
    assert system is not None
    components = "main universe" if system.name == "ubuntu" else "main"
    source = f"{apt_sources.mirror(system.name)} {system.codename} {components}"
    box = apt.PrivateApt(scratch, [source], apt_sources.keyring(system.name))
    debs = box.fetch(["python3-pip-whl"], "fetching pip", with_dependencies=False)
    apt.unpack(debs, folder / "root", "unpacking pip")
    return f"pip-{apt.package_version(debs, 'python3-pip-whl')}-{system.name}"


def _pip_environment() -> dict[str, str]:
    """The machine's pip settings (mirror, certificates), less those that would install somewhere else."""
    unwanted = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV"}
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return {**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}


def check(command: Sequence[str], trouble: str) -> None:
    try:
        done = subprocess.run(
            command, env=_pip_environment(), capture_output=True, text=True, timeout=_PIP_TIMEOUT_SECONDS
        )
    except OSError as error:
        raise Trouble(f"{trouble}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Trouble(f"{trouble}: {lines[-1] if lines else 'failed'}")
