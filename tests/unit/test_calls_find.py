"""Lists of calls are read in an index's order, however many calls there are: by PostgreSQL's own plan."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.find import Filter, counts_of, find_calls, one_call, tickets_of, unheard

ROWS = 20_000
NOW = datetime(2026, 11, 22, tzinfo=UTC)
# A call every minute, a few of each kind; every third has a ticket, of which some are confidential.
_CALLS = f"""
INSERT INTO calls (id, via, caller, caller_e164, caller_kind, arrived_at, ended_at, human_at, queue, agent, emergency,
        message_file, missed, message_heard_at)
    SELECT 'hotline-1700000000.' || n, 'public', 'x', '+8613' || lpad((n % 3000)::text, 9, '0'), 'mobile',
        timestamptz '{NOW.isoformat()}' - n * interval '1 minute',
        CASE WHEN n > 3 THEN timestamptz '{NOW.isoformat()}' END, NULL,
        (ARRAY['help', 'complaint', 'agents', 'consultation', ''])[n % 5 + 1],
        CASE WHEN n % 3 > 0 THEN (1000 + n % 40)::text ELSE '' END,
        CASE WHEN n % 500 = 0 THEN '119' ELSE '' END, CASE WHEN n % 50 = 0 THEN 'x.wav' ELSE '' END, n % 20 = 0,
        CASE WHEN n % 50 = 0 AND n > 2000 THEN now() END
    FROM generate_series(1, :rows) AS n
"""
_TICKETS = """
INSERT INTO tickets (number, call_id, channel, received_at, state, category, life, confidential, handler)
    SELECT '20261122-' || lpad(n::text, 8, '0'), 'hotline-1700000000.' || n, 'phone', now(), 'received', 'help', '{}',
        n % 30 = 0, CASE WHEN n % 60 = 0 THEN 'agent' ELSE '' END
    FROM generate_series(3, :rows, 3) AS n
"""
_RECORDINGS = """
INSERT INTO recordings (call_id, file, state)
    SELECT 'hotline-1700000000.' || n, '', 'done' FROM generate_series(1, :rows) AS n
"""


@pytest_asyncio.fixture
async def many(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    async with engine.begin() as connection:
        for statement in (_CALLS, _TICKETS, _RECORDINGS):
            await connection.execute(text(statement), {"rows": ROWS})
    async with engine.connect() as connection:
        for table in ("calls", "tickets", "recordings"):
            await connection.execute(text(f"ANALYZE {table}"))
        await connection.commit()
    yield engine


DEEP = "hotline-1700000000.15000"
CASES: dict[str, dict[str, Any]] = {
    "newest": {},
    "deep": {"after": DEEP},
    "number": {"number": "+8613000000007"},
    "nobody": {"number": "+8613999999999"},
    "agent": {"agent": "1007"},
    "agent deep": {"agent": "1007", "after": DEEP},
    "queue": {"queue": "help"},
    "live": {"live": True},
    "ended": {"live": False},
    "emergency": {"emergency": True},
    "message": {"message": True},
    "missed": {"missed": True},
    "a day": {"since": NOW - timedelta(days=2), "until": NOW - timedelta(days=1)},
    "an agent's day": {"agent": "1007", "since": NOW - timedelta(days=2), "until": NOW - timedelta(days=1)},
    "an agent's emergencies": {"agent": "1020", "emergency": True},
    "a queue without": {"queue": "nobody"},
}


async def plans(engine: AsyncEngine, ask: Any) -> list[Any]:
    """Of everything that is asked: PostgreSQL's plans, with what each really cost."""
    said: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        said.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.connect() as connection:
        await ask(connection)
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        found = []
        for statement, parameters in list(said):
            plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            found.append(plan.scalar_one()[0])
    return found


def nodes(plan: Any) -> list[Any]:
    return [plan, *(inner for one in plan.get("Plans", ()) for inner in nodes(one))]


def read_rows(plan: Any) -> int:
    """Of calls, tickets and recordings: those that were looked at."""
    looked = 0
    for one in nodes(plan["Plan"]):
        if one.get("Relation Name") in ("calls", "tickets", "recordings"):  # the others are empty
            assert one["Node Type"] != "Seq Scan", json.dumps(plan, indent=1)
            removed = one.get("Rows Removed by Filter", 0) + one.get("Rows Removed by Index Recheck", 0)
            looked += round((one["Actual Rows"] + removed) * one["Actual Loops"])
    return looked


async def test_every_list_is_read_in_an_indexs_order(many: AsyncEngine) -> None:
    for handler in (None, "agent"):
        for name, given in CASES.items():
            after = given.get("after")
            wanted = Filter(**{key: value for key, value in given.items() if key != "after"})

            async def ask(connection: Any, wanted: Filter = wanted, after: Any = after, who: Any = handler) -> None:
                await find_calls(connection, wanted, handler=who, limit=51, after=after)

            looked = sum(read_rows(plan) for plan in await plans(many, ask))
            assert looked < 1500, (name, handler, looked)


async def test_unheard_messages_and_one_call(many: AsyncEngine) -> None:
    async def ask(connection: Any) -> None:
        found = await unheard(connection, handler="agent", limit=51)
        await unheard(connection, handler="agent", limit=51, after=found[3]["id"])
        row = await one_call(connection, found[0]["id"], handler="agent")
        await tickets_of(connection, [one["id"] for one in found])
        await counts_of(connection, row["caller_e164"], NOW - timedelta(days=30), NOW, row["id"])

    looked = [read_rows(plan) for plan in await plans(many, ask)]
    assert max(looked) < 500, looked


@pytest.mark.parametrize("seen", [True, False])
async def test_what_is_confidential_is_left_out(many: AsyncEngine, *, seen: bool) -> None:
    async with many.connect() as connection:
        found = await find_calls(connection, Filter(), handler=None if seen else "agent", limit=100)
    places = [int(row["id"].rpartition(".")[2]) for row in found]
    assert places == [n for n in range(1, 111) if seen or n % 30 or not n % 60][:100]
