"""Passwords and keys in a backup: only when asked for, sealed with a passphrase or, said explicitly, in the open."""

from __future__ import annotations

import base64
import json
import secrets
import tomllib
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hotline.backup_manifest import BackupError
from hotline.secrets import KEY_FILE, SOUND_KEY_FILE
from hotline.settings import Settings

SETTINGS = "settings.toml"
SHORTEST = 12
"""Letters of a passphrase."""
_ABOUT = b"hotline backup secrets 1"
_COST = 2**15


def secret_files(settings: Settings) -> dict[str, str]:
    """Name to text of what nobody else may read. ``settings.toml`` is among them if passwords stand in it."""
    names = [settings.secrets_file.name, KEY_FILE, SOUND_KEY_FILE]
    if has_passwords(settings.home / SETTINGS):
        names.append(SETTINGS)
    found = {}
    for name in names:
        path = settings.home / name
        if path.exists():
            found[name] = path.read_text(encoding="utf-8")
    return found


def has_passwords(path: Path) -> bool:
    """``database.url``, the trunk's password, the secrets of webhooks."""
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    sip = found.get("sip", {}).get("trunk", {}).get("password")
    return bool(sip or found.get("database", {}).get("url") or found.get("notify", {}).get("webhooks"))


def read_passphrase(path: Path) -> str:
    """The file's first line. Raises BackupError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    phrase = lines[0].strip() if lines else ""
    if len(phrase) < SHORTEST:
        raise BackupError(f"{path}: a passphrase of {SHORTEST} letters at least belongs on its first line")
    return phrase


def seal(files: dict[str, str], passphrase: str) -> str:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, json.dumps(files).encode(), _ABOUT)
    return json.dumps({name: base64.b64encode(value).decode() for name, value in _named(salt, nonce, sealed)}) + "\n"


def unseal(text: str, passphrase: str) -> dict[str, str]:
    """Raises BackupError."""
    try:
        found = {name: base64.b64decode(value, validate=True) for name, value in json.loads(text).items()}
        plain = AESGCM(_key(passphrase, found["salt"])).decrypt(found["nonce"], found["sealed"], _ABOUT)
    except InvalidTag:
        raise BackupError("the passphrase is not the one that this backup's secrets were sealed with") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError("the sealed secrets are damaged") from error
    files: dict[str, str] = json.loads(plain)
    return files


def _named(salt: bytes, nonce: bytes, sealed: bytes) -> list[tuple[str, bytes]]:
    return [("salt", salt), ("nonce", nonce), ("sealed", sealed)]


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
