"""Citizens who call from their browsers: the account that all of them share, and the leave to make one call with it.

A token says when it was made and carries a seal that only this instance can make; the dialplan (``[web-citizens]``)
checks it, takes it once, and keeps no state but the ones that were taken lately.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from hotline.secrets import Secrets
from web.api.services import PhoneAccess

USER = "web-citizen"
"""The endpoint of ``asterisk_conf/pjsip.conf.j2``."""
HEADER = "X-Hotline-Token"
SECONDS = 60
"""So long a token is good: from the page's button to the call."""


def password(instance: Secrets) -> str:
    """Of the shared account: anybody is given it, so it is no secret of its own; from it none can be worked out."""
    return _derived(instance, "web-citizen password")[:24]


def seal_key(instance: Secrets) -> str:
    """What the dialplan and this process seal tokens with."""
    return _derived(instance, "web-citizen token")[:40]


def sealed(key: str, made: int, nonce: str) -> str:
    """The token that was made at ``made`` (epoch seconds). ``SHA1()`` is what Asterisk can do; the key stands on both
    sides, so nothing can be appended."""
    seal = hashlib.sha1(f"{key}-{made}-{nonce}-{key}".encode(), usedforsecurity=False).hexdigest()
    return f"{made}-{nonce}-{seal}"


class WebPhones:
    """:class:`web.api.services.WebPhone`."""

    def __init__(self, instance: Secrets, number: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """``number``: the published one that the page dials."""
        self._key = seal_key(instance)
        self._password = password(instance)
        self._number = number
        self._now = now

    def access(self) -> PhoneAccess:
        made = int(self._now().timestamp())
        return PhoneAccess(
            user=USER,
            password=self._password,
            number=self._number,
            header=HEADER,
            token=sealed(self._key, made, secrets.token_hex(16)),
            good_until=datetime.fromtimestamp(made + SECONDS, UTC),
        )


def _derived(instance: Secrets, what: str) -> str:
    return hmac.new(instance.ami.encode(), what.encode(), hashlib.sha256).hexdigest()
