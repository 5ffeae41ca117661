"""The second factor 两步验证: a code of an authenticator (TOTP, RFC 6238), or a recovery code once each.

The secret is sealed with the confidential text's keys. A code is good in its own 30 seconds and one step before or
after (RFC 6238, 5.2), and never again: the step that was used last is kept, and only later ones count.
All functions work inside the caller's transaction and lock the user's row.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyotp
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from people import hashing
from people.faults import PeopleFault
from people.opaque import digest
from people.tables import recovery_codes, users

ISSUER = "12345"
STEP_SECONDS = 30
DRIFT = 1
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY = re.compile(rf"[{_LETTERS}]{{12}}")
_DIGITS = re.compile(r"[0-9]{6}")


class Box(Protocol):
    """:class:`people.secrets_box.Box`."""

    def seal(self, text: str, ticket: str, /) -> str: ...

    def open(self, envelope: str, ticket: str, /) -> str:
        """Raises BoxFault."""
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """Shown once; it counts when it was confirmed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    since: datetime | None
    recovery_codes: int


async def standing(connection: AsyncConnection, user_id: int) -> Standing:
    since = await connection.scalar(select(users.c.totp_since).where(users.c.id == user_id))
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    return Standing(since, await connection.scalar(query) or 0)


async def begin(connection: AsyncConnection, box: Box, name: str, password: str) -> Begun:
    """A new secret, in place of one that was never confirmed. Raises PeopleFault ``password_wrong``, ``totp_on``."""
    user = await _locked(connection, name, password)
    if user.totp_since is not None:
        raise PeopleFault("totp_on", "两步验证已开通")
    secret = pyotp.random_base32()
    sealed = box.seal(secret, _about(user.id))
    await connection.execute(update(users).where(users.c.id == user.id).values(totp_sealed=sealed, totp_step=0))
    return Begun(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER))


async def confirm(connection: AsyncConnection, box: Box, name: str, code: str, now: datetime) -> list[str]:
    """The recovery codes. Raises PeopleFault ``totp_on``, ``totp_off``, ``code_wrong``; BoxFault."""
    user = await _locked(connection, name)
    if user.totp_since is not None:
        raise PeopleFault("totp_on", "两步验证已开通")
    if user.totp_sealed is None:
        raise PeopleFault("totp_off", "请先取得密钥")
    if not await _is_code(connection, box, user, code, now):
        raise PeopleFault("code_wrong", "验证码不正确")
    await connection.execute(update(users).where(users.c.id == user.id).values(totp_since=now))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user.id))
    rows = [{"user_id": user.id, "code_sha256": digest(one)} for one in codes]
    await connection.execute(insert(recovery_codes), rows)
    return ["-".join((one[:4], one[4:8], one[8:])) for one in codes]


async def end(connection: AsyncConnection, box: Box, name: str, password: str, code: str, now: datetime) -> None:
    """By the user. Raises PeopleFault ``password_wrong``, ``totp_off``, ``code_wrong``; BoxFault."""
    user = await _locked(connection, name, password)
    if user.totp_since is None:
        raise PeopleFault("totp_off", "两步验证没有开通")
    if not await accept(connection, box, user, code, now):
        raise PeopleFault("code_wrong", "验证码不正确")
    await _forget(connection, user.id)


async def take_away(connection: AsyncConnection, name: str) -> None:
    """By the administrator. Raises PeopleFault ``user_unknown``, ``totp_off``."""
    user = await _locked(connection, name)
    if user.totp_sealed is None:
        raise PeopleFault("totp_off", "两步验证没有开通")
    await _forget(connection, user.id)


async def accept(connection: AsyncConnection, box: Box, user: Any, code: str, now: datetime) -> bool:
    """Whether ``code`` is good for this row of ``users``, which is locked; it is not a second time. Raises BoxFault."""
    plain = "".join(unicodedata.normalize("NFKC", code).split()).replace("-", "").lower()
    if _RECOVERY.fullmatch(plain):
        mine = recovery_codes.c.user_id == user.id, recovery_codes.c.code_sha256 == digest(plain)
        return (await connection.execute(delete(recovery_codes).where(*mine))).rowcount == 1
    return await _is_code(connection, box, user, plain, now)


async def _is_code(connection: AsyncConnection, box: Box, user: Any, code: str, now: datetime) -> bool:
    if not _DIGITS.fullmatch(code):
        return False
    made = pyotp.TOTP(box.open(user.totp_sealed, _about(user.id)))
    step = int(now.timestamp()) // STEP_SECONDS
    found = 0
    for one in range(step - DRIFT, step + DRIFT + 1):
        if hmac.compare_digest(made.generate_otp(one), code) and one > user.totp_step:
            found = one
    if not found:
        return False
    await connection.execute(update(users).where(users.c.id == user.id).values(totp_step=found))
    return True


async def _locked(connection: AsyncConnection, name: str, password: str | None = None) -> Any:
    """The user's row. Nothing is locked while Argon2 runs. Raises PeopleFault."""
    if password is not None:
        hashed = await connection.scalar(select(users.c.password_hash).where(users.c.name == name))
        if not await hashing.verify_password(hashed, password):
            raise PeopleFault("password_wrong", "密码不正确")
    row = (await connection.execute(select(users).where(users.c.name == name).with_for_update())).one_or_none()
    if row is None:
        raise PeopleFault("user_unknown", f"没有用户 {name}")
    if password is not None and row.password_hash != hashed:
        raise PeopleFault("password_wrong", "密码不正确")
    return row


async def _forget(connection: AsyncConnection, user_id: int) -> None:
    values: dict[str, Any] = {"totp_sealed": None, "totp_step": None, "totp_since": None}
    await connection.execute(update(users).where(users.c.id == user_id).values(values))
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))


def _about(user_id: int) -> str:
    """What the secret is sealed to: moved to another user's row it does not open."""
    return f"totp:{user_id}"
