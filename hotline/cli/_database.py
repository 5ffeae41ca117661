"""What the commands that look into the database share."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.db import open_engine
from hotline.settings import load_settings

CHINA = ZoneInfo("Asia/Shanghai")
Answer = TypeVar("Answer")
_AGO = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def ask(question: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """Ask the instance's database within one transaction."""

    async def run() -> Answer:
        async with open_engine(load_settings(), pool_size=1) as engine, engine.begin() as connection:
            return await question(connection)

    try:
        return asyncio.run(run())
    except (OperationalError, InterfaceError) as error:
        raise click.ClickException("the database does not answer: is `hotline run` running?") from error
    except DBAPIError as error:
        raise click.ClickException(f"database: {' '.join(str(error.orig).split())[:300]}") from error


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def console() -> Console:
    """As wide as it takes when the output is not a terminal, so that nothing is cut in a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=220)


def local(moment: datetime | None) -> str:
    """As shown to people: Asia/Shanghai."""
    return "" if moment is None else moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


class Since(click.ParamType[datetime]):
    """``30m``, ``2h``, ``7d``, ``2026-11-21`` or ``2026-11-21 09:30`` (Asia/Shanghai)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := _AGO.fullmatch(value):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: write 30m, 2h, 7d, 2026-11-21 or '2026-11-21 09:30'", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(CHINA).isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
