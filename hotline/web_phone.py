"""Gives citizens' browsers what they need for one call."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from hotline.secrets import Secrets
from hotline.web_phone_seal import HEADER, SECONDS, USER, password, seal_key, sealed
from web.api.services import PhoneAccess


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
