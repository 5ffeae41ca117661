"""A ticket's row, and what is kept in step with it: its limits, and the other units that take part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.clock import next_at
from tickets.life import Life, Running
from tickets.number import ticket_day
from tickets.rulebook import Rulebook
from tickets.tables import tickets
from tickets.ticket import TEXTS, Ticket
from tickets.words import COMPLETION, LimitKind, State

_PLAIN = (
    "number version policy channel call_id county confidential handler parent duplicate_of due_at wake_at"
    " received_at updated_at"
).split()


def read(row: Row[Any], opened: Mapping[str, Any] | None = None) -> Ticket:
    """``opened``: the words of a confidential ticket; without them they are empty."""
    known = row._mapping
    words = {name: known[name] for name in TEXTS} if row.sealed is None else dict(opened or {})
    return Ticket(**{name: known[name] for name in _PLAIN}, life=Life.model_validate(row.life), **words)


def read_opened(row: Row[Any], rulebook: Rulebook) -> Ticket:
    """With the words of a confidential ticket. Raises :class:`tickets.sealing.NoBox`."""
    if row.sealed is None:
        return read(row)
    return read(row, json.loads(rulebook.sealing().open(row.sealed, row.number)))


async def load(connection: AsyncConnection, number: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(tickets).where(tickets.c.number == number.replace("\0", ""))
    return (await connection.execute(query.with_for_update(key_share=True) if lock else query)).one_or_none()


def moved(ticket: Ticket, rulebook: Rulebook, life: Life, at: datetime, **changes: Any) -> Ticket:
    """The ticket after a change: what follows from its life follows."""
    policy = ticket.policy or rulebook.default
    ended = changes.get("duplicate_of", ticket.duplicate_of) is not None
    return ticket.model_copy(
        update={
            "life": life,
            "version": ticket.version + 1,
            "policy": policy,
            "county": _county(life),
            "due_at": min((life.limits[kind].due for kind in COMPLETION if kind in life.limits), default=None),
            "wake_at": None if ended else next_at(rulebook.policy(policy), rulebook.days, life),
            "updated_at": max(at, ticket.updated_at),
            **changes,
        }
    )


def _county(life: Life) -> str:
    """The county that has it, asks to return it, or gave it to the unit."""
    return life.unit if State.AT_COUNTY in (life.state, life.return_from) else life.forwarded_by


async def add(connection: AsyncConnection, rulebook: Rulebook, ticket: Ticket, envelope: str | None) -> None:
    await connection.execute(insert(tickets).values(**_columns(ticket), **_texts(ticket, envelope)))
    await _follow_limits(connection, rulebook, [ticket])
    await _follow_units(connection, [ticket])


async def rewrite(connection: AsyncConnection, rulebook: Rulebook, ticket: Ticket, envelope: str | None) -> None:
    """The texts too."""
    await save(connection, rulebook, [ticket])
    values = {"confidential": ticket.confidential, "handler": ticket.handler, **_texts(ticket, envelope)}
    await connection.execute(tickets.update().where(tickets.c.number == ticket.number).values(**values))


def _texts(ticket: Ticket, envelope: str | None) -> dict[str, Any]:
    if envelope is None:
        return {**ticket.texts(), "sealed": None}
    return {name: None if name == "caller_e164" else "" for name in TEXTS} | {"sealed": envelope}


def _columns(ticket: Ticket) -> dict[str, Any]:
    return {
        **{name: getattr(ticket, name) for name in _PLAIN},
        **_of_life(ticket.life),
        "life": ticket.life.model_dump(mode="json", exclude_defaults=True),
    }


def _of_life(life: Life) -> dict[str, Any]:
    """The columns that repeat what is in the life."""
    return {
        "state": life.state.value,
        "category": life.category.value,
        "urgent": life.urgent,
        "public": life.public,
        "unit": life.unit,
        "co_units": list(life.co_units),
        "warning": life.warning and life.warning.value,
        "supervised": life.supervised,
        "caller_key": life.caller,
    }


_SAVE = text(
    "UPDATE tickets AS t SET version = r.version, policy = r.policy, life = r.life, state = r.state,"
    " category = r.category, urgent = r.urgent, public = r.public, unit = r.unit,"
    " co_units = ARRAY(SELECT jsonb_array_elements_text(r.co_units)), county = r.county, warning = r.warning,"
    " supervised = r.supervised, caller_key = r.caller_key, due_at = r.due_at, wake_at = r.wake_at,"
    " duplicate_of = r.duplicate_of, updated_at = r.updated_at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, version int, policy text, life jsonb, state text,"
    " category text, urgent boolean, public boolean, unit text, co_units jsonb, county text, warning text,"
    " supervised boolean, caller_key text, due_at timestamptz, wake_at timestamptz, duplicate_of text,"
    " updated_at timestamptz) WHERE t.number = r.number"
)
_LIMITS = (
    "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, kind text, due_at timestamptz, article text,"
    " provisional boolean, passed boolean, since date, working_days int, kept boolean)"
)
_END_LIMITS = text(
    f"DELETE FROM deadlines AS d WHERE d.number = ANY(:numbers)"
    f" AND NOT EXISTS (SELECT 1 FROM {_LIMITS} WHERE r.number = d.number AND r.kind = d.kind)"
)
_SET_LIMITS = text(
    "INSERT INTO deadlines AS d (number, kind, due_at, article, provisional, passed, since, working_days, kept)"
    f" SELECT * FROM {_LIMITS} ON CONFLICT (number, kind) DO UPDATE SET due_at = excluded.due_at,"
    " article = excluded.article, provisional = excluded.provisional, passed = excluded.passed, kept = excluded.kept,"
    " since = CASE WHEN d.due_at = excluded.due_at THEN d.since ELSE excluded.since END,"
    " working_days = CASE WHEN d.due_at = excluded.due_at THEN d.working_days ELSE excluded.working_days END"
    " WHERE (d.due_at, d.article, d.provisional, d.passed, d.kept) IS DISTINCT FROM"
    " (excluded.due_at, excluded.article, excluded.provisional, excluded.passed, excluded.kept)"
)
_UNITS = "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(unit text, received_at timestamptz, number text)"
_END_UNITS = text(
    f"DELETE FROM ticket_units AS u WHERE u.number = ANY(:numbers)"
    f" AND NOT EXISTS (SELECT 1 FROM {_UNITS} WHERE r.number = u.number AND r.unit = u.unit)"
)
_SET_UNITS = text(f"INSERT INTO ticket_units (unit, received_at, number) SELECT * FROM {_UNITS} ON CONFLICT DO NOTHING")


async def save(connection: AsyncConnection, rulebook: Rulebook, changed: Sequence[Ticket]) -> None:
    """Rows that this transaction has locked. The texts stay as they are."""
    if not changed:
        return
    await connection.execute(_SAVE, {"rows": json.dumps([_columns(ticket) for ticket in changed], default=_iso)})
    await _follow_limits(connection, rulebook, changed)
    await _follow_units(connection, changed)
    await _lapse(connection, changed)


async def _follow_limits(connection: AsyncConnection, rulebook: Rulebook, changed: Sequence[Ticket]) -> None:
    rows = [
        {
            "number": ticket.number,
            "kind": kind.value,
            "due_at": one.due.isoformat(),
            "article": one.cite,
            "provisional": one.provisional,
            "passed": one.passed,
            **_left(rulebook, ticket, one),
            "kept": kept,
        }
        for ticket in changed
        for kind, one, kept in _counted(ticket.life)
    ]
    given = {"numbers": [ticket.number for ticket in changed], "rows": json.dumps(rows)}
    await connection.execute(_END_LIMITS, given)
    if rows:
        await connection.execute(_SET_LIMITS, {"rows": given["rows"]})


def _counted(life: Life) -> list[tuple[LimitKind, Running, bool]]:
    """The limits that run; and, last True, those that run on if the review sends it back, where a notice moves them."""
    kept = life.kept.items() if life.state is State.COMPLETED else ()
    waiting = [(kind, one, True) for kind, one in kept if one.provisional and kind not in life.limits]
    return [*((kind, one, False) for kind, one in life.limits.items()), *waiting]


def _left(rulebook: Rulebook, ticket: Ticket, running: Running) -> dict[str, Any]:
    if not running.provisional:
        return {"since": None, "working_days": None}
    since = ticket_day(ticket.updated_at)
    return {"since": since.isoformat(), "working_days": rulebook.days.between(since, ticket_day(running.due))}


async def _follow_units(connection: AsyncConnection, changed: Sequence[Ticket]) -> None:
    rows = [
        {"unit": unit, "received_at": ticket.received_at.isoformat(), "number": ticket.number}
        for ticket in changed
        for unit in sorted({ticket.county, *ticket.life.co_units} - {"", ticket.life.unit})
    ]
    given = {"numbers": [ticket.number for ticket in changed], "rows": json.dumps(rows)}
    await connection.execute(_END_UNITS, given)
    if rows:
        await connection.execute(_SET_UNITS, {"rows": given["rows"]})


_LAPSE = text(
    "DELETE FROM ticket_sign_offs AS s USING jsonb_to_recordset(CAST(:rows AS jsonb))"
    " AS r(number text, state text, unit text, confidential boolean, extensions int) WHERE s.number = r.number"
    " AND ((s.state, s.unit, s.confidential) IS DISTINCT FROM (r.state, r.unit, r.confidential)"
    " OR s.what = 'extend' AND s.extensions <> r.extensions)"
)


async def _lapse(connection: AsyncConnection, changed: Sequence[Ticket]) -> None:
    """What waits for a signature was prepared for the ticket as it was: where it moved on otherwise, or others may see
    it now, there is nothing to sign any more."""
    rows = [
        {
            "number": ticket.number,
            "state": ticket.life.state.value,
            "unit": ticket.life.unit,
            "confidential": ticket.confidential,
            "extensions": ticket.life.extensions_asked,
        }
        for ticket in changed
    ]
    await connection.execute(_LAPSE, {"rows": json.dumps(rows)})


def _iso(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
