"""Random tokens of which only the SHA-256 is kept: who reads the database cannot sign in with what stands there.

256 random bits need no slow hash (OWASP Session Management asks for at least 64 bits of entropy).
"""

from __future__ import annotations

import hashlib
import secrets


def new_token(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
