"""Prepare this checkout to run: ``python3 -m tools.bootstrap [--dev] [--phone]``. Standard library only.

Makes ``.venv`` (server) and ``.venv-phone`` (SIP phone) from the locks, finds or unpacks Asterisk, and writes what it
found to ``.venv/tools.json``; then builds the pages and fetches the speech models. When nothing has changed it looks
at a few files.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools import build_pages, cache, venvs
from tools.console import Trouble, say

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PHONE_VENV = CHECKOUT / ".venv-phone"
TOOLS_FILE = VENV / "tools.json"
MODELS_FILE = VENV / "models.json"
KAMAILIO_FILE = VENV / "kamailio.json"
BROWSER_FILE = VENV / "browser.json"
LOCKS = CHECKOUT / "requirements"
_MODELS_SECONDS = 1800
_ASK_AGAIN_SECONDS = 24 * 3600


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap", description="Prepare this checkout to run.")
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--phone", action="store_true", help="try again to get the SIP phone")
    options = parser.parse_args(arguments)
    # Started by root, PostgreSQL's programs run as another user: that user must be able to read them.
    os.umask(0o022)
    try:
        prepare(dev=options.dev, retry_phone=options.phone)
        build_pages.build()
        fetch_models(dev=options.dev)
        if options.dev:
            fetch_kamailio()
            fetch_browser()
    except Trouble as trouble:
        print(f"hotline: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nhotline: interrupted; the next start goes on from here", file=sys.stderr)
        return 130
    return 0


def prepare(*, dev: bool, retry_phone: bool) -> None:
    names = ["build", "run", *(["dev"] if dev else [])]
    locks = [LOCKS / f"{name}.lock" for name in names]
    tools = _read_tools()
    if _environment_ready(locks) and _tools_present(tools) and not retry_phone:
        _warn_about_phone(tools)
        return
    # flock works on a file opened for reading: no lock file is left in the checkout.
    with cache.locked(LOCKS / "run.lock"):
        _prepare_environment(locks)
        tools = _read_tools()
        if not _tools_present(tools) or retry_phone:
            tools = _prepare_tools()
        _warn_about_phone(tools)


def fetch_models(*, dev: bool) -> None:
    """Speech models that are not here yet; the keys serve without any. What cannot be had is asked for once a day."""
    known, wanted = _read_json(MODELS_FILE), _models_wanted()
    if not _models_as_before(known, wanted, dev):
        command = [str(VENV / "bin" / "hotline"), "models", "fetch", "--start", *(["--dev"] if dev else [])]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_MODELS_SECONDS)
            known = {**json.loads(done.stdout), "dev": dev, "wanted": wanted, "asked": time.time()}
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            say(f"speech models: `hotline models fetch` failed ({type(error).__name__}): try it by hand")
            return
        MODELS_FILE.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    for line in known["say"]:
        say(line)


def fetch_kamailio() -> None:
    """For the tests with two nodes, which say so when they cannot run."""
    from tools.get_kamailio import get_kamailio

    trouble = _found_or_fetched(KAMAILIO_FILE, ("binary", "modules"), lambda: asdict(get_kamailio()))
    if trouble:
        say(f"NO KAMAILIO: {trouble}; the tests with two nodes will be skipped")


def fetch_browser() -> None:
    """For the tests of the pages, which say so when they cannot run."""
    from tools.get_browser import get_browser

    trouble = _found_or_fetched(BROWSER_FILE, ("binary",), lambda: asdict(get_browser()))
    if trouble:
        say(f"NO BROWSER: {trouble}; the tests of the pages will be skipped")


def _found_or_fetched(file: Path, paths: Sequence[str], get: Callable[[], dict[str, Any]]) -> str:
    """Why there is none. What cannot be had is asked for once a day."""
    known = _read_json(file)
    here = all(Path(str(known.get(name) or "/nowhere")).exists() for name in paths)
    if not here and not 0 <= time.time() - float(known.get("asked") or 0) < _ASK_AGAIN_SECONDS:
        try:
            known = get()
        except Trouble as trouble:
            known = {"trouble": str(trouble), "asked": time.time()}
        file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return str(known.get("trouble") or "")


def _models_wanted() -> dict[str, str]:
    """The two settings that decide which models are fetched, and where to, as ``hotline/settings.py`` reads them."""
    home = Path(os.environ.get("HOTLINE_HOME") or CHECKOUT / "var").expanduser()
    try:
        speech = tomllib.loads((home / "settings.toml").read_text(encoding="utf-8"))["speech"]
        written = {name: str(value) for name, value in speech.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        written = {}
    usual = {"engine": "auto", "models_dir": str(cache.cache_folder() / "models")}
    return {
        name: os.environ.get(f"HOTLINE_SPEECH__{name.upper()}") or written.get(name, value)
        for name, value in usual.items()
    }


def _models_as_before(known: dict[str, Any], wanted: dict[str, str], dev: bool) -> bool:
    try:
        here = all(Path(path).exists() for path in known["present"])
        gone = not any(Path(path).exists() for path in known["absent"])
        fresh = not known["absent"] or 0 <= time.time() - known["asked"] < _ASK_AGAIN_SECONDS
        return here and gone and fresh and known["wanted"] == wanted and (known["dev"] or not dev)
    except (KeyError, TypeError):
        return False


def _environment_ready(locks: list[Path]) -> bool:
    return all(venvs.is_current(VENV, lock, sys.version) for lock in locks)


def _prepare_environment(locks: list[Path]) -> None:
    if _environment_ready(locks):
        return
    venvs.ensure(VENV, venvs.BASE_PYTHON)
    for lock in locks:
        if not venvs.is_current(VENV, lock, sys.version):
            venvs.install(VENV, lock, f"installing {lock.relative_to(CHECKOUT)}")
            venvs.set_current(VENV, lock, sys.version)
    venvs.add_checkout(VENV, CHECKOUT)


def _prepare_tools() -> dict[str, Any]:
    # Imported late: the usual start needs neither.
    from tools.get_asterisk import get_asterisk
    from tools.get_phone import get_phone

    asterisk = get_asterisk()
    lock = LOCKS / "phone.lock"
    phone, trouble = None, ""
    try:
        phone = get_phone(PHONE_VENV, lock)
        venvs.set_current(PHONE_VENV, lock, sys.version)
    except Trouble as error:
        trouble = str(error)
    tools = {"asterisk": asdict(asterisk), "phone_python": phone, "phone_trouble": trouble}
    temporary = TOOLS_FILE.with_suffix(".new")
    temporary.write_text(json.dumps(tools, indent=2) + "\n", encoding="utf-8")
    temporary.replace(TOOLS_FILE)
    return tools


def _read_tools() -> dict[str, Any]:
    return _read_json(TOOLS_FILE)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tools_present(tools: dict[str, Any]) -> bool:
    """Everything named is still there, and the phone (or the reason for having none) fits the lock."""
    try:
        asterisk = tools["asterisk"]
        paths = [asterisk["binary"], asterisk["modules"], asterisk["data"]]
        phone = tools["phone_python"]
        trouble = tools["phone_trouble"]
    except (KeyError, TypeError):
        return False
    if phone is None:
        return bool(trouble) and all(Path(path).exists() for path in paths)
    current = venvs.is_current(PHONE_VENV, LOCKS / "phone.lock", sys.version)
    return current and all(Path(path).exists() for path in [*paths, phone])


def _warn_about_phone(tools: dict[str, Any]) -> None:
    if tools.get("phone_python") is None:
        say(f"NO SIP PHONE: {tools.get('phone_trouble')}")
        say("`hotline call` and `hotline agent-phone` will not work (other SIP phones do); `make phone` tries again")


if __name__ == "__main__":
    sys.exit(main())
