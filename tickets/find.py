"""Lists of tickets, newest first, a page at a time: filters, and words in their text.

Each way to ask has an index; a page is read in the index's order and ends where it is full.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, Select, Text, and_, cast, literal, literal_column, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from tickets import rows
from tickets.number import NUMBER
from tickets.permits import CONFIDENTIAL, READ_ALL, READ_UNIT, Actor, NotAllowed
from tickets.rulebook import Rulebook
from tickets.tables import ticket_units, tickets
from tickets.ticket import Ticket
from tickets.words import Category, State, Warning

MOST = 200
_of = tickets.c
# As the indexes of hotline/migrations have it.
_TEXT = "(tickets.title || ' ' || tickets.content || ' ' || tickets.address)"
_PAIRS = literal_column(f"ticket_pairs{_TEXT}", ARRAY(Text))
_WORDS = literal_column(f"lower{_TEXT}", Text)
_HAS_WORDS = literal_column("(tickets.title <> '' OR tickets.content <> '')", Boolean)
_HAS_UNIT = literal_column("tickets.unit <> ''", Boolean)
_HAS_CALLER = literal_column("tickets.caller_key <> ''", Boolean)


class BadCursor(ValueError):
    """Not a cursor that a page gave out."""


class ShortWord(ValueError):
    """A word of one letter finds everything."""


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold. ``unit``: the lead unit, a co-unit or the county; ``caller``: the requester's number
    (E.164, or as it is shown); ``text``: words, space between, all of them in title, content or address."""

    states: tuple[State, ...] = ()
    unit: str | None = None
    category: Category | None = None
    urgent: bool | None = None
    supervised: bool | None = None
    warning: Warning | None = None
    overdue: bool | None = None
    """The completion or rework limit has passed, and it is not completed."""
    caller: str | None = None
    text: str | None = None
    channel: str | None = None
    parent: str | None = None
    duplicate_of: str | None = None
    received_from: datetime | None = None
    received_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``cursor``: what to ask the next page with; None at the end. The words of confidential tickets are left out."""

    tickets: tuple[Ticket, ...]
    cursor: str | None


async def find(
    connection: AsyncConnection,
    rulebook: Rulebook,
    actor: Actor,
    wanted: Filter,
    at: datetime,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """What ``actor`` may see of it. Raises NotAllowed, BadCursor, ShortWord."""
    limit = max(1, min(limit, MOST))
    query = page_query(rulebook, actor, wanted, at, limit + 1, cursor)
    found = (await connection.execute(query)).all()
    page = tuple(rows.read(row) for row in found[:limit])
    return Page(page, _cursor(page[-1]) if len(found) > limit else None)


def page_query(
    rulebook: Rulebook, actor: Actor, wanted: Filter, at: datetime, limit: int, cursor: str | None
) -> Select[Any]:
    conditions = [*_visible(actor), *_conditions(rulebook, wanted, at)]
    if cursor is not None:
        conditions.append(tuple_(_of.received_at, _of.number) < tuple_(*_position(cursor)))
    units = _units(actor, wanted)
    if units is None:
        return _newest(select(tickets).where(*conditions), limit)
    # One page of those it leads and one of those it takes part in: either is read in its index's order.
    conditions += [_takes_part(unit) for unit in units[1:]]
    own = select(_of.number).where(_of.unit == units[0], _HAS_UNIT, *conditions)
    part = (
        select(_of.number)
        .join(ticket_units, ticket_units.c.number == _of.number)
        .where(ticket_units.c.unit == units[0], *conditions)
    )
    if cursor is not None:
        part = part.where(ticket_units.c.received_at <= _position(cursor)[0])
    part = part.order_by(ticket_units.c.received_at.desc(), ticket_units.c.number.desc()).limit(limit)
    both = union_all(_newest(own, limit).subquery().select(), part.subquery().select()).subquery()
    return _newest(select(tickets).where(_of.number.in_(select(both.c.number))), limit)


def _newest(query: Select[Any], limit: int) -> Select[Any]:
    return query.order_by(_of.received_at.desc(), _of.number.desc()).limit(limit)


def _units(actor: Actor, wanted: Filter) -> list[str] | None:
    """Whose tickets: None for everybody's. A unit's person who asks for another unit gets what both have part in."""
    asked = [] if wanted.unit is None else [wanted.unit]
    if actor.may(READ_ALL):
        return asked or None
    if not actor.may(READ_UNIT) or not actor.unit:
        raise NotAllowed("无权查看工单")
    return list(dict.fromkeys([actor.unit, *asked]))


def _takes_part(unit: str) -> ColumnElement[bool]:
    other = ticket_units.alias()
    part = select(other.c.number).where(other.c.unit == unit, other.c.number == _of.number).correlate(tickets)
    return or_(_of.unit == unit, part.exists())


def _visible(actor: Actor) -> list[ColumnElement[bool]]:
    if actor.may(CONFIDENTIAL):
        return []
    return [or_(~_of.confidential, and_(_of.handler != "", _of.handler == actor.name))]


def _conditions(rulebook: Rulebook, wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        states = [state.value for state in wanted.states]
        found.append(_of.state == states[0] if len(states) == 1 else _of.state.in_(states))
    for column, value in (
        (_of.category, wanted.category),
        (_of.warning, wanted.warning),
        (_of.channel, wanted.channel),
        (_of.parent, wanted.parent),
        (_of.duplicate_of, wanted.duplicate_of),
    ):
        if value is not None:
            found.append(column == str(value))
    for column, flag in ((_of.urgent, wanted.urgent), (_of.supervised, wanted.supervised)):
        if flag is not None:
            found.append(column if flag else ~column)
    if wanted.overdue is not None:
        late = and_(_of.due_at.is_not(None), _of.due_at < at)
        found.append(late if wanted.overdue else or_(_of.due_at.is_(None), _of.due_at >= at))
    if wanted.caller is not None:
        keys = [wanted.caller, *([rulebook.mark(wanted.caller)] if rulebook.mark_key else [])]
        found += [_of.caller_key.in_(keys), _HAS_CALLER]
    if wanted.received_from is not None:
        found.append(_of.received_at >= wanted.received_from)
    if wanted.received_until is not None:
        found.append(_of.received_at < wanted.received_until)
    if wanted.text is not None and wanted.text.strip():
        found += _says(wanted.text)
    return found


def _says(words: str) -> list[ColumnElement[bool]]:
    """The pairs of letters find the rows by the index; the text itself then says whether they stand together."""
    parts = words.replace("\0", "").lower().split()
    if any(len(part) < 2 for part in parts):
        raise ShortWord("检索词至少两个字")
    pairs = sorted({part[at : at + 2] for part in parts for at in range(len(part) - 1)})
    found: list[ColumnElement[bool]] = [_HAS_WORDS, _PAIRS.op("@>")(cast(literal(pairs), ARRAY(Text)))]
    found += [_WORDS.contains(part, autoescape=True) for part in parts]
    return found


def _cursor(last: Ticket) -> str:
    raw = json.dumps([last.received_at.isoformat(), last.number]).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        at, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not NUMBER.fullmatch(number):
            raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadCursor("无效的分页游标") from error
    return moment, number
