"""Prepare this checkout to run: ``python3 -m tools.bootstrap [--dev] [--phone]``. Standard library only.

Makes ``.venv`` (server) and ``.venv-phone`` (SIP phone) from the locks, finds or unpacks Asterisk, and writes what it
found to ``.venv/tools.json``. When nothing has changed it looks at a few files and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools import cache, venvs
from tools.console import Trouble, say

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PHONE_VENV = CHECKOUT / ".venv-phone"
TOOLS_FILE = VENV / "tools.json"
LOCKS = CHECKOUT / "requirements"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap", description="Prepare this checkout to run.")
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--phone", action="store_true", help="try again to get the SIP phone")
    options = parser.parse_args(arguments)
    # Started by root, PostgreSQL's programs run as another user: that user must be able to read them.
    os.umask(0o022)
    try:
        prepare(dev=options.dev, retry_phone=options.phone)
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
    try:
        found = json.loads(TOOLS_FILE.read_text(encoding="utf-8"))
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
