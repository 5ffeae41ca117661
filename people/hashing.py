"""Argon2 beside the event loop: few at once (64 MiB each), and a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from people import passwords

WAITING = 64
"""At 0.2 s each and two at once the last one waits about 6 s."""
_AT_ONCE = 2
Result = TypeVar("Result")


class Busy(Exception):
    """Too many are signing in at this moment: try again in a few seconds."""


async def hash_password(password: str) -> str:
    return await _in_thread(lambda: passwords.hash_password(password))


async def verify_password(hashed: str | None, password: str) -> bool:
    """None, for a user whom nobody knows, takes as long as a wrong password (and is False)."""
    return await _in_thread(lambda: passwords.verify_password(hashed or _dummy(), password) and hashed is not None)


_waiting = 0


async def _in_thread(work: Callable[[], Result]) -> Result:
    global _waiting
    if _waiting >= WAITING:
        raise Busy
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), work)
    finally:
        _waiting -= 1


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")


@cache
def _dummy() -> str:
    return passwords.hash_password(passwords.generate_password())
