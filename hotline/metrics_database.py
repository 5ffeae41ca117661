"""What the database knows, as figures. Every question is answered from an index or a small table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from sqlalchemy import QueuePool, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.words import TargetState
from calls.transcripts import count_pending
from hotline.metrics import Figure
from hotline.metrics_lag import lags
from hotline.settings import Settings
from tickets.words import State

MAX_SECONDS = 5
DONE = (State.ARCHIVED, State.DECLINED)
"""These only grow, and counting them takes longer from year to year."""

_CALLS = text(
    "SELECT CASE WHEN human_at IS NOT NULL THEN 'talking' WHEN queue <> '' THEN 'waiting' ELSE 'menu' END AS state,"
    " count(*) FROM calls WHERE ended_at IS NULL GROUP BY 1"
)
_JOBS = text(
    "SELECT queue_name, CASE WHEN status = 'todo' AND scheduled_at > now() THEN 'later' ELSE status::text END, count(*)"
    " FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed') GROUP BY 1, 2"
)
_RECORDINGS = text("SELECT count(*) FROM recordings WHERE state = 'pending'")
_NOTICES = text("SELECT state, count(*) FROM notices WHERE state <> 'sent' GROUP BY 1")
_TICKETS = text("SELECT state, count(*) FROM tickets WHERE state = ANY(:states) GROUP BY 1")
_OVERDUE = text("SELECT count(*) FROM tickets WHERE due_at <= now() AND state = ANY(:states)")
_TARGETS = text(
    "SELECT t.state, count(*) FROM callback_targets t JOIN campaigns c ON c.id = t.campaign_id"
    " WHERE c.state = 'running' GROUP BY 1"
)
_LINES = text("SELECT count(*) FROM callback_attempts WHERE freed_at IS NULL")
_SESSIONS = text(
    "SELECT COALESCE(state, 'other'), count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"
)
_SERVER = text("SELECT current_setting('max_connections')::int, pg_database_size(current_database())")
_ALERTS = text("SELECT kind, count(*) FROM alerts WHERE closed_at IS NULL AND acknowledged_at IS NULL GROUP BY 1")

_WORKED_ON = [state.value for state in State if state not in DONE and state is not State.COMPLETED]


async def figures(connection: AsyncConnection, settings: Settings) -> AsyncIterator[Figure]:
    """Raises SQLAlchemyError, also when the database takes longer than :data:`MAX_SECONDS` for one of them."""
    await connection.execute(text(f"SET LOCAL statement_timeout = '{MAX_SECONDS}s'"))

    async def by_state(name: str, query: object, every: Iterable[str], **values: object) -> list[Figure]:
        found = {row[0]: row[1] for row in await connection.execute(query, values)}  # type: ignore[call-overload]
        # What is nought today must be a nought, so that rules and boards see it.
        return [Figure(name, found.get(key, 0), (key,)) for key in dict.fromkeys([*every, *found])]

    for one in await by_state("hotline_calls_open", _CALLS, ("menu", "waiting", "talking")):
        yield one
    states = [state.value for state in State if state not in DONE]
    for one in await by_state("hotline_tickets", _TICKETS, states, states=states):
        yield one
    yield Figure("hotline_tickets_overdue", await _count(connection, _OVERDUE, states=_WORKED_ON))
    for one in await by_state("hotline_notices", _NOTICES, ("waiting", "failed")):
        yield one
    for one in await by_state("hotline_callback_targets", _TARGETS, list(TargetState)):
        yield one
    yield Figure("hotline_callback_lines", await _count(connection, _LINES))
    yield Figure("hotline_callback_lines_max", settings.callback.lines)
    for queue, state, count in await connection.execute(_JOBS):
        yield Figure("hotline_jobs", count, (queue, state))
    yield Figure("hotline_recordings_pending", await _count(connection, _RECORDINGS))
    yield Figure("hotline_transcripts_pending", await count_pending(connection))
    for lag in await lags(connection, settings):
        yield Figure("hotline_log_unread_bytes", lag.unread, (lag.stream,))
        yield Figure("hotline_log_lag_seconds", lag.seconds, (lag.stream,))
        yield Figure("hotline_log_malformed_total", lag.malformed, (lag.stream,))
        yield Figure("hotline_log_gaps_total", lag.gaps, (lag.stream,))
    for one in await by_state("hotline_database_connections", _SESSIONS, ("active", "idle")):
        yield one
    most, size = (await connection.execute(_SERVER)).one()
    yield Figure("hotline_database_connections_max", most)
    yield Figure("hotline_database_bytes", size)
    for kind, count in await connection.execute(_ALERTS):
        yield Figure("hotline_alerts_open", count, (kind,))


async def _count(connection: AsyncConnection, query: object, **values: object) -> int:
    found: int = await connection.scalar(query, values)  # type: ignore[call-overload]
    return found


def pool_figures(part: str, engine: AsyncEngine) -> Iterator[Figure]:
    pool = engine.pool
    if isinstance(pool, QueuePool):
        yield Figure("hotline_database_pool_used", pool.checkedout(), (part,))
        yield Figure("hotline_database_pool_max", pool.size(), (part,))
