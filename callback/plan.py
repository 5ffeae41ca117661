"""Whom a campaign is to ring. Repeated as often as one likes: who is on its list already stays as he is.

Tickets: done and reviewed, where the policy asks for a callback by voice and nobody has answered yet; each completion
is asked about once, over all campaigns. Left to a person: supervised tickets where the policy says so, those whose
citizen a person owes a callback already, and confidential ones (a machine cannot tell who picks up, and the matter is
not to be heard by anybody else; the number is sealed with the words, so it is not even known here).

Missed calls: whoever wanted somebody and reached nobody, once a person, unless he has got through since or was reached.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import store
from callback.campaign import Campaign
from callback.claim import ABOUT, GONE, NOT_DIALABLE, STILL_TO_ASK
from callback.hours import Hours
from callback.outgoing import where_to_ring
from callback.store import NewTarget
from callback.tables import E164
from callback.words import Kind
from routing.number import NotDialable, dialable
from tickets.number import CHINA
from tickets.rulebook import Rulebook

BATCH = 2_000
"""At most so many are looked at at a time, the oldest first; the next run goes on."""
THROUGH = "来电人已另行接通"
MISSED_FOR = timedelta(days=7)
"""Who reached nobody longer ago does not wait for us any more."""


@dataclass(frozen=True, slots=True)
class Planned:
    """``added``: to be rung; ``left_out``: on the list, with a number that cannot be dialled; ``dropped``: waited, and
    do so no more."""

    added: int = 0
    left_out: int = 0
    dropped: int = 0


async def plan(
    connection: AsyncConnection, rulebook: Rulebook, campaign: Campaign, now: datetime, area_code: str = ""
) -> Planned:
    """In the caller's transaction. A list's people come from its file, nobody is added here. ``area_code``: completes
    local numbers."""
    if campaign.ends_on is not None and now.astimezone(CHINA).date() > campaign.ends_on:
        return Planned()
    dropped = 0
    new: list[NewTarget] = []
    match campaign.kind:
        case Kind.TICKETS:
            dropped = await _drop_gone(connection, rulebook, campaign, now, area_code)
            new = await _tickets(connection, rulebook, campaign, area_code)
        case Kind.MISSED:
            since = max(datetime.combine(campaign.starts_on, time(), CHINA), now - MISSED_FOR)
            await connection.execute(_WHOLE)
            dropped = await _drop_through(connection, campaign, since, now)
            new = await _missed(connection, campaign, since)
            await connection.execute(_USUAL)
        case Kind.LIST:
            return Planned()
    opens = Hours(campaign, rulebook.days.is_working_day).next_open(now) or now
    # Those whose number cannot be dialled are dropped when it is their turn, and their tickets told.
    new = [one if _can_be_dialled(one.number) else replace(one, reason=NOT_DIALABLE) for one in new]
    count = await store.add_targets(connection, campaign.id, new, opens)
    left_out = sum(one.reason == NOT_DIALABLE for one in new)
    return Planned(count - left_out, left_out, dropped)


# Where whoever calls without a number wants to be reached; what is none must not be looked at again and again.
_CONTACT = (
    "(regexp_replace(t.contact, '[^0-9]', '', 'g') ~ '^(0?0?86)?(1[3-9][0-9]{9}|0?[1-9][0-9]{1,2}[2-8][0-9]{6,7})$'"
    " OR :area_code <> '' AND t.contact ~ '^[2-8][0-9]{6,7}$')"
)
_TO_ASK = (
    f"{STILL_TO_ASK} AND (t.caller_e164 {E164} OR {_CONTACT})"
    " AND coalesce(nullif(t.policy, ''), :default) = ANY(CAST(:voiced AS text[]))"
    " AND NOT (t.supervised AND coalesce(nullif(t.policy, ''), :default) = ANY(CAST(:by_hand AS text[])))"
)
# The limit that the work was done under, as its events tell: on the ticket it has ended.
_TICKETS = text(
    f"SELECT t.number, t.policy, t.contact, {ABOUT} AS about, coalesce(done.due_at, t.updated_at) AS due_at,"
    f" CASE WHEN t.caller_e164 {E164} THEN t.caller_e164 END AS caller_e164"
    " FROM tickets t LEFT JOIN LATERAL ("
    "  SELECT coalesce(e.data #>> '{changes,limits,rework,due}', e.data #>> '{changes,limits,complete,due}')"
    "  ::timestamptz AS due_at FROM ticket_events e WHERE e.number = t.number"
    "  AND (e.data #> '{changes,limits}' ? 'rework' OR e.data #> '{changes,limits}' ? 'complete')"
    "  ORDER BY e.id DESC LIMIT 1) done ON true"
    f" WHERE {_TO_ASK} AND NOT EXISTS (SELECT 1 FROM callback_targets c WHERE c.ticket = t.number"
    f"  AND c.about = {ABOUT} AND (c.campaign_id = :campaign OR c.state <> 'dropped'))"
    " ORDER BY t.received_at, t.number LIMIT :limit"
)
_GONE = text(
    "SELECT c.about FROM callback_targets c JOIN tickets t ON t.number = c.ticket"
    f" WHERE c.campaign_id = :campaign AND c.state = 'waiting' AND NOT ({_TO_ASK} AND c.about = {ABOUT})"
)
# Of a list that has just grown the query planner knows nothing, and would hold each line against each call.
_WHOLE, _USUAL = text("SET LOCAL enable_nestloop = off"), text("SET LOCAL enable_nestloop TO DEFAULT")
_MISSED = text(
    "SELECT DISTINCT ON (c.caller_e164) c.id, c.caller_e164, c.arrived_at FROM calls c"
    " WHERE c.missed AND c.ended_at IS NOT NULL AND c.human_at IS NULL AND c.via <> 'callback'"
    f" AND c.caller_e164 {E164} AND c.arrived_at >= :since"
    " AND NOT EXISTS (SELECT 1 FROM calls l WHERE l.caller_e164 = c.caller_e164 AND l.arrived_at > c.arrived_at"
    "  AND l.arrived_at >= :since AND l.human_at IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM callback_attempts a WHERE a.number = c.caller_e164"
    "  AND a.claimed_at > c.arrived_at AND a.answered_at IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM callback_targets x WHERE x.campaign_id = :campaign AND x.about = c.id)"
    " AND NOT EXISTS (SELECT 1 FROM callback_targets y WHERE y.campaign_id = :campaign AND y.number = c.caller_e164"
    "  AND y.state IN ('waiting', 'calling'))"
    " ORDER BY c.caller_e164, c.arrived_at DESC LIMIT :limit"
)

_THROUGH = text(
    "SELECT x.about FROM callback_targets x WHERE x.campaign_id = :campaign AND x.state = 'waiting'"
    " AND EXISTS (SELECT 1 FROM calls l WHERE l.caller_e164 = x.number AND l.arrived_at > x.due_at"
    "  AND l.arrived_at >= :since AND l.human_at IS NOT NULL)"
)


def _rules(rulebook: Rulebook, area_code: str) -> dict[str, Any]:
    policies = rulebook.policies.items()
    return {
        "area_code": area_code,
        "default": rulebook.default,
        "voiced": [name for name, policy in policies if policy.rating.voice is not None],
        "by_hand": [name for name, policy in policies if policy.rating.supervised_callback is not None],
    }


async def _tickets(
    connection: AsyncConnection, rulebook: Rulebook, campaign: Campaign, area_code: str
) -> list[NewTarget]:
    found = await connection.execute(_TICKETS, _rules(rulebook, area_code) | {"campaign": campaign.id, "limit": BATCH})
    numbers = [(row, where_to_ring(row.contact, row.caller_e164, area_code) or row.caller_e164) for row in found]
    return [_of_ticket(row, number, rulebook) for row, number in numbers if number is not None]


def _of_ticket(row: Row[Any], number: str, rulebook: Rulebook) -> NewTarget:
    rating = rulebook.policy(row.policy or rulebook.default).rating
    assert rating.voice is not None
    return NewTarget(
        about=row.about,
        number=number,
        due_at=row.due_at,
        ticket=row.number,
        scale=tuple(level.value for level in rating.levels),
        article=rating.voice.cite,
    )


async def _drop_gone(
    connection: AsyncConnection, rulebook: Rulebook, campaign: Campaign, now: datetime, area_code: str
) -> int:
    found = await connection.execute(_GONE, _rules(rulebook, area_code) | {"campaign": campaign.id})
    abouts = list(found.scalars())
    return await store.drop_waiting(connection, campaign.id, abouts, GONE, now) if abouts else 0


async def _drop_through(connection: AsyncConnection, campaign: Campaign, since: datetime, now: datetime) -> int:
    found = await connection.execute(_THROUGH, {"campaign": campaign.id, "since": since})
    abouts = list(found.scalars())
    return await store.drop_waiting(connection, campaign.id, abouts, THROUGH, now) if abouts else 0


async def _missed(connection: AsyncConnection, campaign: Campaign, since: datetime) -> list[NewTarget]:
    found = await connection.execute(_MISSED, {"campaign": campaign.id, "since": since, "limit": BATCH})
    return [NewTarget(about=row.id, number=row.caller_e164, due_at=row.arrived_at) for row in found]


def _can_be_dialled(e164: str) -> bool:
    try:
        dialable(e164)
    except NotDialable:
        return False
    return True
