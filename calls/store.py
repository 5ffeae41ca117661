"""Where the streams and the call records are kept. All functions work inside the caller's transaction."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import cel, queue_log
from calls.events import CEL
from calls.record import Call
from calls.tables import call_events, calls, log_cursors
from calls.tail import Cursor
from calls.timeline import Event

NOTIFY_BYTES = 7_900
"""PostgreSQL refuses a NOTIFY payload of 8000 bytes or more."""


class StaleCursor(Exception):
    """Somebody else has read this stream on: begin again from the stored cursor."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One stream's step: from the position ``was`` to ``cursor``."""

    stream: str
    was: int
    cursor: Cursor
    malformed: int = 0
    gaps: int = 0


@dataclass(frozen=True, slots=True)
class StoredLine:
    call: str
    stream: str
    position: int
    line: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller's number as it is shown, in E.164 if it is one, and of which kind."""

    display: str = ""
    e164: str | None = None
    kind: str = ""


async def load_cursor(connection: AsyncConnection, stream: str, node: str = "") -> Cursor:
    """Where reading goes on; a new stream begins at its oldest file."""
    await connection.execute(
        text(
            "INSERT INTO log_cursors (node, stream, device, inode, offset_bytes, head, modified_ns, position)"
            " VALUES (:node, :stream, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
        ),
        {"node": node, "stream": stream},
    )
    mine = log_cursors.c.node == node, log_cursors.c.stream == stream
    row = (await connection.execute(select(log_cursors).where(*mine))).one()
    return Cursor(
        device=int(row.device),
        inode=int(row.inode),
        offset=row.offset_bytes,
        head=row.head,
        modified_ns=row.modified_ns,
        position=row.position,
    )


