"""In which order a list of tickets is read, and where its next page begins. Each has an index."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, DateTime, Integer, Text, cast, literal, literal_column, tuple_
from sqlalchemy.sql import ColumnElement

from tickets.number import NUMBER
from tickets.tables import tickets
from tickets.ticket import Ticket
from tickets.words import Warning


class Sort(StrEnum):
    """``due`` and ``urgency``: of open tickets only."""

    RECEIVED = "received"
    DUE = "due"
    URGENCY = "urgency"


class BadCursor(ValueError):
    """Not a cursor that a page gave out."""


# As the indexes of hotline/migrations have it.
OPEN = literal_column("tickets.state NOT IN ('archived', 'declined')", Boolean)
_DUE = literal_column("COALESCE(tickets.due_at, 'infinity'::timestamptz)", DateTime(timezone=True))
_URGENCY = literal_column(
    "CASE WHEN tickets.urgent THEN 0 WHEN tickets.warning IN ('red', 'inspection') THEN 1"
    " WHEN tickets.supervised OR tickets.warning IS NOT NULL THEN 2 ELSE 3 END",
    Integer,
)
_NEVER = "infinity"

Columns = Mapping[str, ColumnElement[Any]]
OF_TICKETS: Columns = {"received_at": tickets.c.received_at, "number": tickets.c.number}


def keys(sort: Sort, of: Columns = OF_TICKETS) -> list[ColumnElement[Any]]:
    """What is sorted by. ``of``: the table of tickets, or something that is called ``tickets`` and has its columns."""
    match sort:
        case Sort.RECEIVED:
            return [of["received_at"], of["number"]]
        case Sort.DUE:
            return [_DUE, of["number"]]
        case Sort.URGENCY:
            return [_URGENCY, _DUE, of["number"]]


def ordered(sort: Sort, found: list[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """The newest come first, but what is due soonest."""
    return [one.desc() for one in found] if sort is Sort.RECEIVED else found


def after(sort: Sort, cursor: str) -> ColumnElement[bool]:
    """Raises BadCursor."""
    values = _read(sort, cursor)
    moment = cast(literal(values[-2], Text), DateTime(timezone=True))
    place = [*(literal(one, Integer) for one in values[:-2]), moment, literal(values[-1], Text)]
    here, there = tuple_(*keys(sort)), tuple_(*place)
    return here < there if sort is Sort.RECEIVED else here > there


def cursor_of(sort: Sort, last: Ticket) -> str:
    due = _NEVER if last.due_at is None else last.due_at.isoformat()
    values: list[int | str] = []
    match sort:
        case Sort.RECEIVED:
            values = [last.received_at.isoformat(), last.number]
        case Sort.DUE:
            values = [sort.value, due, last.number]
        case Sort.URGENCY:
            values = [sort.value, _rank(last), due, last.number]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _rank(ticket: Ticket) -> int:
    life = ticket.life
    if life.urgent:
        return 0
    if life.warning in (Warning.RED, Warning.INSPECTION):
        return 1
    return 2 if life.supervised or life.warning is not None else 3


def _read(sort: Sort, cursor: str) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list):
            raise TypeError(values)
        if sort is not Sort.RECEIVED and values.pop(0) != sort.value:
            raise ValueError(cursor)
        *ranks, moment, number = values
        if ranks not in ([[0], [1], [2], [3]] if sort is Sort.URGENCY else [[]]) or not NUMBER.fullmatch(number):
            raise ValueError(cursor)
        if any(type(rank) is not int for rank in ranks):
            raise TypeError(cursor)
        if not (moment == _NEVER and sort is not Sort.RECEIVED) and datetime.fromisoformat(moment).tzinfo is None:
            raise ValueError(cursor)
    except (ValueError, TypeError, IndexError, binascii.Error) as error:
        raise BadCursor("无效的分页游标") from error
    return values
