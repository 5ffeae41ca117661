"""Packages of the distribution without installing them and without root: apt with a private state, then unpacked.

apt checks the mirror's signature and every package's hash; nothing here switches that off.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.console import Progress, Trouble

_TIMEOUT_SECONDS = 1800
_ADVICE = "check the network and this machine's apt sources, then start again"


def host_architecture() -> str:
    """Debian's name of this machine's architecture: amd64, arm64…"""
    try:
        done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise Trouble(
            "no Asterisk here, and it can be unpacked on Debian and Ubuntu only: "
            "install Asterisk 20 or newer, or use `docker compose up`"
        ) from error
    return done.stdout.strip()


class PrivateApt:
    """One set of sources in a folder of its own. The machine's lists, cache and package database are not touched."""

    def __init__(self, folder: Path, sources: Sequence[str], keyring: Path) -> None:
        """``sources``: ``URI SUITE COMPONENT…`` each."""
        self._folder = folder
        self._env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C.UTF-8"}
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_bytes(b"")
        lines = [f"deb [signed-by={keyring}] {source}\n" for source in sources]
        (folder / "sources.list").write_text("".join(lines), encoding="utf-8")
        (folder / "apt.conf").write_text(self._config(), encoding="utf-8")

    def fetch(self, packages: Sequence[str], title: str, *, with_dependencies: bool = True) -> list[Path]:
        """Download ``packages`` (and what they need), verified. Raises Trouble with one line."""
        self._update(title)
        if not with_dependencies:
            self._run(["apt-get", "download", *packages], title, cwd=self._archives)
        else:
            options = ["--yes", "--download-only", "--no-install-recommends"]
            self._run_with_progress(["apt-get", *options, "install", *packages], title)
        debs = sorted(self._archives.glob("*.deb"))
        if not debs:
            raise Trouble(f"{title}: apt fetched nothing for {' '.join(packages)}")
        return debs

    @property
    def _archives(self) -> Path:
        return self._folder / "cache" / "archives"

    def _config(self) -> str:
        values = {
            "Dir::State": self._folder / "state",
            "Dir::State::lists": self._folder / "lists",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder / "cache",
            "Dir::Etc::sourcelist": self._folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "-",
            # The machine's own hooks and defaults stay out; its proxy settings are copied below.
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "-",
            "Dir::Log": self._folder / "state",
            # Without this, root would fetch as the user _apt, who may not reach the cache folder.
            "APT::Sandbox::User": "",
            "APT::Architectures": host_architecture(),
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "60",
            "Acquire::https::Timeout": "60",
            "Dpkg::Use-Pty": "false",
        }
        return "".join(f'{key} "{value}";\n' for key, value in values.items()) + _machine_transport_settings()

    def _update(self, title: str) -> None:
        update = ["apt-get", "update", "-o", "APT::Update::Error-Mode=any"]
        try:
            self._run(update, title)
        except Trouble as first:
            # A frozen mirror (a snapshot) serves a signed but outdated index.
            if "expired" not in str(first) and "not valid" not in str(first).lower():
                raise
            self._run([*update, "-o", "Acquire::Check-Valid-Until=false"], title)

    def _run(self, command: Sequence[str], title: str, cwd: Path | None = None) -> None:
        try:
            done = subprocess.run(
                command, env=self._env, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
            )
        except FileNotFoundError as error:
            raise Trouble(f"{title}: this machine has no {error.filename}") from error
        except subprocess.TimeoutExpired as error:
            raise Trouble(f"{title}: the mirror took too long; run the same command again") from error
        if done.returncode != 0:
            raise Trouble(f"{title}: {_first_error(done.stderr)} ({_ADVICE})")

    def _run_with_progress(self, command: Sequence[str], title: str) -> None:
        progress = Progress(title)
        detail = ""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
            reporting = [*command, "-o", "APT::Status-Fd=1"]
            with subprocess.Popen(
                reporting, env=self._env, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process:
                for line in process.stdout or ():
                    if size := re.match(r"Need to get (?:\S+ \S+/)?([\d.,]+ .?B)", line):
                        detail = f"of {size[1]}"
                    elif line.startswith("dlstatus:"):
                        progress.update(float(line.split(":")[2]), detail)
            if process.returncode != 0:
                errors.seek(0)
                raise Trouble(f"{title}: {_first_error(errors.read())} ({_ADVICE})")
        progress.done(detail)


def unpack(debs: Sequence[Path], folder: Path, title: str) -> None:
    """Lay the packages' files into ``folder``. No package script runs."""
    progress = Progress(title)
    folder.mkdir(parents=True, exist_ok=True)
    for count, deb in enumerate(debs, start=1):
        done = subprocess.run(["dpkg-deb", "-x", str(deb), str(folder)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"{title}: {deb.name}: {_first_error(done.stderr)}")
        progress.update(100 * count / len(debs), f"({count} of {len(debs)} packages)")
    progress.done()


def package_version(debs: Sequence[Path], package: str) -> str:
    """Upstream version of ``package`` among downloaded files, such as 22.10.1."""
    for deb in debs:
        if deb.name.startswith(f"{package}_"):
            version = deb.name.split("_")[1].replace("%3a", ":")
            return re.split(r"[-+~]", version.rpartition(":")[2])[0]
    raise Trouble(f"apt fetched no package {package}")


def _machine_transport_settings() -> str:
    """Proxy, certificates and the like from the machine's own apt configuration."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, timeout=60)
    wanted = re.compile(r"^Acquire::(https?|ftp)::.*\"[^\"]+\";$|^Acquire::(Proxy|http-proxy)", re.IGNORECASE)
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if wanted.match(line) and "Timeout" not in line)


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if line.startswith(("E:", "Err:")):
            return line
    return lines[-1] if lines else "failed without a message"
