"""Lists of tickets, in some order, a page at a time: filters, and words in their text.

Each way to ask has an index; a page is read in the index's order and ends where it is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Row,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from tickets import rows
from tickets.order import OPEN, Sort, after, cursor_of, keys, ordered
from tickets.permits import CONFIDENTIAL, READ_ALL, READ_UNIT, Actor, NotAllowed
from tickets.rulebook import Rulebook
from tickets.tables import ticket_events, ticket_units, tickets
from tickets.ticket import Ticket
from tickets.waiting import WaitingFor, condition
from tickets.words import Category, State, Warning

MOST = 200
LOOKED_AT = 3000
"""So many of the newest tickets are searched for words one by one, before the index is asked."""
MOST_STEPS = 2000
_of = tickets.c
# As the indexes of hotline/migrations have it.
_TEXT = "(tickets.title || ' ' || tickets.content || ' ' || tickets.address)"
PAIRS = literal_column(f"ticket_pairs{_TEXT}", ARRAY(Text))
_WORDS = literal_column(f"lower{_TEXT}", Text)
HAS_WORDS = literal_column("(tickets.title <> '' OR tickets.content <> '')", Boolean)
HAS_UNIT = literal_column("tickets.unit <> ''", Boolean)
_NOT_BY_PHONE = literal_column("tickets.channel <> 'phone'", Boolean)
_HAS_HANDLER = literal_column("tickets.handler <> ''", Boolean)
HAS_ADDRESS = literal_column("tickets.address <> ''", Boolean)
HAS_CALLER = literal_column("tickets.caller_key <> ''", Boolean)


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
    waiting_for: WaitingFor | None = None
    mine: bool = False
    """What the person has done something to, as far as the last :data:`MOST_STEPS` things go, or is the handler of."""


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
    sort: Sort = Sort.RECEIVED,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """What ``actor`` may see of it. Raises NotAllowed, BadCursor, ShortWord."""
    limit = max(1, min(limit, MOST))
    parts = _plain(wanted.text or "").lower().split()
    wanted = replace(wanted, text=None)
    if any(len(part) < 2 for part in parts):
        raise ShortWord("检索词至少两个字")
    if parts:
        found = await _find_words(connection, rulebook, actor, wanted, at, sort, limit + 1, cursor, parts)
    else:
        found = (await connection.execute(_page(rulebook, actor, wanted, at, sort, limit + 1, cursor))).all()
    page = tuple(rows.read(row) for row in found[:limit])
    return Page(page, cursor_of(sort, page[-1]) if len(found) > limit else None)


async def count(
    connection: AsyncConnection, rulebook: Rulebook, actor: Actor, wanted: Filter, at: datetime, most: int
) -> int:
    """How many of the open ones; ``most`` + 1 where there are more. Raises NotAllowed."""
    conditions = [*_conditions(rulebook, actor, wanted, at, None, None), OPEN]
    units = _units(actor, wanted)
    queries: Sequence[Select[Any]] = [select(_of.number).where(*conditions)]
    if units is not None:
        queries = _of_unit(units[0], [*conditions, *map(_takes_part, units[1:])])
    some = union_all(*(query.limit(most + 1).subquery().select() for query in queries)).limit(most + 1)
    return int(await connection.scalar(select(func.count()).select_from(some.subquery())) or 0)


def _page(
    rulebook: Rulebook, actor: Actor, wanted: Filter, at: datetime, sort: Sort, limit: int, cursor: str | None
) -> Select[Any]:
    """Read in an index's order, as many rows as the page holds."""
    conditions = _conditions(rulebook, actor, wanted, at, sort, cursor)
    units = _units(actor, wanted)
    if wanted.mine:
        conditions += [_takes_part(unit) for unit in units or []]
        return _first(select(tickets).where(_of.number.in_(_mine(actor, conditions, sort, limit))), sort, limit)
    if units is None:
        return _first(select(tickets).where(*conditions), sort, limit)
    # One page of those it leads and one of those it takes part in: each has its index.
    conditions += [_takes_part(unit) for unit in units[1:]]
    own, part = (_first(query, sort, limit).subquery().select() for query in _of_unit(units[0], conditions))
    both = union_all(own, part).subquery()
    return _first(select(tickets).where(_of.number.in_(select(both.c.number))), sort, limit)


def _of_unit(unit: str, conditions: list[ColumnElement[bool]]) -> tuple[Select[Any], Select[Any]]:
    own = select(_of.number).where(_of.unit == unit, HAS_UNIT, *conditions)
    mine = select(ticket_units.c.number).where(ticket_units.c.unit == unit).cte().prefix_with("MATERIALIZED")
    return own, select(_of.number).join(mine, mine.c.number == _of.number).where(*conditions)


def _mine(actor: Actor, conditions: list[ColumnElement[bool]], sort: Sort, limit: int) -> Select[Any]:
    """The few thousand first, whatever is asked of them: the planner would rather read the whole list until a page of
    them is full."""
    event = ticket_events.c
    done = select(event.number).where(event.actor == actor.name).order_by(event.id.desc()).limit(MOST_STEPS)
    given = select(_of.number).where(_of.handler == actor.name, _HAS_HANDLER)
    given = given.order_by(_of.received_at.desc(), _of.number.desc()).limit(MOST_STEPS)
    both = union(done.subquery().select(), given.subquery().select()).cte().prefix_with("MATERIALIZED")
    named = [one.label(f"key{place}") for place, one in enumerate(keys(sort))]
    chosen = select(_of.number.label("chosen"), *named).join(both, both.c.number == _of.number).where(*conditions)
    few = chosen.cte().prefix_with("MATERIALIZED")
    return select(few.c.chosen).order_by(*ordered(sort, [few.c[one.name] for one in named])).limit(limit)


