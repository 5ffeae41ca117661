"""What was done to a ticket: events that are only ever added, in the transaction of the change they tell of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets.commands import AnyCommand, Supervise
from tickets.life import Life
from tickets.permits import Actor, Place, sees
from tickets.rulebook import Rulebook
from tickets.tables import ticket_events
from tickets.words import State

CHANNEL = "tickets"
"""NOTIFY: ``<number> <position>`` for each event, at commit."""
MAX_FEED = 1000

NoteKind = Literal["callback_asked", "callback_reached", "callback_answered", "callback_unreached", "called"]
"""What happens about a ticket and changes nothing of it."""
SignOffKind = Literal["sign_sent", "sign_sent_back", "sign_withdrawn"]
"""Notes too, of what is between an officer and the unit's leader (``tickets.sign_off``)."""

_COMMAND_WORDS = ("reason", "basis", "result", "stage_report", "leader_consent", "leader_approval", "caller")
_CHANGE_WORDS = ("caller", "callers")

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """``data``: what may be known; ``words``: what people wrote, and who they are."""

    number: str
    at: datetime
    kind: str
    actor: str
    data: Data
    words: Data = field(default_factory=dict)
    articles: tuple[str, ...] = ()
    envelope: str | None = None
    """The words, sealed; then ``words`` is empty."""


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """``at``: when it happened; ``recorded_at``: when it was written down, later where the clock caught up.

    ``words``: empty where they were not asked for, or may not be seen.
    """

    id: int
    number: str
    at: datetime
    recorded_at: datetime
    kind: str
    actor: str
    data: Data
    words: Data
    articles: tuple[str, ...]

    @property
    def changes(self) -> Data:
        """Fields of the life that are new with it."""
        return {**self.data.get("changes", {}), **self.words.get("changes", {})}


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """``position`` is what to read on from."""

    position: int
    event: TicketEvent
    state: str
    unit: str


def changes(old: Life | None, new: Life) -> Data:
    """What of ``new`` differs."""
    before = {} if old is None else old.model_dump(mode="json")
    return {name: value for name, value in new.model_dump(mode="json").items() if before.get(name, ...) != value}


def event_of(
    number: str,
    at: datetime,
    kind: str,
    actor: str,
    changed: Mapping[str, Any],
    *,
    command: AnyCommand | None = None,
    data: Mapping[str, Any] | None = None,
    words: Mapping[str, Any] | None = None,
    articles: tuple[str, ...] = (),
) -> NewEvent:
    """With what people wrote set apart from what may be known."""
    open_part: Data = dict(data or {})
    apart: Data = dict(words or {})
    _part(open_part, apart, "changes", changed, _CHANGE_WORDS)
    if command is not None:
        given = command.model_dump(mode="json", by_alias=True, exclude={"do"}, exclude_defaults=True)
        given |= {name: value for name, value in command.model_dump(by_alias=True).items() if isinstance(value, bool)}
        # The reason for supervision is one of a list.
        named = () if isinstance(command, Supervise) else _COMMAND_WORDS
        _part(open_part, apart, "command", given, named)
    return NewEvent(number, at, kind, actor, open_part, apart, articles)


def _part(open_part: Data, apart: Data, name: str, values: Mapping[str, Any], personal: Sequence[str]) -> None:
    open_part[name] = {key: value for key, value in values.items() if key not in personal or isinstance(value, bool)}
    if hidden := {key: value for key, value in values.items() if key not in open_part[name]}:
        apart[name] = hidden


_APPEND = text(
    "INSERT INTO ticket_events (number, at, kind, actor, data, words, sealed, articles)"
    " SELECT number, at, kind, actor, data, NULLIF(words, '{}'), envelope,"
    " ARRAY(SELECT jsonb_array_elements_text(articles))"
    " FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (number text, at timestamptz, kind text, actor text,"
    " data jsonb, words jsonb, envelope text, articles jsonb)) WITH ORDINALITY"
    " AS r(number, at, kind, actor, data, words, envelope, articles, place) ORDER BY place"
)


async def append(connection: AsyncConnection, events: Iterable[NewEvent]) -> None:
    """In order."""
    rows = [
        {
            "number": event.number,
            "at": event.at.isoformat(),
            "kind": event.kind,
            "actor": event.actor,
            "data": event.data,
            "words": event.words,
            "envelope": event.envelope,
            "articles": list(event.articles),
        }
        for event in events
    ]
    if rows:
        await connection.execute(_APPEND, {"rows": _json(rows)})


def _json(value: object) -> str:
    # PostgreSQL keeps no zero character, wherever it was written.
    return json.dumps(_clean(value), ensure_ascii=False)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return value


async def events_of(
    connection: AsyncConnection, rulebook: Rulebook, number: str, kind: str | None = None
) -> list[TicketEvent]:
    """All of a ticket's (of one kind), in order, with their words. Whether somebody may read them is the caller's
    question."""
    query = select(ticket_events).where(ticket_events.c.number == number).order_by(ticket_events.c.id)
    if kind is not None:
        query = query.where(ticket_events.c.kind == kind)
    return [_event(row, _words(row, rulebook)) for row in await connection.execute(query)]


def _words(row: Row[Any], rulebook: Rulebook) -> Data:
    if row.sealed is None:
        return row.words or {}
    opened: Data = json.loads(rulebook.sealing().open(row.sealed, row.number))
    return opened


def _event(row: Row[Any], words: Data) -> TicketEvent:
    return TicketEvent(
        row.id, row.number, row.at, row.recorded_at, row.kind, row.actor, row.data, words, tuple(row.articles)
    )


_FEED = text(
    "SELECT f.position, e.*, t.state, t.unit, t.co_units, t.county, t.confidential, t.handler"
    " FROM ticket_feed f JOIN ticket_events e ON e.id = f.event JOIN tickets t ON t.number = e.number"
    " WHERE f.position > :position ORDER BY f.position LIMIT :limit"
)
_END = text("SELECT COALESCE(max(position), 0) FROM ticket_feed")


async def events_after(
    connection: AsyncConnection, actor: Actor, position: int, limit: int
) -> tuple[list[FeedEvent], int]:
    """The events after ``position`` that ``actor`` may see, without words; and where to go on.

    Looks at ``limit`` events, so there may be more even if none comes back: go on until the position stays.
    """
    rows = (await connection.execute(_FEED, {"position": position, "limit": min(limit, MAX_FEED)})).all()
    found = []
    for row in rows:
        place = Place(
            State(row.state), row.unit, tuple(row.co_units), row.county, confidential=row.confidential,
            handler=row.handler,
        )  # fmt: skip
        if sees(actor, place):
            found.append(FeedEvent(row.position, _event(row, {}), row.state, row.unit))
    return found, rows[-1].position if rows else position


async def feed_end(connection: AsyncConnection) -> int:
    """The position of the newest event."""
    end: int = (await connection.execute(_END)).scalar_one()
    return end


def rebuild(events: Iterable[TicketEvent]) -> Life:
    """The life that the events come to: what the row must say. Raises ValueError without any."""
    fields: Data = {}
    for event in events:
        fields |= event.changes
    return Life.model_validate(fields)


async def who_did(connection: AsyncConnection, number: str, kind: str) -> str | None:
    """Whose event of that kind is the last one; None: there is none."""
    of = ticket_events.c
    query = select(of.actor).where(of.number == number, of.kind == kind).order_by(of.id.desc()).limit(1)
    found: str | None = await connection.scalar(query)
    return found
