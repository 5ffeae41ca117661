"""The log reader: Asterisk's CEL and queue_log lines become calls, tickets and alerts, each exactly once.

A step reads a batch and writes all that follows from it in one transaction, the cursors included. Whatever dies, the
next step begins where the last committed one ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls import cel, outgoing, queue_log, store
from calls.alerts import Alert, raise_alerts
from calls.cut import Waiting, waiting_when_cut
from calls.events import CEL, CHECK, QUEUE_LOG
from calls.open_calls import OpenCall, OpenCalls
from calls.outgoing import Outgoing
from calls.record import Call
from calls.store import Caller, Progress, StaleCursor, StoredLine
from calls.tail import Batch, Tail
from calls.timeline import Event
from hotline import missed
from hotline.intake import alerts_of, caller_of, request_of
from hotline.stopping import pause
from tickets import store as ticket_store
from tickets.number import today
from tickets.store import Received

log = logging.getLogger(__name__)

CALLS_CHANNEL = "calls"
"""NOTIFY channel; the payload is the ids of changed calls, space between."""
INTERVAL = 0.25
BUSY_INTERVAL = 0.6
BUSY_LINES = 50
"""A step that brings so many lines is followed by the longer pause: each call is then written fewer times."""
MAX_LINES = 4_000
STEP_SECONDS = 90.0
"""A step that takes longer is given up and begun again: the database may be frozen."""
MAX_BACK_OFF = 2.0

OnEnded = Callable[[AsyncConnection], Awaitable[None]]
OnOutgoing = Callable[[AsyncConnection, list[Outgoing]], Awaitable[None]]
OnCut = Callable[[AsyncConnection, list[tuple[Call, Caller, Waiting]]], Awaitable[None]]
OnChanged = Callable[[AsyncConnection, list[tuple[Call, Caller, Call | None]]], Awaitable[None]]
Parsed = tuple[Event, StoredLine]


@dataclass(frozen=True, slots=True)
class Change:
    """A call's new record, the one before, and what follows from it."""

    open: OpenCall
    call: Call
    old: Call | None
    caller: Caller
    request: Received | None
    alerts: list[Alert]
    follows: bool
    """There is a ticket, and the request is another than before."""


def change_of(open_call: OpenCall) -> Change | None:
    """None: the record is as it was. Whatever a call's lines make of it, raises nothing but a fault of ours."""
    call, old = open_call.fold(), open_call.call
    if call is None or call == old:
        return None
    caller = open_call.caller or caller_of(call.number, call.presentation)
    request = request_of(call, caller)
    follows = open_call.ticket != "" and (old is None or request_of(old, caller) != request)
    return Change(open_call, call, old, caller, request, alerts_of(call, caller), follows)


async def to_nobody(connection: AsyncConnection, ended: list[Outgoing]) -> None:
    """Where nobody is called back."""


async def nobody_asks(connection: AsyncConnection, changed: list[tuple[Call, Caller, Call | None]]) -> None:
    """Where no caller is rung back in line."""


async def nobody_waits(connection: AsyncConnection, cut: list[tuple[Call, Caller, Waiting]]) -> None:
    """Where no place in line is kept."""


