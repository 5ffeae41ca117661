"""The pages (``pages/``, TypeScript) made ready to be served: ``python -m tools.build_pages [--check | --install]``.

What was built lies in the cache folder under the hash of its sources; ``.venv/pages.json`` names it for the hotline
(``hotline/pages.py``). Where they cannot be built, this says so loudly, and calls and the API go on without them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tools import cache
from tools.console import Trouble, say
from tools.get_node import Node, get_node

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = CHECKOUT / "pages"
STATE = CHECKOUT / ".venv" / "pages.json"
LOG = CHECKOUT / ".venv" / "pages.log"
NODE_LOCK = CHECKOUT / "requirements" / "node.lock"
KEPT = 5
"""So many builds stay in the cache folder: one of them may be served by a hotline that runs."""
_NOT_SOURCES = {"node_modules", "dist"}
_GENERATED = {"src/api/schema.d.ts", "src/auto-components.d.ts"}
_ASK_AGAIN_SECONDS = 3600
_NPM_SECONDS = 900
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_FAULT = re.compile(r"npm error (?!code )|UNRESOLVED_IMPORT|Error: |error: |\[[A-Z]+_ERROR\]")
_WORTH_PACKING = 1024
_PACKED = {".css", ".html", ".js", ".json", ".svg"}
UNAVAILABLE, BROKEN = 1, 2
"""What ``build`` returns: nothing could be fetched; everything is there, and the sources do not build."""


class Broken(Trouble):
    """The sources are at fault."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build_pages", description="Build the pages, if they changed.")
    parser.add_argument("--check", action="store_true", help="check types and style instead")
    parser.add_argument("--install", action="store_true", help="only fetch what building them takes")
    options = parser.parse_args(arguments)
    try:
        if options.install:
            return install()
        return check() if options.check else build(again=True)
    except KeyboardInterrupt:
        return 130


def build(*, again: bool = False) -> int:
    """Make what ``.venv/pages.json`` names fit the sources. ``again``: also when that failed a while ago."""
    known, wanted = state(), sources()
    if not _as_before(known, wanted) or (again and known["trouble"]):
        known = _build(known, wanted)
        _write(known)
    if known["trouble"]:
        served = "an older build of them is served" if known["folder"] else "calls and the API work without"
        say(f"NO PAGES: {known['trouble']}")
        say(f"{served}; `make pages` tries again")
        return BROKEN if known["broken"] else UNAVAILABLE
    return 0


def install() -> int:
    """Node.js and npm's packages, which an image keeps apart from the pages that they build."""
    try:
        node = get_node(NODE_LOCK)
        with cache.locked(cache.lock_file()):
            _install(node)
    except Trouble as trouble:
        say(f"NOTHING TO BUILD PAGES WITH: {trouble}")
        return UNAVAILABLE
    return 0


def check() -> int:
    """Types and style of the pages; what passed once is not looked at again. Nothing is checked where nothing can be
    installed, and that is said."""
    known, wanted = state(), sources()
    if known.get("checked") == wanted:
        say("pages: unchanged since their last check")
        return 0
    try:
        node = get_node(NODE_LOCK)
        with cache.locked(cache.lock_file()):
            _install(node)
    except Trouble as trouble:
        say(f"PAGES NOT CHECKED: {trouble}")
        return 0
    code = subprocess.run([*node.npm, "run", "--silent", "check"], cwd=PAGES, env=node.environment()).returncode
    if code == 0:
        _write({**known, "checked": wanted})
    return code


def sources(pages: Path | None = None) -> str:
    """A hash of all that a build depends on."""
    pages, digest = pages or PAGES, hashlib.sha256()
    for folder, folders, files in os.walk(pages):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCES and not name.startswith("."))
        for path in sorted(Path(folder) / name for name in files):
            name = path.relative_to(pages).as_posix()
            if name not in _GENERATED:
                body = path.read_bytes()
                digest.update(f"{len(name)} {name} {len(body)} ".encode() + body)
    return digest.hexdigest()