async def _find_words(
    connection: AsyncConnection,
    rulebook: Rulebook,
    actor: Actor,
    wanted: Filter,
    at: datetime,
    sort: Sort,
    limit: int,
    cursor: str | None,
    parts: list[str],
) -> Sequence[Row[Any]]:
    """A common word fills its page from the newest tickets; all others are found by their pairs of letters. So neither
    reads the whole book, whatever the planner thinks of words that it has no statistics of."""
    newest = _page(rulebook, actor, wanted, at, sort, LOOKED_AT, cursor).subquery("tickets")
    order = ordered(sort, keys(sort, {name: newest.c[name] for name in ("received_at", "number")}))
    recent = select(newest).where(*_say(parts)).order_by(*order)
    found: Sequence[Row[Any]] = (await connection.execute(recent.limit(limit))).all()
    if len(found) == limit:
        return found
    conditions = _conditions(rulebook, actor, wanted, at, sort, cursor)
    conditions += [_takes_part(unit) for unit in _units(actor, wanted) or []]
    if wanted.mine:
        conditions.append(_of.number.in_(_mine(actor, [], sort, 2 * MOST_STEPS)))
    # The pairs find the rows by the index; the text itself then says whether they stand together.
    pairs = sorted({part[place : place + 2] for part in parts for place in range(len(part) - 1)})
    by_pairs = [HAS_WORDS, PAIRS.op("@>")(cast(literal(pairs), ARRAY(Text))), *_say(parts)]
    named = [one.label(f"key{place}") for place, one in enumerate(keys(sort))]
    chosen = select(_of.number.label("chosen"), *named).where(*by_pairs, *conditions)
    hits = chosen.cte().prefix_with("MATERIALIZED")
    first = select(hits.c.chosen).order_by(*ordered(sort, [hits.c[one.name] for one in named])).limit(limit)
    await connection.execute(SCANS, {"on": "off"})
    found = (await connection.execute(_first(select(tickets).where(_of.number.in_(first)), sort, limit))).all()
    await connection.execute(SCANS, {"on": "on"})
    return found


SCANS = text("SELECT set_config('enable_seqscan', :on, true)")


def _say(parts: list[str]) -> list[ColumnElement[bool]]:
    return [_WORDS.contains(part, autoescape=True) for part in parts]


def _first(query: Select[Any], sort: Sort, limit: int) -> Select[Any]:
    return query.order_by(*ordered(sort, keys(sort))).limit(limit)


def _units(actor: Actor, wanted: Filter) -> list[str] | None:
    """Whose tickets: None for everybody's. A unit's person who asks for another unit gets what both have part in."""
    asked = [] if wanted.unit is None else [_plain(wanted.unit)]
    if actor.may(READ_ALL):
        return asked or None
    if not actor.may(READ_UNIT) or not actor.unit:
        raise NotAllowed("无权查看工单")
    return list(dict.fromkeys([actor.unit, *asked]))


def _takes_part(unit: str) -> ColumnElement[bool]:
    other = ticket_units.alias()
    part = select(other.c.number).where(other.c.unit == unit, other.c.number == _of.number).correlate(tickets)
    return or_(_of.unit == unit, part.exists())


def visible(actor: Actor) -> list[ColumnElement[bool]]:
    if actor.may(CONFIDENTIAL):
        return []
    return [or_(~_of.confidential, and_(_of.handler != "", _of.handler == actor.name))]


def _conditions(
    rulebook: Rulebook, actor: Actor, wanted: Filter, at: datetime, sort: Sort | None, cursor: str | None
) -> list[ColumnElement[bool]]:
    """All but the unit, the words and whose they are."""
    found = visible(actor)
    if sort is not None and cursor is not None:
        found.append(after(sort, cursor))
    if sort in (Sort.DUE, Sort.URGENCY):
        found.append(OPEN)
    if wanted.waiting_for is not None:
        found.append(condition(wanted.waiting_for))
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
            found.append(column == _plain(value))
    if wanted.channel is not None and wanted.channel != "phone":
        found.append(_NOT_BY_PHONE)
    for column, flag in ((_of.urgent, wanted.urgent), (_of.supervised, wanted.supervised)):
        if flag is not None:
            found.append(column if flag else ~column)
    if wanted.overdue is not None:
        late = and_(_of.due_at.is_not(None), _of.due_at < at)
        found.append(late if wanted.overdue else or_(_of.due_at.is_(None), _of.due_at >= at))
    if wanted.caller is not None:
        keys = [_plain(wanted.caller), *([rulebook.mark(wanted.caller)] if rulebook.mark_key else [])]
        found += [_of.caller_key.in_(keys), HAS_CALLER]
    if wanted.received_from is not None:
        found.append(_of.received_at >= wanted.received_from)
    if wanted.received_until is not None:
        found.append(_of.received_at < wanted.received_until)
    return found


_DUPLICATES = text(
    "WITH RECURSIVE d AS (SELECT number, channel FROM tickets WHERE duplicate_of = :number"
    " UNION ALL SELECT t.number, t.channel FROM tickets t JOIN d ON t.duplicate_of = d.number)"
    " SELECT number, channel FROM d ORDER BY number"
)


async def duplicates_of(connection: AsyncConnection, number: str) -> list[tuple[str, str]]:
    """Number and channel of every ticket that went on in this one (并单), straight or by way of another: what is
    answered here is owed to whoever raised those, too."""
    return [(row.number, row.channel) for row in await connection.execute(_DUPLICATES, {"number": _plain(number)})]


def _plain(value: str) -> str:
    """PostgreSQL keeps no zero character."""
    return str(value).replace("\0", "")
