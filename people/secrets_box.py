"""Confidential text at rest: AES-256-GCM, sealed to the ticket it belongs to.

Envelope: ``hl1.<key id>.<base64url of nonce 12 bytes, ciphertext, tag 16 bytes>``. The ticket's number is associated
data: a text copied into another ticket does not open there. Nonces are random: at most 2**32 texts with one key
(NIST SP 800-38D, 8.3), which no city reaches. To rotate, add a key at the end; what older ones sealed still opens, and
:meth:`Box.stale` tells what to seal again.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_ID = re.compile(r"[a-z0-9-]{1,32}")
_MARK = "hl1"
_NONCE_BYTES = 12


class BoxFault(Exception):
    """A text that does not open: damaged, moved from another ticket, or its key is not here. Never says the text."""


class Box:
    """``keys``: 32 bytes by key id, the newest last; that one seals."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("no key")
        for key_id, key in keys.items():
            if not KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise ValueError(f"key {key_id!r}: a key is {KEY_BYTES} bytes, its id 1 to 32 of a-z, 0-9 and -")
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = list(keys)[-1]

    def __repr__(self) -> str:
        return f"Box({', '.join(self._keys)})"

    def seal(self, text: str, ticket: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._keys[self._newest].encrypt(nonce, text.encode(), ticket.encode())
        return f"{_MARK}.{self._newest}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, envelope: str, ticket: str) -> str:
        """Raises BoxFault."""
        key_id, sealed = _split(envelope)
        key = self._keys.get(key_id)
        if key is None:
            raise BoxFault(f"ticket {ticket}: sealed with key {key_id}, which is not in the key file")
        try:
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], ticket.encode()).decode()
        except (InvalidTag, ValueError):
            raise BoxFault(f"ticket {ticket}: the text is damaged or was sealed for another ticket") from None


def _split(envelope: str) -> tuple[str, bytes]:
    try:
        mark, key_id, text = envelope.split(".")
        sealed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BoxFault("not a sealed text") from None
    # Base64 has several spellings of the same bytes; only ours counts.
    if mark != _MARK or not KEY_ID.fullmatch(key_id) or base64.urlsafe_b64encode(sealed).decode() != text:
        raise BoxFault("not a sealed text")
    return key_id, sealed
