"""Everything of a demonstration goes, in the caller's transaction, and nothing else.

Of it are: what loading the city made (``demo_items``); what robots' calls made, which are known by their numbers and by
having come from the test citizens' address; and what the city's users registered. What real data rests on stays and is
named: a unit that a real ticket is at, a user who worked on one (disabled then: histories name people). The audit log
stays whole, and ends with the removal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ROBOTS = (
    "SELECT c.id FROM calls c JOIN demo_items d ON d.kind = 'number' AND d.key = c.caller_e164"
    " WHERE c.via = 'test' AND c.arrived_at >= d.at"
)
"""The calls of robots."""
TICKETS = f"""
WITH RECURSIVE mine (number) AS (
    (SELECT key FROM demo_items WHERE kind = 'ticket'
     UNION SELECT number FROM tickets WHERE call_id IN ({ROBOTS})
     UNION SELECT e.number FROM ticket_events e JOIN demo_items d ON d.kind = 'user' AND d.key = e.actor
         WHERE e.kind = 'received')
    UNION SELECT t.number FROM tickets t JOIN mine m ON t.parent = m.number
)
SELECT number FROM mine JOIN tickets USING (number)
"""
"""Its tickets, and the parts that they were split into."""
_LOCKED = text("SELECT number, call_id FROM tickets WHERE number = ANY (:numbers) ORDER BY number FOR UPDATE")
_HELD = text(
    "SELECT m.number FROM call_tickets m JOIN recording_holds h ON h.call_id = m.call_id"
    " WHERE h.lifted_at IS NULL AND m.number = ANY (:numbers)"
    " UNION SELECT ticket FROM recording_holds WHERE lifted_at IS NULL AND ticket = ANY (:numbers)"
)
_RESTED_ON = text(
    "SELECT number FROM tickets o WHERE number = ANY (:numbers) AND EXISTS (SELECT FROM tickets t"
    " WHERE NOT t.number = ANY (:numbers) AND (t.parent = o.number OR t.duplicate_of = o.number))"
)
_CALLS = text(
    f"SELECT id FROM ({ROBOTS}) robots"
    " WHERE NOT EXISTS (SELECT FROM call_own_tickets o WHERE o.call_id = robots.id AND NOT o.number = ANY (:numbers))"
    " AND NOT EXISTS (SELECT FROM recording_holds h WHERE h.call_id = robots.id AND h.lifted_at IS NULL)"
    # What was rung for its tickets: no citizen's own call.
    " UNION SELECT c.id FROM calls c JOIN call_own_tickets o ON o.call_id = c.id WHERE o.number = ANY (:numbers)"
    " AND c.id NOT IN (SELECT call_id FROM tickets WHERE call_id IS NOT NULL)"
    " AND NOT EXISTS (SELECT FROM call_own_tickets p WHERE p.call_id = c.id AND NOT p.number = ANY (:numbers))"
)
_MARK = text(
    "INSERT INTO demo_items (kind, key) SELECT 'ticket', unnest(CAST(:numbers AS text[])) ON CONFLICT DO NOTHING"
)
_OF_TICKETS = (
    "DELETE FROM callback_answers WHERE attempt_id IN (SELECT a.id FROM callback_attempts a"
    " JOIN callback_targets g ON g.id = a.target_id WHERE g.ticket = ANY (:numbers))",
    "DELETE FROM callback_attempts WHERE target_id IN (SELECT id FROM callback_targets WHERE ticket = ANY (:numbers))",
    "DELETE FROM callback_targets WHERE ticket = ANY (:numbers)",
    "DELETE FROM notices WHERE ticket = ANY (:numbers)",
    "DELETE FROM progress_tries WHERE ticket = ANY (:numbers)",
    "DELETE FROM recording_holds WHERE ticket = ANY (:numbers)",
    "DELETE FROM deadlines WHERE number = ANY (:numbers)",
    "DELETE FROM ticket_units WHERE number = ANY (:numbers)",
    "DELETE FROM ticket_sign_offs WHERE number = ANY (:numbers)",
    "DELETE FROM attachments WHERE ticket = ANY (:numbers)",
    "SELECT remove_demo_events(:numbers)",
    "DELETE FROM tickets WHERE number = ANY (:numbers)",
)
_OF_CALLS = (
    "DELETE FROM line_place_tries WHERE place_id IN (SELECT id FROM line_places WHERE call_id = ANY (:calls))"
    " OR call_id = ANY (:calls)",
    "DELETE FROM line_places WHERE call_id = ANY (:calls)",
    "DELETE FROM missed_callers WHERE call_id = ANY (:calls)",
    "DELETE FROM alerts WHERE call_id = ANY (:calls)",
    "DELETE FROM recording_holds WHERE call_id = ANY (:calls)",
    "DELETE FROM transcript_segments WHERE call_id = ANY (:calls)",
    "DELETE FROM transcripts WHERE call_id = ANY (:calls)",
    "DELETE FROM recordings WHERE call_id = ANY (:calls)",
    "DELETE FROM call_events WHERE call_id = ANY (:calls)",
    "DELETE FROM calls WHERE id = ANY (:calls)",
)
_BARRED = "DELETE FROM barred_callers WHERE number IN (SELECT key FROM demo_items WHERE kind = 'number')"
_WHO = "IN (SELECT 'user:' || key FROM demo_items WHERE kind = 'user')"
_SWITCHED: Mapping[str, str] = {
    "公告": f"UPDATE announcements SET switched_off_at = now(), switched_off_by = 'system'"
    f" WHERE switched_off_at IS NULL AND ends_at > now() AND switched_on_by {_WHO}",
    "线路开关": f"DELETE FROM line_switches WHERE switched_by {_WHO}",
    "拦截号码": f"UPDATE barred_callers SET lifted_at = now(), lifted_by = 'system'"
    f" WHERE lifted_at IS NULL AND barred_by {_WHO}",
    "免打扰号码": f"DELETE FROM do_not_call WHERE by {_WHO}",
    "回访任务": f"UPDATE campaigns SET state = 'done' WHERE state <> 'done' AND created_by {_WHO}",
}
"""What the city's users switched on for everybody is ended."""
_USERS = "(SELECT key FROM demo_items WHERE kind = 'user')"
_WORKED = text(
    f"SELECT name FROM users WHERE name IN {_USERS} AND ("
    " EXISTS (SELECT FROM ticket_events e WHERE e.actor = name)"
    " OR EXISTS (SELECT FROM attachments a WHERE a.actor = 'user:' || name)"
    " OR EXISTS (SELECT FROM tickets t WHERE t.handler = name)"
    " OR EXISTS (SELECT FROM api_tokens k WHERE k.created_by = users.id)) ORDER BY name"
)
_OF_USERS = (
    "DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE name = ANY (:names))",
    "DELETE FROM seats WHERE user_id IN (SELECT id FROM users WHERE name = ANY (:names))",
    "DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM users WHERE name = ANY (:names))",
    "DELETE FROM idempotency_keys WHERE principal = ANY (SELECT 'user:' || unnest(CAST(:names AS text[])))",
)
_FREE_UNITS = text(
    "DELETE FROM units u WHERE id IN (SELECT key FROM demo_items WHERE kind = 'unit')"
    " AND NOT EXISTS (SELECT FROM users WHERE unit = u.id)"
    " AND NOT EXISTS (SELECT FROM api_tokens WHERE unit = u.id)"
    " AND NOT EXISTS (SELECT FROM tickets WHERE unit = u.id OR county = u.id)"
    " AND NOT EXISTS (SELECT FROM ticket_units WHERE unit = u.id)"
    " AND NOT EXISTS (SELECT FROM units c WHERE c.parent = u.id) RETURNING id"
)
_UNITS_LEFT = text("SELECT id FROM units WHERE id IN (SELECT key FROM demo_items WHERE kind = 'unit') ORDER BY id")


