"""Ticket numbers: ``20261121-000123``, the day in China and a count within it."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")
NUMBER = re.compile(r"[0-9]{8}-[0-9]{6,}")


def ticket_day(at: datetime) -> date:
    """The day that a moment falls on in China. ``at`` must know its zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(CHINA).date()


def today() -> str:
    """The day it is in China, e.g. ``2026-11-21``."""
    return datetime.now(CHINA).date().isoformat()


def format_number(day: date, count: int) -> str:
    return f"{day:%Y%m%d}-{count:06d}"
