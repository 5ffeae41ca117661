"""First run: while there is no administrator, a one-time link makes one. Only the SHA-256 of what is in it is kept, in
``<home>/run/setup-token`` (0600); a new link ends the one before.

The secret is the part of the address after ``#``, which browsers send to nobody.
"""

from __future__ import annotations

import hmac
import os
from ipaddress import ip_address
from pathlib import Path

from hotline.db import open_engine
from hotline.settings import Settings
from people import accounts
from people.opaque import digest, new_token

FILE = "setup-token"
_ADDRESS = "/desk/setup#"


class SetupFile:
    """:class:`web.api.services.SetupLink`."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE

    def make(self) -> str:
        """A new token. Raises OSError."""
        token = new_token()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(digest(token).hex())
        new.replace(self._path)
        return token

    def matches(self, token: str) -> bool:
        try:
            known = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False
        return hmac.compare_digest(digest(token).hex(), known)

    def spend(self) -> None:
        self._path.unlink(missing_ok=True)


async def setup_link(settings: Settings) -> str | None:
    """A new link; None where there is an administrator. Raises what the database raises, and OSError."""
    file = SetupFile(settings.run_dir)
    async with open_engine(settings, pool_size=1) as engine, engine.connect() as connection:
        if await accounts.has_administrator(connection):
            file.spend()
            return None
    return f"{web_address(settings)}{_ADDRESS}{file.make()}"


def web_address(settings: Settings) -> str:
    """As a browser on this machine reaches the web server."""
    address = ip_address(settings.web.bind) if _is_address(settings.web.bind) else None
    if address is not None and address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "[::1]"
    else:
        host = f"[{settings.web.bind}]" if address is not None and address.version == 6 else settings.web.bind
    return f"http://{host}:{settings.web.port}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