_ADVANCE = text(
    'UPDATE log_cursors AS c SET device = r.device, inode = r.inode, offset_bytes = r."offset", head = r.head,'
    " modified_ns = r.modified_ns, position = r.position, malformed = c.malformed + r.malformed,"
    " gaps = c.gaps + r.gaps, updated_at = now()"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(stream text, was bigint, device numeric, inode numeric,"
    ' "offset" bigint, head bigint, modified_ns bigint, position bigint, malformed bigint, gaps bigint)'
    " WHERE c.node = :node AND c.stream = r.stream AND c.position = r.was AND c.taken = :taken"
)


async def load_taken(connection: AsyncConnection, node: str = "") -> int:
    """How often another node has ended the calls that this one reads of."""
    query = select(func.coalesce(func.max(log_cursors.c.taken), 0)).where(log_cursors.c.node == node)
    return int(await connection.scalar(query) or 0)


async def advance(connection: AsyncConnection, steps: Sequence[Progress], node: str = "", taken: int = 0) -> None:
    """Move the cursors on, first of all in the transaction: the lock keeps a second reader out. Raises StaleCursor,
    also when ``taken`` is out of date (:func:`load_taken`)."""
    rows = [
        {
            "stream": step.stream,
            "was": step.was,
            "device": step.cursor.device,
            "inode": step.cursor.inode,
            "offset": step.cursor.offset,
            "head": step.cursor.head,
            "modified_ns": step.cursor.modified_ns,
            "position": step.cursor.position,
            "malformed": step.malformed,
            "gaps": step.gaps,
        }
        for step in sorted(steps, key=lambda step: step.stream)
    ]
    result = await connection.execute(_ADVANCE, {"rows": json.dumps(rows), "node": node, "taken": taken})
    if result.rowcount != len(rows):
        raise StaleCursor(", ".join(step.stream for step in steps))


async def append_events(connection: AsyncConnection, lines: Iterable[StoredLine]) -> None:
    """COPY is the cheapest way in. A line that is there already is an error: the cursor forbids it."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    async with (
        driver.cursor() as cursor,
        cursor.copy("COPY call_events (call_id, stream, position, line) FROM STDIN") as copy,
    ):
        await copy.write("".join(f"{s.call}\t{s.stream}\t{s.position}\t{_copy_text(s.line)}\n" for s in lines))


def _copy_text(line: str) -> str:
    """Text format of COPY (PostgreSQL manual, COPY, "Text Format")."""
    if "\\" in line:
        line = line.replace("\\", "\\\\")
    if "\t" in line or "\r" in line or "\n" in line:
        line = line.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
    return line


async def load_events(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[Event]]:
    """All that was read about these calls, parsed again; ids without a line are left out."""
    found: dict[str, list[Event]] = defaultdict(list)
    query = select(call_events).where(call_events.c.call_id == func.any(list(call_ids)))
    for row in await connection.execute(query):
        event = parse_stored(row.call_id, row.stream, row.position, row.line)
        if event is not None:
            found[row.call_id].append(event)
    return dict(found)


def parse_stored(call_id: str, stream: str, position: int, line: str) -> Event | None:
    """None for a line that a newer version of ours no longer understands."""
    try:
        if stream == CEL:
            return cel.parse(position, line)
        event = queue_log.parse(position, line)
    except ValueError:
        return None
    return event if event is None or event.call else queue_log.about(event, call_id)


async def forget_words(connection: AsyncConnection, call_id: str) -> None:
    """What was heard at the menu, out of the call's lines: the timeline that is folded from them has it no more."""
    c = call_events.c
    query = select(c.position, c.line).where(c.call_id == call_id, c.stream == CEL, c.line.contains("HEARD"))
    for row in await connection.execute(query):
        with contextlib.suppress(ValueError):  # a line that a newer version of ours no longer understands
            blank = cel.without_words(row.line)
            place = (c.call_id == call_id, c.stream == CEL, c.position == row.position)
            await connection.execute(update(call_events).where(*place).values(line=blank))


async def open_calls_before(connection: AsyncConnection, moment: float, node: str = "") -> list[str]:
    """Calls of a node that arrived before a moment (epoch seconds) and are not known to have ended."""
    before = calls.c.arrived_at < func.to_timestamp(moment)
    query = select(calls.c.id).where(calls.c.ended_at.is_(None), before, calls.c.node == node)
    return list((await connection.scalars(query)).all())


_TIMES = ("arrived_at", "answered_at", "human_at", "ended_at")
_PLAIN = (
    "dialled via number presentation category decision decided_by keys queue agent emergency emergency_failed"
    " abandoned missed announced informed hangup_by notice fallback message_file time_to_human"
).split()
_CALLER = ("caller", "caller_e164", "caller_kind")


def _upsert_sql() -> str:
    columns = ("id", *_TIMES, *_PLAIN, *_CALLER)
    kinds = {column.name: column.type.compile() for column in calls.columns if column.name != "announced"}
    kinds |= dict.fromkeys(_TIMES, "float8")
    kinds["announced"] = "bigint[]"
    values = ", ".join(f"to_timestamp(r.{name})" if name in _TIMES else f"r.{name}" for name in columns)
    record = ", ".join(f"{name} {kinds[name]}" for name in columns)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    return (
        f"INSERT INTO calls ({', '.join(columns)}, node) SELECT {values}, CAST(:node AS text)"
        f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({record}) ORDER BY r.id"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    )


_UPSERT = text(_upsert_sql())


async def upsert_calls(connection: AsyncConnection, changed: Sequence[tuple[Call, Caller]], node: str = "") -> None:
    """``node``: where those are that are new."""
    rows = []
    for call, caller in changed:
        row: dict[str, Any] = {name: getattr(call, name) for name in _PLAIN}
        row |= {name: getattr(call, name) for name in _TIMES}
        row |= {"id": call.id, "caller": caller.display, "caller_e164": caller.e164, "caller_kind": caller.kind}
        rows.append(row)
    await connection.execute(_UPSERT, {"rows": json.dumps(rows), "node": node})


_RECORDINGS = text(
    "INSERT INTO recordings (call_id, file, offset_ms, node)"
    " SELECT r.*, CAST(:node AS text)"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(call_id text, file text, offset_ms int)"
    " ON CONFLICT (call_id) DO UPDATE SET file = excluded.file, offset_ms = excluded.offset_ms"
)


async def expect_recordings(connection: AsyncConnection, begun: Sequence[Call], node: str = "") -> None:
    """Note the recordings that Asterisk was told to begin."""
    rows = [{"call_id": c.id, "file": c.recording_file, "offset_ms": c.recording_offset_ms} for c in begun]
    await connection.execute(_RECORDINGS, {"rows": json.dumps(rows), "node": node})


async def notify(connection: AsyncConnection, channel: str, words: Sequence[str]) -> None:
    """``pg_notify`` the words, space between, in as many messages as their size needs. Sent at commit."""
    payloads: list[str] = []
    for word in words:
        if payloads and len(payloads[-1]) + 1 + len(word) <= NOTIFY_BYTES:
            payloads[-1] += " " + word
        else:
            payloads.append(word[:NOTIFY_BYTES])
    statement = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")
    await connection.execute(statement, {"channel": channel, "payloads": payloads})
