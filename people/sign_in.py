"""Signing in: a name and a password become a session.

Three steps, because a failed try must be kept and Argon2 must not run inside a transaction:
the try is noted (under a lock on the name, so that many at once count as many), the password is verified, and either
the notes are taken back and a session begins, or they stay. An unknown name goes the same way as a known one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from people import audit, hashing, sessions, totp
from people.accounts import USER_NAME
from people.audit import AuditEntry
from people.faults import PeopleFault
from people.lockout import ACCOUNT_FAILURES, ADDRESS_FAILURES, KEPT_FOR, locked_until
from people.opaque import digest
from people.passwords import needs_rehash
from people.sessions import Session
from people.tables import sign_in_tries, users
from people.totp import Box


class Reason(StrEnum):
    WRONG = "wrong"  # name, password, or disabled: which of them is told to nobody but the audit log
    BUSY = "busy"
    CODE_REQUIRED = "code_required"  # told only to who knows the password
    CODE_WRONG = "code_wrong"


class SignInRefused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Locked(Exception):
    """Too many failures of this account or from this address; ``until`` then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


async def sign_in(
    engine: AsyncEngine,
    name: str,
    password: str,
    address: str,
    now: datetime,
    *,
    place: str,
    code: str | None = None,
    box: Callable[[], Box] | None = None,
) -> Session:
    """``place``: by what failures from ``address`` are counted together; the audit log has the address. ``code`` and
    ``box``: of who has a second factor; without a box they cannot sign in. Raises SignInRefused or Locked, and
    BoxFault. Writes the audit log itself. While Argon2 runs no connection is held."""
    visit = _Visit(engine, name.strip().lower()[:200], address, place, now)
    user = await visit.enter()
    try:
        hashed = None if user is None else user.password_hash
        right = await hashing.verify_password(hashed, password)
        better = await hashing.hash_password(password) if right and needs_rehash(hashed or "") else None
    except hashing.Busy:
        await visit.take_back()
        raise SignInRefused(Reason.BUSY) from None
    try:
        async with engine.begin() as connection:
            there = await visit.still(connection, hashed) if right else None
            if there is not None:
                await _second(connection, there, code, box, now)
                return await visit.begin(connection, better)
    except SignInRefused as refused:
        if refused.reason is Reason.CODE_REQUIRED:
            await visit.take_back()
        else:
            await visit.fail("sign_in.refused", user, refused.reason)
        raise
    why = "unknown_user" if user is None else "disabled_or_changed" if right else "wrong_password"
    await visit.fail("sign_in.refused", user, why)
    raise SignInRefused(Reason.WRONG)


async def _second(
    connection: AsyncConnection, user: Any, code: str | None, box: Callable[[], Box] | None, now: datetime
) -> None:
    """The second factor of whoever has one. Raises SignInRefused, BoxFault."""
    if user.totp_since is None:
        return
    if code is None or box is None:
        raise SignInRefused(Reason.CODE_REQUIRED)
    if not await totp.accept(connection, box(), user, code, now):
        raise SignInRefused(Reason.CODE_WRONG)


@asynccontextmanager
async def counted(engine: AsyncEngine, name: str, address: str, now: datetime, *, place: str) -> AsyncIterator[None]:
    """Around what asks someone who is signed in for the password again: a wrong one (PeopleFault ``password_wrong``)
    counts as a failed sign-in, so that a session left open is no place to guess. Raises Locked."""
    visit = _Visit(engine, name, address, place, now)
    user = await visit.enter()
    try:
        yield
    except PeopleFault as fault:
        if fault.code in ("password_wrong", "code_wrong"):
            why = "wrong_password" if fault.code == "password_wrong" else fault.code
            await visit.fail("user.password_refused", user, why)
        else:
            await visit.take_back()
        raise
    except hashing.Busy:
        await visit.take_back()
        raise
    await visit.take_back()