def installed(pages: Path | None = None) -> bool:
    """Whether ``node_modules`` holds what package-lock.json says: npm keeps a lock of what it installed there."""
    pages = pages or PAGES
    try:
        locked = json.loads((pages / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        here = json.loads((pages / "node_modules" / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    locked.pop("", None)

    def integrity(packages: dict[str, Any], name: str) -> object:
        return packages.get(name, {}).get("integrity")

    # An optional one is another machine's: the same program for another system.
    missing = [name for name in locked if name not in here and not locked[name].get("optional")]
    strange = [name for name in here if name not in locked or integrity(locked, name) != integrity(here, name)]
    return not missing and not strange


def state() -> dict[str, Any]:
    try:
        found = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _as_before(known: dict[str, Any], wanted: str) -> bool:
    try:
        if known["sources"] != wanted:
            return False
        if known["trouble"]:
            return 0 <= time.time() - float(known["asked"]) < _ASK_AGAIN_SECONDS
        return Path(known["folder"]).is_dir()
    except (KeyError, TypeError, ValueError):
        return False


def _build(known: dict[str, Any], wanted: str) -> dict[str, Any]:
    def make(folder: Path, scratch: Path) -> str:
        _install(node)
        out = folder / "pages"
        say("building the pages")
        try:
            _npm(node, "building the pages", "run", "--silent", "build", PAGES_OUT=str(out))
        except Trouble as error:
            raise Broken(str(error)) from error
        if not (out / "index.html").is_file():
            raise Broken(f"the build wrote no index.html (all of it: {LOG})")
        _pack(out)
        return f"pages-{wanted[:20]}"

    folder, trouble, broken = known.get("folder"), "", False
    folder = folder if isinstance(folder, str) and Path(folder).is_dir() else None
    try:
        node = get_node(NODE_LOCK)
        kept = cache.kept_or_made(f"pages-{wanted[:20]}", make)
        os.utime(kept / "complete")
        folder = str(kept / "pages")
        _forget_old()
    except Trouble as error:
        trouble, broken = str(error), isinstance(error, Broken)
    found = {"folder": folder, "sources": wanted, "trouble": trouble, "broken": broken, "asked": time.time()}
    return {**found, "checked": known.get("checked")}


def _install(node: Node) -> None:
    if not installed():
        say("installing what the pages are built with (pages/package-lock.json)")
        # No package's own script runs.
        _npm(node, "installing what the pages are built with", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def _npm(node: Node, title: str, *arguments: str, **environment: str) -> None:
    """Its output goes into a file, of which a failure names one line."""
    with LOG.open("w", encoding="utf-8") as log:
        command = [*node.npm, *arguments]
        try:
            done = subprocess.run(
                command, cwd=PAGES, env=node.environment(**environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, timeout=_NPM_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Trouble(f"{title}: npm {arguments[0]}: {type(error).__name__}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in _COLOUR.sub("", LOG.read_text("utf-8", "replace")).splitlines()]
        errors = [line for line in lines if _FAULT.search(line)] or [line for line in lines if line]
        raise Trouble(f"{title}: {errors[0][:200] if errors else 'npm failed'} (all of it: {LOG})")


def _pack(folder: Path) -> None:
    """Each file also as ``.gz``, which the web server gives to whoever takes it."""
    for path in sorted(folder.rglob("*")):
        # The two pages themselves are not served as they lie there.
        if path.suffix in _PACKED and path.parent != folder and path.stat().st_size >= _WORTH_PACKING:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _forget_old() -> None:
    complete = sorted(cache.cache_folder().glob("pages-*/complete"), key=lambda path: path.stat().st_mtime)
    for path in complete[:-KEPT]:
        shutil.rmtree(path.parent, ignore_errors=True)


def _write(known: dict[str, Any]) -> None:
    temporary = STATE.with_suffix(".new")
    temporary.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    temporary.replace(STATE)


if __name__ == "__main__":
    sys.exit(main())
