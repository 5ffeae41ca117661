"""``hotline doctor``: what is wrong with this installation, and how it is mended.

Each check is one small function that gives findings; one that fails itself is a finding and stops no other. They look
and change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.asterisk import control_socket, is_ready
from hotline.db import open_engine
from hotline.settings import Settings, SettingsError

Level = Literal["ok", "warning", "error"]
CHECK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """``what``: a line in Chinese and English. ``remedy``: what to do; empty: nothing is wrong."""

    check: str
    level: Level
    what: str
    remedy: str = ""


def ok(check: str, what: str) -> Finding:
    return Finding(check, "ok", what)


def warning(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "warning", what, remedy)


def error(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "error", what, remedy)


Installed = Callable[[Settings], Iterable[Finding]]
OfDatabase = Callable[[Settings, AsyncConnection], Awaitable[Iterable[Finding]]]
OfExchange = Callable[[Settings, Path], Awaitable[Iterable[Finding]]]
"""With Asterisk's command socket."""


@dataclass(frozen=True)
class Checks:
    installed: tuple[Installed, ...]
    database: tuple[OfDatabase, ...]
    exchange: tuple[OfExchange, ...]


def all_checks() -> Checks:
    from hotline import doctor_database, doctor_exchange, doctor_files, doctor_line, doctor_parts, doctor_rules

    return Checks(
        (*doctor_files.CHECKS, *doctor_parts.CHECKS, *doctor_rules.CHECKS),
        (*doctor_database.CHECKS, *doctor_line.CHECKS),
        doctor_exchange.CHECKS,
    )


async def examine(settings: Settings, checks: Checks) -> AsyncIterator[Finding]:
    """Findings as they come, in the order of the checks."""
    for one in checks.installed:
        for found in await _guarded(one.__name__, asyncio.to_thread(_listed, partial(one, settings))):
            yield found
    async for found in _database(settings, checks.database):
        yield found
    async for found in _exchange(settings, checks.exchange):
        yield found


async def _database(settings: Settings, checks: Iterable[OfDatabase]) -> AsyncIterator[Finding]:
    try:
        async with open_engine(settings, pool_size=1) as engine:
            try:
                async with engine.connect():
                    pass
            except (SQLAlchemyError, OSError) as fault:
                yield error(
                    "database",
                    f"数据库没有应答 the database does not answer: {_one_line(fault)}",
                    "`hotline run` 启动热线 start the hotline; then see <home>/log/postgres.log, or database.url",
                )
                return
            yield ok("database", "数据库有应答 the database answers")
            for one in checks:
                for found in await _guarded(one.__name__, _with_connection(one, settings, engine.connect)):
                    yield found
    except SettingsError as fault:
        yield error("database", f"无法连接数据库 no way to the database: {fault}", "`hotline run` once, or restore")


async def _exchange(settings: Settings, checks: Iterable[OfExchange]) -> AsyncIterator[Finding]:
    try:
        control = control_socket(settings)
    except SettingsError as fault:
        yield error("asterisk", str(fault), "HOTLINE_HOME")
        return
    if not await is_ready(control):
        yield error(
            "asterisk",
            "Asterisk 没有应答 does not answer: 没有电话能接通 no call gets through",
            "`hotline run` 启动热线 start the hotline; then see <home>/asterisk/log/messages.log",
        )
        return
    yield ok("asterisk", "Asterisk 有应答 answers, fully booted")
    for one in checks:
        for found in await _guarded(one.__name__, one(settings, control)):
            yield found


async def _with_connection(
    check: OfDatabase, settings: Settings, connect: Callable[[], AsyncConnection]
) -> Iterable[Finding]:
    async with connect() as connection:
        return await check(settings, connection)


async def _guarded(name: str, check: Awaitable[Iterable[Finding]]) -> Iterable[Finding]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except Exception as fault:
        words = f"检查本身失败 this check failed itself: {type(fault).__name__}: {_one_line(fault)}"
        return [error(name, words, "先处理其他问题再试 mend the others first, then try again")]


def _listed(check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    return list(check())


def _one_line(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:200]
