"""The account that citizens who call from their browsers share, and the leave to make one call with it.

A token says when it was made and carries a seal that only this instance can make; the dialplan (``[web-citizens]``)
checks it, takes it once, and keeps no state but the ones that were taken lately.
"""

from __future__ import annotations

import hashlib
import hmac

from hotline.secrets import Secrets

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


def _derived(instance: Secrets, what: str) -> str:
    return hmac.new(instance.ami.encode(), what.encode(), hashlib.sha256).hexdigest()
