"""Passwords of this instance: made on first run, kept in ``<home>/secrets.toml`` (0600), never logged."""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hotline.settings import Settings, SettingsError

# No letters that are mistaken for digits: agents type these into their phones. 20 of 32 letters are 100 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789_"
_LENGTH = 20
# They are written into Asterisk's configuration, where some characters would mean something.
_ALLOWED = re.compile(r"[A-Za-z0-9_-]{12,64}")
_HEAD = "# Made on first run. Anybody who reads this can listen to calls. Delete a line to get a new secret.\n"


@dataclass(frozen=True)
class Secrets:
    """``agents``: SIP password by extension."""

    ami: str = field(repr=False)
    database: str = field(repr=False)
    agents: Mapping[str, str] = field(repr=False)


def load_secrets(settings: Settings) -> Secrets:
    """What ``hotline run`` made. Raises SettingsError (one line) when there is none or it is damaged."""
    found = _read(settings.secrets_file)
    try:
        return Secrets(found["ami"], found["database"], found.get("agents", {}))
    except KeyError as error:
        raise SettingsError(
            f"{settings.secrets_file} has no secret {error}: start `hotline run` once to make it"
        ) from error


def load_or_create(settings: Settings, extensions: Iterable[str]) -> Secrets:
    """The instance's secrets, with a SIP password for each of ``extensions``; missing ones are made and written."""
    found = _read(settings.secrets_file)
    agents = {**found.get("agents", {})}
    for extension in extensions:
        agents.setdefault(extension, _new())
    wanted = Secrets(found.get("ami") or _new(), found.get("database") or _new(), agents)
    if asdict(wanted) != found:
        _write(settings.secrets_file, wanted)
    return wanted


def _new() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingsError(f"{path} can be read by others: chmod 600 {path}")
            found = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    _check(path, found)
    return found


def _check(path: Path, found: Mapping[str, Any]) -> None:
    """Names the faulty entry, never its value."""
    agents = found.get("agents", {})
    if not isinstance(agents, dict) or set(found) - {"ami", "database", "agents"}:
        raise SettingsError(f"{path}: only ami, database and [agents] belong here")
    for name, value in [(name, found[name]) for name in ("ami", "database") if name in found] + list(agents.items()):
        if not isinstance(value, str) or not _ALLOWED.fullmatch(value):
            raise SettingsError(f"{path}: secret {name} must be 12 to 64 letters, digits, - or _")


def _write(path: Path, values: Secrets) -> None:
    lines = [f'ami = "{values.ami}"\n', f'database = "{values.database}"\n', "\n[agents]\n"]
    lines += [f'"{extension}" = "{password}"\n' for extension, password in sorted(values.agents.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEAD + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