class _Visit:
    """One try to show a password. Each step is a transaction of its own, or part of the caller's."""

    def __init__(self, engine: AsyncEngine, name: str, address: str, place: str, now: datetime) -> None:
        self._engine = engine
        self._name = name
        self._address = address
        self._now = now
        self._account = digest(f"user:{name}")
        self._place = digest(f"address:{place}")
        self._try: int | None = None

    async def enter(self) -> Any:
        """The row of ``users``, or None. A try that is let through is noted as if it had failed. Raises Locked."""
        async with self._engine.begin() as connection:
            until, subject = await self._locked(connection)
            user = await self._find(connection)
            if until is None:
                self._try = await self._note(connection, self._account)
            else:
                await self._tell_once(connection, until, subject, user)
        if until is not None:
            raise Locked(until)
        return user

    async def _locked(self, connection: AsyncConnection) -> tuple[datetime | None, bytes]:
        """Until when which of account and address is locked."""
        columns = sign_in_tries.c
        lock = int.from_bytes(self._account[:8], "big", signed=True)
        await connection.execute(select(func.pg_advisory_xact_lock(lock)))
        old = select(columns.id).where(columns.at <= self._now - KEPT_FOR).with_for_update(skip_locked=True)
        await connection.execute(delete(sign_in_tries).where(columns.id.in_(old)))
        locks: list[tuple[datetime, bytes]] = []
        for subject, limit in ((self._account, ACCOUNT_FAILURES), (self._place, ADDRESS_FAILURES)):
            until = locked_until(await self._failures(connection, subject), self._now, limit)
            if until is not None:
                locks.append((until, subject))
        return max(locks, default=(None, b""))

    async def _tell_once(self, connection: AsyncConnection, until: datetime, subject: bytes, user: Any) -> None:
        """Going on guessing does not fill the audit log."""
        told = digest(f"locked:{subject.hex()}:{until.isoformat()}")
        if not await self._failures(connection, told):
            await self._note(connection, told)
            await self._write(connection, "sign_in.locked", user)

    async def _find(self, connection: AsyncConnection) -> Any:
        query = select(users).where(users.c.name == self._name)
        return (await connection.execute(query)).one_or_none() if USER_NAME.fullmatch(self._name) else None

    async def take_back(self) -> None:
        """The try was none: nothing was verified."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(sign_in_tries).where(sign_in_tries.c.id == self._try))

    async def still(self, connection: AsyncConnection, hashed: str | None) -> Any:
        """The user, if there, not disabled, and with the password that was verified; keeps it so until commit."""
        found = users.c.name == self._name, users.c.password_hash == hashed, users.c.disabled_at.is_(None)
        return (await connection.execute(select(users).where(*found).with_for_update())).one_or_none()

    async def begin(self, connection: AsyncConnection, better_hash: str | None) -> Session:
        changes: dict[str, Any] = {"signed_in_at": self._now}
        if better_hash is not None:
            changes["password_hash"] = better_hash
        query = update(users).where(users.c.name == self._name).values(changes).returning(users)
        user = (await connection.execute(query)).one()
        await connection.execute(delete(sign_in_tries).where(sign_in_tries.c.subject == self._account))
        await self._write(connection, "sign_in", user)
        return await sessions.begin(connection, user, self._address, self._now)

    async def fail(self, action: str, user: Any, why: str) -> None:
        """The try noted for the account stays, and one for the address is added."""
        async with self._engine.begin() as connection:
            await self._note(connection, self._place)
            await self._write(connection, action, user, reason=why)

    async def _write(self, connection: AsyncConnection, action: str, user: Any, **detail: str) -> None:
        """A name that nobody has is not written down: it may be a password in the wrong field."""
        actor = "unknown" if user is None else f"user:{user.name}"
        entry = AuditEntry(self._now, actor, action, "" if user is None else actor, detail, self._address)
        await audit.record(connection, entry)

    async def _failures(self, connection: AsyncConnection, subject: bytes) -> list[datetime]:
        query = select(sign_in_tries.c.at).where(sign_in_tries.c.subject == subject)
        return list((await connection.scalars(query)).all())

    async def _note(self, connection: AsyncConnection, subject: bytes) -> int:
        query = insert(sign_in_tries).values(subject=subject, at=self._now).returning(sign_in_tries.c.id)
        made: int = (await connection.execute(query)).scalar_one()
        return made
