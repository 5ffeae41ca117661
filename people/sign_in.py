"""Signing in: a name and a password become a session.

Three steps, because a failed try must be kept and Argon2 must not run inside a transaction:
the try is noted (under a lock on the name, so that many at once count as many), the password is verified, and either
the notes are taken back and a session begins, or they stay. An unknown name goes the same way as a known one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from people import audit, hashing, sessions
from people.accounts import USER_NAME
from people.audit import AuditEntry
from people.lockout import ACCOUNT_FAILURES, ADDRESS_FAILURES, KEPT_FOR, locked_until
from people.opaque import digest
from people.passwords import needs_rehash
from people.sessions import Session
from people.tables import sign_in_tries, users


class Reason(StrEnum):
    WRONG = "wrong"  # name, password, or disabled: which of them is told to nobody but the audit log
    BUSY = "busy"


class SignInRefused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Locked(Exception):
    """Too many failures of this account or from this address; ``until`` then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


async def sign_in(connection: AsyncConnection, name: str, password: str, address: str, now: datetime) -> Session:
    """Raises SignInRefused or Locked. Writes the audit log itself.

    It commits: ``connection`` comes from ``engine.connect()`` and has no transaction open.
    """
    if connection.in_transaction():
        raise RuntimeError("sign_in commits its own transactions: give it a connection of engine.connect()")
    visit = _Visit(connection, name.strip().lower()[:200], address, now)
    async with connection.begin():
        until, user = await visit.note_try(), await visit.find()
        if until is not None:
            await visit.write("sign_in.locked", user)
    if until is not None:
        raise Locked(until)
    try:
        hashed = None if user is None else user.password_hash
        right = await hashing.verify_password(hashed, password)
        better = await hashing.hash_password(password) if right and needs_rehash(hashed or "") else None
    except hashing.Busy:
        async with connection.begin():
            await visit.take_back()
        raise SignInRefused(Reason.BUSY) from None
    async with connection.begin():
        session = await visit.begin(better) if right and await visit.still(hashed) else None
        if session is None:
            await visit.fail(user, right)
    if session is None:
        raise SignInRefused(Reason.WRONG)
    return session


class _Visit:
    """One try to sign in."""

    def __init__(self, connection: AsyncConnection, name: str, address: str, now: datetime) -> None:
        self._connection = connection
        self._name = name
        self._address = address
        self._now = now
        self._account = digest(f"user:{name}")
        self._place = digest(f"address:{address}")
        self._try: int | None = None

    async def note_try(self) -> datetime | None:
        """Until when the account or the address is locked; a try that is let through is noted as if it had failed."""
        columns = sign_in_tries.c
        lock = int.from_bytes(self._account[:8], "big", signed=True)
        await self._connection.execute(select(func.pg_advisory_xact_lock(lock)))
        old = select(columns.id).where(columns.at <= self._now - KEPT_FOR).with_for_update(skip_locked=True)
        await self._connection.execute(delete(sign_in_tries).where(columns.id.in_(old)))
        locks = [
            locked_until(await self._failures(self._account), self._now, ACCOUNT_FAILURES),
            locked_until(await self._failures(self._place), self._now, ADDRESS_FAILURES),
        ]
        until = max((lock for lock in locks if lock is not None), default=None)
        if until is None:
            self._try = await self._note(self._account)
        return until

    async def find(self) -> Any:
        """The row of ``users``, or None."""
        query = select(users).where(users.c.name == self._name)
        return (await self._connection.execute(query)).one_or_none() if USER_NAME.fullmatch(self._name) else None

    async def take_back(self) -> None:
        """The try was none: nothing was verified."""
        await self._connection.execute(delete(sign_in_tries).where(sign_in_tries.c.id == self._try))

    async def still(self, hashed: str | None) -> bool:
        """Whether the user is there, not disabled, and has the password that was verified; keeps it so until commit."""
        found = users.c.name == self._name, users.c.password_hash == hashed, users.c.disabled_at.is_(None)
        return (await self._connection.execute(select(users.c.id).where(*found).with_for_update())).first() is not None

    async def begin(self, better_hash: str | None) -> Session:
        changes: dict[str, Any] = {"signed_in_at": self._now}
        if better_hash is not None:
            changes["password_hash"] = better_hash
        query = update(users).where(users.c.name == self._name).values(changes).returning(users)
        user = (await self._connection.execute(query)).one()
        await self._connection.execute(delete(sign_in_tries).where(sign_in_tries.c.subject == self._account))
        await self.write("sign_in", user)
        return await sessions.begin(self._connection, user, self._address, self._now)

    async def fail(self, user: Any, right: bool) -> None:
        """The try noted for the account stays, and one for the address is added."""
        await self._note(self._place)
        why = "unknown_user" if user is None else "disabled_or_changed" if right else "wrong_password"
        await self.write("sign_in.refused", user, reason=why)

    async def write(self, action: str, user: Any, **detail: str) -> None:
        """A name that nobody has is not written down: it may be a password in the wrong field."""
        actor = "unknown" if user is None else f"user:{user.name}"
        entry = AuditEntry(self._now, actor, action, "" if user is None else actor, detail, self._address)
        await audit.record(self._connection, entry)

    async def _failures(self, subject: bytes) -> list[datetime]:
        query = select(sign_in_tries.c.at).where(sign_in_tries.c.subject == subject)
        return list((await self._connection.scalars(query)).all())

    async def _note(self, subject: bytes) -> int:
        query = insert(sign_in_tries).values(subject=subject, at=self._now).returning(sign_in_tries.c.id)
        made: int = (await self._connection.execute(query)).scalar_one()
        return made
