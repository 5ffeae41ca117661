"""What came of attempts, and following it up; each function within the caller's transaction.

An outcome is noted once. Where nobody could tell, or it seemed not to have been dialled, what Asterisk's log says later
still corrects it: then it is followed up anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import dnc
from callback.campaign import Campaign
from callback.follow import Attempt, Follow, Target
from callback.store import find_campaign
from callback.survey import Answer, Result
from callback.tables import callback_answers, callback_attempts, callback_targets
from callback.words import Kind, Outcome, TargetState

ASKED_FOR = "回访中要求不再拨打"
BY = "callback"
_UNSURE = (Outcome.NOT_DIALLED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Ended:
    """``cause``: Q.850."""

    call_id: str
    outcome: Outcome
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    result: Result = field(default_factory=Result)


async def note_outcome(connection: AsyncConnection, ended: Ended, at: datetime) -> bool:
    """Whether it was news. Its line is free. Nothing happens for a call that is none of ours. ``at``: now."""
    result = ended.result
    said: dict[str, Any] = {"asked": result.asked, "agent": result.agent, "connected": result.connected}
    said |= {"opted_out": result.opted_out, "comment": result.comment}
    attempt = callback_attempts.c
    corrected = () if ended.outcome in _UNSURE else _UNSURE
    is_news = or_(attempt.outcome.is_(None), attempt.outcome.in_(corrected))
    noted = (
        update(callback_attempts)
        .where(attempt.call_id == ended.call_id, is_news)
        .values(
            outcome=ended.outcome,
            answered_at=ended.answered_at,
            ended_at=ended.ended_at,
            freed_at=func.coalesce(attempt.freed_at, ended.ended_at or at),
            cause=ended.cause,
            result=said,
            applied=False,
        )
    )
    id = (await connection.execute(noted.returning(callback_attempts.c.id))).scalar_one_or_none()
    if id is None:
        return False
    if result.answers:
        rows = [
            {"attempt_id": id, "question": name, "value": one.value, "by": one.by}
            for name, one in result.answers.items()
        ]
        await connection.execute(insert(callback_answers).values(rows).on_conflict_do_nothing())
    return True


@dataclass(frozen=True, slots=True)
class ToFollow:
    """``attempt`` None: the target ended without another one, ``reason`` says why, and its ticket is to be told
    (:func:`callback.follow.left`)."""

    target: Target
    campaign: Campaign
    attempt: Attempt | None
    reason: str


async def take(connection: AsyncConnection, after: int = 0) -> ToFollow | None:
    """The first attempt behind ``after`` that is to be followed up, locked with its target until the transaction ends;
    those that somebody else has are passed over."""
    row = (await connection.execute(_TAKE, {"after": after})).one_or_none()
    if row is None:
        return None
    answers = select(callback_answers).where(callback_answers.c.attempt_id == row.attempt_id)
    given = {one.question: Answer(one.value, one.by) for one in await connection.execute(answers)}
    said = row.result
    attempt = Attempt(
        row.attempt_id,
        row.call_id,
        row.claimed_at,
        Outcome(row.attempt_outcome),
        Result(
            asked=said.get("asked", False),
            answers=given,
            agent=said.get("agent", False),
            connected=said.get("connected", False),
            opted_out=said.get("opted_out", False),
            comment=said.get("comment", ""),
        ),
        latest=row.latest,
    )
    return ToFollow(_target(row), await find_campaign(connection, row.campaign_id), attempt, row.reason)


async def take_untold(connection: AsyncConnection, after: int = 0) -> ToFollow | None:
    """The first target behind ``after`` whose ticket is to be told how it ended, locked likewise."""
    row = (await connection.execute(_UNTOLD, {"after": after})).one_or_none()
    if row is None:
        return None
    return ToFollow(_target(row), await find_campaign(connection, row.campaign_id), None, row.reason)


async def settle(connection: AsyncConnection, done: ToFollow, follow: Follow, now: datetime) -> None:
    """Target, attempt and the list of those not to be rung. Ticket and notice are the caller's, in the same
    transaction."""
    changed: dict[str, Any] = {"attempts": follow.attempts, "to_tell": False, "updated_at": now}
    if follow.state is not None:
        changed |= {"state": follow.state, "reason": follow.reason}
    if follow.next_at is not None:
        changed["next_at"] = follow.next_at
    if done.attempt is not None:
        if done.attempt.latest:
            changed["outcome"] = done.attempt.outcome
        applied = update(callback_attempts).where(callback_attempts.c.id == done.attempt.id)
        await connection.execute(applied.values(applied=True))
    await connection.execute(update(callback_targets).where(callback_targets.c.id == done.target.id).values(changed))
    if follow.opt_out:
        await dnc.add(connection, done.target.number, ASKED_FOR, BY, now)


def _target(row: Row[Any]) -> Target:
    return Target(
        row.id,
        Kind(row.kind),
        row.number,
        TargetState(row.state),
        row.ticket,
        tuple(row.scale),
        row.article,
        row.others,
        row.congestions,
        row.about,
    )


# Counted anew each time: an outcome may be corrected.
_FACTS = (
    "t.id, t.about, t.number, t.state, t.ticket, t.scale, t.article, t.reason, t.campaign_id, c.kind,"
    " (SELECT count(*) FROM callback_attempts o WHERE o.target_id = t.id AND o.id <> {attempt}"
    "  AND o.outcome <> 'not_dialled') AS others,"
    " (SELECT count(*) FROM callback_attempts o WHERE o.target_id = t.id AND o.id <> {attempt}"
    "  AND o.outcome = 'congestion') AS congestions"
)
_TAKE = text(
    f"SELECT {_FACTS.format(attempt='a.id')}, a.id AS attempt_id, a.call_id, a.claimed_at,"
    " a.outcome AS attempt_outcome, a.result,"
    " NOT EXISTS (SELECT FROM callback_attempts n WHERE n.target_id = t.id AND n.id > a.id) AS latest"
    " FROM callback_attempts a JOIN callback_targets t ON t.id = a.target_id JOIN campaigns c ON c.id = t.campaign_id"
    " WHERE a.outcome IS NOT NULL AND NOT a.applied AND a.id > :after ORDER BY a.id LIMIT 1"
    " FOR UPDATE OF a, t SKIP LOCKED"
)
_UNTOLD = text(
    f"SELECT {_FACTS.format(attempt='0')} FROM callback_targets t JOIN campaigns c ON c.id = t.campaign_id"
    " WHERE t.to_tell AND t.id > :after ORDER BY t.id LIMIT 1 FOR UPDATE OF t SKIP LOCKED"
)
