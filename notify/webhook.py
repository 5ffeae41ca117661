"""Sends notices to another platform's address, signed, so that it can tell ours from anybody's.

``Hotline-Signature: t=<seconds since 1970>,v1=<hex>`` where v1 is HMAC-SHA256 with the shared secret over
``<t>.<body>``. The other side refuses an old ``t``, and passes over a ``Hotline-Notice-Id`` that it has had.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable

from aiohttp import ClientError, ClientSession, ClientTimeout

from notify.port import Notice, NotSent

SECONDS = 10.0
_GONE = (400, 401, 403, 404, 405, 410, 413, 415, 422)
"""Answers that a second try would get again."""
MAX_AGE = 300
"""Seconds after which a receiver should refuse a signature."""


def sign(secret: str, at: int, body: bytes) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def is_genuine(secret: str, header: str, body: bytes, now: int) -> bool:
    """What a receiver does: ``header`` is the signature's."""
    stamp, _, rest = header.partition(",")
    digits = stamp.removeprefix("t=")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 12 or not rest.startswith("v1="):
        return False
    at = int(digits)
    return abs(now - at) <= MAX_AGE and hmac.compare_digest(sign(secret, at, body).encode(), header.encode())


class Webhook:
    """``clock``: seconds since 1970."""

    def __init__(self, url: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        body = json.dumps(notice.body(), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Hotline-Notice-Id": notice.id,
            "Hotline-Signature": sign(self._secret, int(self._clock()), body),
        }
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=SECONDS)) as session,
                # Wherever it would be redirected to was not given the secret.
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise NotSent(f"webhook: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise NotSent(f"webhook: answered {status}", retry=status not in _GONE)
