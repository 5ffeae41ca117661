"""What the commands about the line share."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import CHINA, ask
from line.faults import LineFault

Answer = TypeVar("Answer")
_IN = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[datetime]):
    """``30m``, ``2h``, ``7d`` from now, ``18:00`` today, ``2026-11-21`` (its end), ``2026-11-21 18:00``; in China."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        now = datetime.now(UTC)
        if found := _IN.fullmatch(value):
            return now + timedelta(**{_UNITS[found[2]]: int(found[1])})
        try:
            if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", value):
                hour, minute = map(int, value.split(":"))
                return datetime.combine(now.astimezone(CHINA).date(), time(hour, minute), CHINA)
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), CHINA)
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: write 30m, 2h, 7d, 18:00, 2026-11-21 or '2026-11-21 18:00'", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def do(work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """In one transaction; what is refused is one line."""
    try:
        return ask(work)
    except LineFault as fault:
        raise click.ClickException(str(fault)) from fault
