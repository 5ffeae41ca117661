"""The log reader on a real PostgreSQL, fed with what a real Asterisk wrote."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.events import QUEUE_LOG
from calls.listing import list_calls, load_timeline, timeline_rows
from calls.open_calls import OpenCall
from calls.record import Call
from calls.store import Caller, StaleCursor
from hotline import reader as reader_module
from hotline.db import driver_url
from hotline.reader import Reader
from hotline.recordings_job import defer_sweep
from tickets.tables import tickets as tickets_table

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"
CALLS, TICKETS, ALERTS = 16, 14, 7
CALLED = "hotline-1795296063.0"
TOLD = "call_id channel state category urgent caller caller_e164 keyed summary received_at".split()
State = tuple[list[dict[str, Any]], list[dict[str, Any]], list[Any], int, list[Any]]


async def rows(engine: AsyncEngine, query: str) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(query))).all())


async def state(engine: AsyncEngine) -> State:
    """All that must not depend on how the log was read."""
    async with engine.connect() as connection:
        calls = await list_calls(connection, limit=1000)
        query = select(*(tickets_table.c[name] for name in TOLD)).order_by(tickets_table.c.number)
        tickets = [dict(row._mapping) for row in await connection.execute(query)]
    alerts = await rows(engine, "SELECT kind, key, text FROM alerts ORDER BY kind, key")
    events = await rows(engine, "SELECT count(*) FROM call_events WHERE line NOT LIKE '%QUEUESTART%'")
    for call in calls:
        call["recording"] = call["recording"] and call["recording"]["offset_ms"]
    columns = "number, call_id, calls, first_at, last_at, ended, ended_at, ended_by"
    missed = await rows(engine, f"SELECT {columns} FROM missed_callers ORDER BY number, first_at")
    return calls, sorted(tickets, key=lambda ticket: str(ticket["call_id"])), alerts, events[0][0], missed


def reader(engine: AsyncEngine, folder: Path) -> Reader:
    return Reader(engine, folder / "cel.csv", folder / "queue_log", on_ended=defer_sweep)


async def read_all(one: Reader) -> None:
    while await one.step():
        pass


@pytest.fixture
async def whole(engine: AsyncEngine) -> State:
    """What the streams come to, read in one go."""
    one = reader(engine, STREAMS)
    await read_all(one)
    one.forget()
    found = await state(engine)
    tables = "calls, call_events, tickets, ticket_counters, alerts, recordings, log_cursors, missed_callers"
    async with engine.begin() as connection:
        # Events are kept for good, even from those who test.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(f"TRUNCATE {tables} CASCADE"))
        await connection.execute(text("DELETE FROM procrastinate_jobs"))
    return found


async def test_calls_tickets_alerts_and_one_job(engine: AsyncEngine) -> None:
    one = reader(engine, STREAMS)
    await read_all(one)
    assert one.caught_up.is_set()
    calls, tickets, alerts, _, missed = await state(engine)
    assert (len(calls), len(tickets), len(alerts)) == (CALLS, TICKETS, ALERTS)
    assert [call["id"] for call in calls if call["missed"]] == [
        "hotline-1795296110.17",
        "hotline-1795296095.12",
        "hotline-1795296090.10",
    ]
    last = calls[[call["id"] for call in calls].index("hotline-1795296110.17")]
    assert [(row.number, row.call_id, row.calls, row.last_at) for row in missed] == [
        (last["caller_e164"], last["id"], 3, last["ended_at"])
    ]
    assert all(call["ended_at"] is not None for call in calls)
    assert sum(ticket["urgent"] for ticket in tickets) == 3
    assert [row.number for row in await rows(engine, "SELECT number FROM tickets ORDER BY number")] == [
        f"20261122-{count:06d}" for count in range(1, TICKETS + 1)
    ]
    assert await rows(engine, "SELECT count(*), max(kind) FROM ticket_events") == [(TICKETS, "received")]
    assert await rows(engine, "SELECT task_name, status FROM procrastinate_jobs") == [("recordings:sweep", "todo")]
    before = await state(engine)
    await read_all(one)
    one.forget()
    await read_all(one)
    one.forget()
    assert await state(engine) == before


async def test_one_calls_whole_timeline(engine: AsyncEngine) -> None:
    one = reader(engine, STREAMS)
    await read_all(one)
    one.forget()
    async with engine.connect() as connection:
        call = await load_timeline(connection, CALLED)
        assert await load_timeline(connection, "hotline-1795296063.999") is None
    assert call is not None
    told = timeline_rows(call)
    assert [row["event"] for row in told][-3:] == ["unheld", "overflow", "hung_up"]
    assert told[0] == {
        "at": told[0]["at"],
        "seconds": 0.0,
        "event": "arrived",
        "detail": {"dialled": "12345", "via": "public"},
    }


@pytest.mark.parametrize("seed", range(4))
async def test_batches_rotations_and_deaths_do_not_matter(
    engine: AsyncEngine, database_url: str, whole: State, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    rest = {name: (STREAMS / name).read_bytes() for name in ("cel.csv", "queue_log")}
    for name in rest:
        (tmp_path / name).touch()
    one = reader(engine, tmp_path)
    rotated = 0
    while any(rest.values()):
        name = dice.choice([name for name, data in rest.items() if data])
        # Asterisk's new start is written when all from before it has been.
        until = rest[name].find(b"1795296175|NONE")
        most = until if name == "queue_log" and until > 0 else len(rest[name])
        if until == 0 and b'"1795296169' in rest["cel.csv"]:
            name, most = "cel.csv", len(rest["cel.csv"])
        size = dice.randint(1, max(1, min(most, 6000)))
        with (tmp_path / name).open("ab") as file:
            file.write(rest[name][:size])
        rest[name] = rest[name][size:]
        what = dice.random()
        if what < 0.2 and (tmp_path / name).read_bytes().endswith(b"\n"):
            rotated += 1
            (tmp_path / name).rename(tmp_path / f"{name}.{1000 - rotated}")
            (tmp_path / name).touch()
        elif what < 0.35:
            one.forget()  # a new process
        elif what < 0.5:
            with psycopg.connect(driver_url(database_url), autocommit=True) as session:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                session.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        elif what < 0.6:
            with pytest.raises((RuntimeError, DBAPIError)) as failed:
                await broken_step(engine, tmp_path, one)
            assert failed.value is not None
        try:
            await one.step()
        except DBAPIError:
            continue
    for _ in range(5):
        await read_all(one)
    one.forget()
    assert await state(engine) == whole


async def broken_step(engine: AsyncEngine, folder: Path, one: Reader) -> None:
    """A step that does all its work and dies before the commit."""

    class Broken(Reader):
        async def _write(self, connection: AsyncConnection, batches: Any, gone: Any) -> None:
            await super()._write(connection, batches, gone)
            raise RuntimeError("died")

    one.forget()
    broken = Broken(engine, folder / "cel.csv", folder / "queue_log", on_ended=defer_sweep)
    await broken.step()
    raise RuntimeError("nothing to write")


async def test_two_readers_write_every_line_once(engine: AsyncEngine, whole: State, tmp_path: Path) -> None:
    names = ("cel.csv", "queue_log")
    data = {name: (STREAMS / name).read_bytes().splitlines(keepends=True) for name in names}
    readers = [reader(engine, tmp_path), reader(engine, tmp_path)]
    refused = 0
    for part in range(8):
        for name in names:
            # Asterisk's new start, the last line of queue_log, comes when all from before it is in CEL.
            share = (len(data[name]) - 1) // (8 - part) if part < 7 else len(data[name])
            with (tmp_path / name).open("ab") as file:
                file.writelines(data[name][:share])
            data[name] = data[name][share:]
        for result in await asyncio.gather(*(one.step() for one in readers), return_exceptions=True):
            if isinstance(result, BaseException):
                assert isinstance(result, StaleCursor | DBAPIError), result
                refused += 1
    for one in readers:
        for _ in range(3):
            await read_all(one)
        one.forget()
    assert refused > 0
    assert await state(engine) == whole


async def test_a_ticket_follows_its_call_until_somebody_takes_it_up(engine: AsyncEngine, tmp_path: Path) -> None:
    lines = [line for line in (STREAMS / "cel.csv").read_text().splitlines(keepends=True) if '.30"' in line]
    added = next(number for number, line in enumerate(lines) if line.startswith('"ADDED"'))
    (tmp_path / "cel.csv").write_text("".join(lines[:added]))
    one = reader(engine, tmp_path)
    await read_all(one)
    assert await rows(engine, "SELECT urgent, summary FROM tickets") == [(False, "来电按键1 咨询")]
    with (tmp_path / "cel.csv").open("a") as file:
        file.writelines(lines[added:])
    await read_all(one)
    one.forget()
    assert await rows(engine, "SELECT urgent, summary FROM tickets") == [(True, "来电按键1 紧急求助110")]
    events = await rows(engine, "SELECT kind, data->'changes'->>'urgent' FROM ticket_events ORDER BY id")
    assert events == [("received", "false"), ("changed", "true")]


async def test_malformed_lines_are_counted_and_stop_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    good = (STREAMS / "cel.csv").read_bytes().splitlines(keepends=True)
    (tmp_path / "cel.csv").write_bytes(
        b"".join([*good[:3], b"garbage\n", b'"\xff","\n', b"\0" * 20 + b"\n", *good[3:]])
    )
    (tmp_path / "queue_log").write_bytes(b"x\n" + (STREAMS / "queue_log").read_bytes())
    one = reader(engine, tmp_path)
    await read_all(one)
    one.forget()
    assert await rows(engine, "SELECT stream, malformed FROM log_cursors ORDER BY 1") == [("cel", 3), ("queue_log", 1)]
    assert len((await state(engine))[0]) == CALLS
    found = await rows(engine, "SELECT split_part(key, '@', 1) FROM alerts WHERE kind = 'log_malformed' ORDER BY 1")
    assert found == [("cel",), ("queue_log",)]


async def test_a_call_that_cannot_be_folded_stops_no_other(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fold(self: OpenCall) -> Call | None:
        if self.id == CALLED:
            raise KeyError("a fault of ours")
        return good(self)

    good = OpenCall.fold
    monkeypatch.setattr(OpenCall, "fold", fold)
    one = reader(engine, STREAMS)
    await read_all(one)
    one.forget()
    assert len((await state(engine))[0]) == CALLS - 1
    assert f"no record of call {CALLED}" in caplog.text
    assert await rows(engine, "SELECT call_id FROM alerts WHERE kind = 'call_unreadable'") == [(CALLED,)]


async def test_a_caller_or_a_line_that_nobody_thought_of_stops_no_other(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def caller(number: str, presentation: str) -> Caller:
        raise ValueError("a fault of ours")

    def parse(position: int, line: str) -> Any:
        raise ValueError("invalid literal for int()")

    monkeypatch.setattr(reader_module, "caller_of", caller)
    monkeypatch.setitem(reader_module._PARSE, QUEUE_LOG, parse)
    one = reader(engine, STREAMS)
    await read_all(one)
    one.forget()
    kinds = "SELECT kind FROM alerts ORDER BY 1"
    assert await rows(engine, kinds) == [("call_unreadable",), ("log_malformed",)]
    assert await rows(engine, "SELECT count(*) > 100 FROM call_events") == [(True,)]


async def test_a_gap_in_the_log_is_an_alert(engine: AsyncEngine, tmp_path: Path) -> None:
    (tmp_path / "cel.csv").write_bytes((STREAMS / "cel.csv").read_bytes())
    one = reader(engine, tmp_path)
    await read_all(one)
    (tmp_path / "cel.csv").write_bytes(b"")
    await read_all(one)
    one.forget()
    assert await rows(engine, "SELECT kind FROM alerts WHERE kind = 'log_gap'") == [("log_gap",)]


async def test_changes_are_announced(engine: AsyncEngine, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(driver_url(database_url), autocommit=True) as session:
        await session.execute("LISTEN calls")
        await session.execute("LISTEN alerts")
        one = reader(engine, STREAMS)
        await read_all(one)
        one.forget()
        told = {note.channel: note.payload async for note in session.notifies(timeout=5, stop_after=2)}
    assert CALLED in told["calls"].split()
    assert told["alerts"].split() == [str(number) for number in range(1, ALERTS + 1)]


async def test_the_database_is_away_for_a_while(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """Calls are locked away from the reader; it waits, and writes each once when it may again."""
    for name in ("cel.csv", "queue_log"):
        (tmp_path / name).write_bytes((STREAMS / name).read_bytes())
    stop = asyncio.Event()
    with psycopg.connect(driver_url(database_url), autocommit=True) as session:
        session.execute("ALTER TABLE calls RENAME TO calls_away")
        one = reader(engine, tmp_path)
        running = asyncio.create_task(one.run(stop))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.caught_up.wait(), 1)
        assert session.execute("SELECT count(*) FROM call_events").fetchone() == (0,)
        session.execute("ALTER TABLE calls_away RENAME TO calls")
    await asyncio.wait_for(one.caught_up.wait(), 20)
    stop.set()
    await running
    assert len((await state(engine))[0]) == CALLS


async def test_a_call_whose_hangup_was_lost_is_closed(engine: AsyncEngine, tmp_path: Path) -> None:
    lines = [line for line in (STREAMS / "cel.csv").read_text().splitlines(keepends=True) if f'"{CALLED}"' in line]
    end = next(
        number for number, line in enumerate(lines) if line.startswith('"HANGUP"') and f'"{CALLED}","{CALLED}"' in line
    )
    (tmp_path / "cel.csv").write_text("".join(lines[:end]))
    one = reader(engine, tmp_path)
    await read_all(one)
    query = "SELECT hangup_by, ended_at > arrived_at FROM calls"
    assert await rows(engine, query) == [("", None)]
    one.close_gone([CALLED], 1_795_296_999.5)
    await read_all(one)
    assert await rows(engine, query) == [("system", True)]
    before = await rows(engine, "SELECT ended_at FROM calls")
    async with engine.connect() as connection:
        call = await load_timeline(connection, CALLED)
    assert call is not None
    assert [entry.what for entry in call.timeline][-2:] == ["hung_up", "hangup_lost"]
    # The line came after all: it knows better, whoever folds it.
    one.forget()
    with (tmp_path / "cel.csv").open("a") as file:
        file.writelines(lines[end:])
    await read_all(one)
    one.forget()
    assert await rows(engine, "SELECT hangup_by FROM calls") != [("system",)]
    assert await rows(engine, "SELECT ended_at FROM calls") != before