class Reader:
    """``on_ended`` is called inside the transaction when a call has ended (its recording can be converted), and
    ``on_outgoing`` with calls of ours that have ended, each time something more is read of them, ``on_cut`` with
    callers who waited in a queue when Asterisk went, ``on_changed`` with calls whose records changed, and the records
    before. ``node``: whose log it is, where several share the database."""

    def __init__(
        self,
        engine: AsyncEngine,
        cel_file: Path,
        queue_log_file: Path,
        on_ended: OnEnded,
        on_outgoing: OnOutgoing = to_nobody,
        on_cut: OnCut = nobody_waits,
        on_changed: OnChanged = nobody_asks,
        node: str = "",
    ) -> None:
        self._engine = engine
        self._files = {CEL: cel_file, QUEUE_LOG: queue_log_file}
        self._on_ended, self._on_outgoing, self._on_cut = on_ended, on_outgoing, on_cut
        self._on_changed = on_changed
        self._node = node
        self._taken = 0
        self._tails: dict[str, Tail] = {}
        self._positions: dict[str, int] = {}
        self._open = OpenCalls()
        self._lines = 0
        """Read in the last step."""
        self._gone: dict[str, tuple[float, str]] = {}
        self.caught_up = asyncio.Event()
        """Set when all that was there at the start has been written."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. The database may come and go: what is not written is read again later."""
        back_off = INTERVAL
        while not stop.is_set():
            seconds = INTERVAL
            try:
                async with asyncio.timeout(STEP_SECONDS):
                    if await self.step():
                        seconds = 0.0
                    elif self._lines >= BUSY_LINES:
                        seconds = BUSY_INTERVAL
                back_off = INTERVAL
            except (DBAPIError, OSError, TimeoutError, StaleCursor) as error:
                log.warning("not written, again in %.1f s: %s", back_off, _one_line(error))
                seconds, back_off = back_off, min(back_off * 2, MAX_BACK_OFF)
            await pause(stop, seconds)
        self.forget()

    def close_gone(self, call_ids: Iterable[str], at: float, kind: str = queue_log.GONE) -> None:
        """Asterisk has these calls no longer (seen at ``at``, epoch seconds; ``kind``: GONE or LOST): the next step
        closes those that are still open. Forgotten when that fails: whoever looks again finds them again."""
        self._gone |= dict.fromkeys(call_ids, (at, kind))

    def forget(self) -> None:
        """Begin again from the stored cursors."""
        for tail in self._tails.values():
            tail.close()
        self._tails.clear()
        self._open.clear()

    async def step(self) -> bool:
        """Read and write one batch. True: there is more to read at once."""
        done = False
        try:
            if not self._tails:
                await self._begin()
            # Asterisk's new start is in queue_log: by then all of CEL from before it must have been read.
            batches = {CEL: self._tails[CEL].read(MAX_LINES)}
            if batches[CEL].at_end:
                batches[QUEUE_LOG] = self._tails[QUEUE_LOG].read(MAX_LINES)
            self._lines = sum(len(batch.lines) for batch in batches.values())
            moved = {s: b for s, b in batches.items() if b.cursor.position != self._positions[s] or b.gaps or b.skipped}
            gone, self._gone = self._gone, {}
            if moved or gone:
                async with self._engine.begin() as connection:
                    await self._write(connection, moved, gone)
                self._positions.update({stream: batch.cursor.position for stream, batch in moved.items()})
                self._open.trim()
            done = True
            more = not all(batch.at_end for batch in batches.values())
            if not more:
                self.caught_up.set()
            return more
        finally:
            if not done:
                self.forget()

    async def _begin(self) -> None:
        async with self._engine.begin() as connection:
            cursors = {stream: await store.load_cursor(connection, stream, self._node) for stream in self._files}
            self._taken = await store.load_taken(connection, self._node)
        for stream, path in self._files.items():
            self._positions[stream] = cursors[stream].position
            self._tails[stream] = Tail(path, cursors[stream])

    async def _write(
        self, connection: AsyncConnection, batches: dict[str, Batch], gone: Mapping[str, tuple[float, str]]
    ) -> None:
        parsed: list[Parsed] = []
        starts: list[tuple[queue_log.QueueEvent, str]] = []
        steps = []
        for stream, batch in batches.items():
            malformed = batch.skipped
            for line in batch.lines:
                try:
                    event = _PARSE[stream](line.position, line.text)
                except ValueError as error:  # MalformedLine, or what no check of ours thought of
                    malformed += 1
                    log.error("%s: line left out: %s", self._files[stream], error)
                    continue
                if event is not None and event.call:
                    parsed.append((event, StoredLine(event.call, stream, line.position, line.text)))
                elif isinstance(event, queue_log.QueueEvent):
                    starts.append((event, line.text))
            steps.append(Progress(stream, self._positions[stream], batch.cursor, malformed, batch.gaps))
        # The other stream's cursor too: had somebody else moved it, what is in memory here would be out of date.
        steps += [Progress(s, self._positions[s], tail.cursor) for s, tail in self._tails.items() if s not in batches]
        await store.advance(connection, steps, self._node, self._taken)
        if gaps := [step for step in steps if step.gaps]:
            words = "Asterisk 日志有缺失，部分来电记录可能不完整"
            await raise_alerts(connection, [Alert("log_gap", f"{step.stream}@{step.was}", words) for step in gaps])
        if bad := [step for step in steps if step.malformed]:
            words = "Asterisk 日志有无法识别的行，已跳过"
            found = [Alert("log_malformed", f"{step.stream}@{today()}", words) for step in bad]
            await raise_alerts(connection, found)
        for start, text in starts:
            for call_id in await self._still_open(connection, start, parsed):
                about = StoredLine(call_id, QUEUE_LOG, start.position, text)
                parsed.append((queue_log.about(start, call_id), about))
        for call_id, (at, kind) in gone.items():
            position, text = queue_log.gone_line(call_id, at, kind)
            if (event := queue_log.parse(position, text)) is not None:
                parsed.append((event, StoredLine(call_id, CHECK, position, text)))
        if parsed:
            await self._take(connection, parsed)

    async def _still_open(
        self, connection: AsyncConnection, start: queue_log.QueueEvent, parsed: list[Parsed]
    ) -> set[str]:
        """Calls that Asterisk's end may have ended: those known as open, and those that this batch speaks of."""
        here = {event.call for event, _ in parsed if event.stream == CEL and event.at < start.at}
        here -= {event.call for event, _ in parsed if isinstance(event, cel.CelEvent) and event.ends_call}
        return here | set(await store.open_calls_before(connection, start.at, self._node))

    async def _take(self, connection: AsyncConnection, parsed: list[Parsed]) -> None:
        touched = list(dict.fromkeys(event.call for event, _ in parsed))
        await self._load(connection, self._open.missing(touched))
        await store.append_events(connection, (line for _, line in parsed))
        for event, _ in parsed:
            self._open.use(event.call).add(event)
        changed: list[Change] = []
        attempts: list[Outgoing] = []
        unreadable: list[str] = []
        for call_id in touched:
            open_call = self._open.use(call_id)
            try:
                change = change_of(open_call)
                if outgoing.is_outgoing(call_id):
                    attempts += _ended(call_id, open_call)
            except Exception:
                # Its lines are kept; a later version can fold them. All other calls go on.
                log.exception("no record of call %s", call_id)
                unreadable.append(call_id)
                continue
            if change is not None:
                changed.append(change)
                open_call.call, open_call.caller = change.call, change.caller
        if unreadable:
            words = f"来电 {unreadable[0]} 等 {len(unreadable)} 个的记录无法生成，日志已保留"
            await raise_alerts(connection, [Alert("call_unreadable", today(), words, unreadable[0])])
        if changed:
            await self._project(connection, changed)
        if attempts:
            await self._on_outgoing(connection, attempts)

    async def _load(self, connection: AsyncConnection, call_ids: list[str]) -> None:
        if not call_ids:
            return
        events = await store.load_events(connection, call_ids)
        # A call without a stored line has no ticket either.
        numbers = await ticket_store.numbers_of(connection, list(events)) if events else {}
        for call_id in call_ids:
            self._open.put(OpenCall(call_id, events.get(call_id, []), ticket=numbers.get(call_id, "")))

    async def _project(self, connection: AsyncConnection, changed: list[Change]) -> None:
        """Everything that is derived from the calls' new records."""
        await store.upsert_calls(connection, [(one.call, one.caller) for one in changed], self._node)
        if begun := [
            one.call for one in changed if one.call.recording_file and (one.old is None or not one.old.recording_file)
        ]:
            await store.expect_recordings(connection, begun, self._node)
        records = [(one.call, one.caller, one.old) for one in changed]
        await missed.note(connection, records)
        await self._tickets(connection, changed)
        await self._on_changed(connection, records)
        if alerts := [alert for one in changed for alert in one.alerts]:
            await raise_alerts(connection, alerts)
        await store.notify(connection, CALLS_CHANNEL, [one.call.id for one in changed])
        if any(one.call.ended_at is not None for one in changed):
            await self._on_ended(connection)
        if cut := [(one.call, one.caller, waiting) for one in changed if (waiting := _just_cut(one)) is not None]:
            await self._on_cut(connection, cut)

    async def _tickets(self, connection: AsyncConnection, changed: list[Change]) -> None:
        new: dict[str, OpenCall] = {}
        received: list[Received] = []
        followed: list[tuple[str, Received]] = []
        for one in changed:
            if one.request is None:
                continue
            if not one.open.ticket:
                new[one.call.id] = one.open
                received.append(one.request)
            elif one.follows:
                followed.append((one.open.ticket, one.request))
        # Rows first and in order, then the counter: as whoever splits or merges takes them.
        if followed:
            await ticket_store.follow(connection, [request for _, request in sorted(followed, key=lambda one: one[0])])
        if received:
            for call_id, number in (await ticket_store.receive(connection, received)).items():
                new[call_id].ticket = number


def _just_cut(change: Change) -> Waiting | None:
    return waiting_when_cut(change.call) if change.old is None or change.old.ended_at is None else None


def _ended(call_id: str, open_call: OpenCall) -> list[Outgoing]:
    attempt = outgoing.fold_attempt(call_id, open_call.events)
    return [] if attempt is None or attempt.ended_at is None else [attempt]


_PARSE: dict[str, Callable[[int, str], Event | None]] = {CEL: cel.parse, QUEUE_LOG: queue_log.parse}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
