"""Secrets of this instance: made on first run, kept below ``<home>`` in files of mode 0600, never logged.

``secrets.toml``      passwords; a lost one is made anew
``confidential.keys`` keys of the confidential text in the database; a lost one is lost with all that it sealed
``recordings.keys``   keys of the recordings, where ``[recording] encrypt`` is or was set; likewise
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hotline.settings import Settings, SettingsError

# No letters that are mistaken for digits: agents type these into their phones. 20 of 32 letters are 100 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789_"
_LENGTH = 20
# They are written into Asterisk's configuration, where some characters would mean something.
_ALLOWED = re.compile(r"[A-Za-z0-9_-]{12,64}")
_HEAD = "# Made on first run. Anybody who reads this can listen to calls. Delete a line to get a new secret.\n"
KEY_FILE = "confidential.keys"
_KEY_ID = re.compile(r"[a-z0-9-]{1,32}")
_KEY_BYTES = 32
_KEY_HEAD = """\
# Made on first run. These keys open the confidential text in the database: keep a copy where the database's backups
# are NOT. To rotate, append a line with a new id and `openssl rand -base64 32`; the last one seals, all of them open.
"""
SOUND_KEY_FILE = "recordings.keys"
_SOUND_KEY_HEAD = """\
# These keys open the recordings: keep a copy where the recordings' backups are NOT. What a lost one sealed is lost.
# `hotline recordings rekey --new-key` appends one; the last one seals, all of them open.
"""


@dataclass(frozen=True)
class Secrets:
    """``agents``: SIP password by extension."""

    ami: str = field(repr=False)
    database: str = field(repr=False)
    agents: Mapping[str, str] = field(repr=False)


def load_secrets(settings: Settings) -> Secrets:
    """What ``hotline run`` made. Raises SettingsError (one line) when there is none or it is damaged."""
    found = _passwords(settings.secrets_file)
    try:
        return Secrets(found["ami"], found["database"], found.get("agents", {}))
    except KeyError as error:
        raise SettingsError(
            f"{settings.secrets_file} has no secret {error}: start `hotline run` once to make it"
        ) from error


def load_or_create(settings: Settings, extensions: Iterable[str]) -> Secrets:
    """The instance's secrets, with a SIP password for each of ``extensions``; missing ones are made and written."""
    found = _passwords(settings.secrets_file)
    agents = {**found.get("agents", {})}
    for extension in extensions:
        agents.setdefault(extension, _new())
    wanted = Secrets(found.get("ami") or _new(), found.get("database") or _new(), agents)
    if asdict(wanted) != found:
        _write(settings.secrets_file, _toml(wanted))
    return wanted


def confidential_keys(settings: Settings, *, create: bool = False) -> dict[str, bytes]:
    """Keys for :class:`people.secrets_box.Box`, the newest last. Raises SettingsError.

    ``create``: the first one is made when there is no file.
    """
    path = settings.home / KEY_FILE
    if not path.exists():
        if not create:
            raise SettingsError(
                f"{path} is missing: it opens the confidential text. Put its copy back; on a new instance start "
                "`hotline run` once to make it 保密密钥文件缺失"
            )
        _write(path, _KEY_HEAD + _key_line(), replace=False)
    return _keys(path)


def recording_keys(settings: Settings) -> dict[str, bytes]:
    """Keys for :class:`calls.recording_seal.Keys`, the newest last; none without the file. Raises SettingsError."""
    path = settings.home / SOUND_KEY_FILE
    return _keys(path) if path.exists() else {}


def add_recording_key(settings: Settings) -> str:
    """Seals from now on; the earlier ones stay. Returns its id. Raises SettingsError, OSError."""
    path = settings.home / SOUND_KEY_FILE
    recording_keys(settings)
    line = _key_line()
    if not path.exists():
        _write(path, _SOUND_KEY_HEAD + line, replace=False)
    else:
        found = path.read_text(encoding="utf-8")
        _write(path, found + ("" if found.endswith("\n") else "\n") + line)
    return list(_keys(path))[-1]


def _key_line() -> str:
    key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    return f'{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)} = "{key}"\n'


def _keys(path: Path) -> dict[str, bytes]:
    keys = {}
    for key_id, text in _read(path).items():
        try:
            keys[key_id] = base64.b64decode(text, validate=True)
        except (TypeError, ValueError):
            keys[key_id] = b""
        if len(keys[key_id]) != _KEY_BYTES or not _KEY_ID.fullmatch(key_id):
            raise SettingsError(f"{path}: key {key_id} must be {_KEY_BYTES} bytes in base64, named by a-z, 0-9 and -")
    if not keys:
        raise SettingsError(f"{path}: no key in it")
    return keys


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
    return found


def _passwords(path: Path) -> dict[str, Any]:
    """What secrets.toml holds; a complaint names the faulty entry, never its value."""
    found = _read(path)
    agents = found.get("agents", {})
    if not isinstance(agents, dict) or set(found) - {"ami", "database", "agents"}:
        raise SettingsError(f"{path}: only ami, database and [agents] belong here")
    for name, value in [(name, found[name]) for name in ("ami", "database") if name in found] + list(agents.items()):
        if not isinstance(value, str) or not _ALLOWED.fullmatch(value):
            raise SettingsError(f"{path}: secret {name} must be 12 to 64 letters, digits, - or _")
    return found


def _toml(values: Secrets) -> str:
    lines = [f'ami = "{values.ami}"\n', f'database = "{values.database}"\n', "\n[agents]\n"]
    lines += [f'"{extension}" = "{password}"\n' for extension, password in sorted(values.agents.items())]
    return _HEAD + "".join(lines)


def _write(path: Path, text: str, *, replace: bool = True) -> None:
    """Whole or not at all. ``replace=False`` leaves a file alone that somebody else made in the meantime."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new") if replace else path.with_suffix(f".{os.getpid()}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        new.replace(path)
        return
    with suppress(FileExistsError):
        path.hardlink_to(new)
    new.unlink()