@dataclass(frozen=True, slots=True)
class Gone:
    """``kept``: what stays and why, in Chinese. ``sounds``: recordings' files, ``files``: attachments' ids; both are to
    be removed before the commit, or what finds files without a row would write them down anew."""

    tickets: Sequence[str]
    calls: Sequence[str]
    users: Sequence[str]
    units: Sequence[str]
    kept: Sequence[str]
    sounds: Sequence[str]
    files: Sequence[Any]


async def remove(connection: AsyncConnection) -> Gone:
    kept: list[str] = []
    numbers = await _tickets(connection, kept)
    calls = await _all(connection, _CALLS, numbers=numbers)
    sounds = await _all(
        connection, text("SELECT file FROM recordings WHERE call_id = ANY (:calls) AND file <> ''"), calls=calls
    )
    files = await _all(connection, text("SELECT id FROM attachments WHERE ticket = ANY (:numbers)"), numbers=numbers)
    await connection.execute(_MARK, {"numbers": numbers})
    for statement in _OF_TICKETS:
        await connection.execute(text(statement), {"numbers": numbers})
    for statement in _OF_CALLS:
        await connection.execute(text(statement), {"calls": calls})
    await connection.execute(text(_BARRED))
    for what, statement in _SWITCHED.items():
        if ended := (await connection.execute(text(statement))).rowcount:
            kept.append(f"演示用户设置的{what} {ended} 项：已停止")
    users = await _remove_users(connection, kept)
    units: list[str] = []
    while free := await _all(connection, _FREE_UNITS):  # a county after its own units
        units += free
    kept += [f"单位 {one}：真实数据用到" for one in await _all(connection, _UNITS_LEFT)]
    await connection.execute(text("DELETE FROM demo_items"))
    return Gone(numbers, calls, users, units, kept, sounds, files)


async def _tickets(connection: AsyncConnection, kept: list[str]) -> list[str]:
    """Those that go, locked."""
    found = await _all(connection, text(TICKETS))
    numbers = {row.number for row in await connection.execute(_LOCKED, {"numbers": found})}
    held = set(await _all(connection, _HELD, numbers=sorted(numbers)))
    kept += [f"工单 {one}：录音依法留存" for one in sorted(held)]
    numbers -= held
    while rested_on := set(await _all(connection, _RESTED_ON, numbers=sorted(numbers))):
        kept += [f"工单 {one}：真实工单并入其中" for one in sorted(rested_on)]
        numbers -= rested_on
    return sorted(numbers)


async def _remove_users(connection: AsyncConnection, kept: list[str]) -> list[str]:
    worked = await _all(connection, _WORKED)
    kept += [f"用户 {one}：办理过真实工单或发放过令牌，已停用" for one in worked]
    names = await _all(connection, text("SELECT key FROM demo_items WHERE kind = 'user' ORDER BY key"))
    for statement in _OF_USERS:
        await connection.execute(text(statement), {"names": names})
    await connection.execute(
        text("UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE name = ANY (:names)"),
        {"names": worked},
    )
    going = sorted(set(names) - set(worked))
    query = text("DELETE FROM users WHERE name = ANY (:names) RETURNING name")
    return sorted(await _all(connection, query, names=going))


async def _all(connection: AsyncConnection, query: Any, **given: Any) -> list[Any]:
    return list((await connection.scalars(query, given)).all())
