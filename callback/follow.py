"""What an attempt means for the person and for the ticket. Pure: whoever carries it out writes all of it at once.

An attempt's outcome may come late, after its target was given back to the queue, or rung again: then it moves the
target no more, but what the citizen said still counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from callback.campaign import Rules
from callback.heard import end, hear
from callback.hours import Hours
from callback.retry import next_try
from callback.survey import Result
from callback.words import CampaignState, Kind, Outcome, TargetState, chinese
from tickets.commands import AnyCommand
from tickets.history import NoteKind

OVER, TOO_LATE = "任务已结束，不再拨打", "任务期限内未能拨打"
_TO_COME = (TargetState.WAITING, TargetState.CALLING)
_SAID = (TargetState.RATED, TargetState.OPTED_OUT)


@dataclass(frozen=True, slots=True)
class Target:
    """``attempts``, ``congestions``: of the other attempts, those whose outcome is known and that count. ``article``:
    behind the callback, for all that is written into the ticket's history. ``about``: which of its completions."""

    id: int
    kind: Kind
    number: str
    state: TargetState
    ticket: str | None = None
    scale: tuple[str, ...] = ()
    article: str = ""
    attempts: int = 0
    congestions: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """``latest``: the target was not rung again since."""

    id: int
    call_id: str
    claimed_at: datetime
    outcome: Outcome
    result: Result = field(default_factory=Result)
    latest: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """For the ticket's history."""

    kind: NoteKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Follow:
    """``state`` None: the target stays as it is, but for ``attempts``. ``reason``: why, for people. ``next_at``: while
    it waits. ``notes``, then ``commands``, each in this order, are for the ticket: none without one. ``opt_out``: the
    number is never to be rung again. ``other_channel``: where the citizen is asked instead, once; empty: nowhere."""

    state: TargetState | None
    reason: str
    attempts: int
    next_at: datetime | None = None
    notes: tuple[Note, ...] = ()
    commands: tuple[AnyCommand, ...] = ()
    opt_out: bool = False
    other_channel: str = ""


def follow(
    target: Target, attempt: Attempt, rules: Rules, campaign: CampaignState, hours: Hours, now: datetime
) -> Follow:
    """``campaign``: its state now; one that is done rings nobody again."""
    counted = target.attempts + (attempt.outcome is not Outcome.NOT_DIALLED)
    current = attempt.latest and target.state is TargetState.CALLING
    notes = _notes(target, attempt)
    what = chinese(attempt.outcome)
    if _spoke(attempt):
        heard = hear(target.kind, target.ticket, target.scale, attempt.result)
        if heard.state is not None:
            kept = not current and target.state in _SAID and heard.state is not TargetState.OPTED_OUT
            return Follow(
                None if kept else heard.state,
                heard.reason,
                counted,
                notes=notes,
                commands=() if kept and heard.state is TargetState.UNRATED else heard.commands,
                opt_out=attempt.result.opted_out,
                other_channel=rules.other_channel if heard.unheard and target.state in _TO_COME else "",
            )
        what = heard.reason
    elif attempt.outcome is Outcome.ANSWERED:
        what = "已接听，系统未能提问"
    if not current:
        return Follow(None, "", counted, notes=notes)
    if campaign is CampaignState.DONE:
        return Follow(TargetState.DROPPED, OVER, counted, notes=notes)
    congestions = target.congestions + (attempt.outcome is Outcome.CONGESTION)
    again = next_try(rules.retry, attempt.outcome, counted, congestions, attempt.claimed_at, now, hours)
    if again is not None:
        return Follow(TargetState.WAITING, f"{what}，稍后再拨", counted, again, notes)
    if counted == 0:
        return _closed(target, TargetState.DROPPED, TOO_LATE, rules, counted, notes)
    return _closed(target, TargetState.UNREACHED, f"{what}，共拨打 {counted} 次", rules, counted, notes)


def left(target: Target, reason: str, rules: Rules) -> Follow:
    """Of one that ended without another attempt (``to_tell``), ``reason`` says why: its ticket is told."""
    ended = _closed(target, target.state, reason, rules, target.attempts, ())
    return replace(ended, state=None)


def _closed(
    target: Target, state: TargetState, reason: str, rules: Rules, attempts: int, notes: tuple[Note, ...]
) -> Follow:
    """Nobody was reached, and nobody is rung any more."""
    if target.ticket is None:
        return Follow(state, reason, attempts)
    refused = state is TargetState.OPTED_OUT
    return Follow(
        state,
        reason,
        attempts,
        notes=(*notes, Note("callback_unreached", {"attempts": attempts, "reason": reason})),
        commands=(end("declined" if refused else "unreached", reason),),
        other_channel="" if refused else rules.other_channel,
    )


def _spoke(attempt: Attempt) -> bool:
    """Somebody was there and was asked, or said something even before. Otherwise our own part failed."""
    result = attempt.result
    said = bool(result.answers) or result.agent or result.connected or result.opted_out
    return attempt.outcome is Outcome.ANSWERED and (result.asked or said)


def _notes(target: Target, attempt: Attempt) -> tuple[Note, ...]:
    """That the citizen was asked, reached, and what was answered."""
    if target.ticket is None or attempt.outcome is Outcome.NOT_DIALLED:
        return ()
    call = {"call": attempt.call_id}
    asked = Note("callback_asked", call | {"rung_at": attempt.claimed_at.isoformat(), "outcome": attempt.outcome.value})
    if attempt.outcome is not Outcome.ANSWERED:
        return (asked,)
    result = attempt.result
    reached = Note("callback_reached", call | {"asked": result.asked})
    said: dict[str, Any] = {}
    if result.answers:
        said["answers"] = {name: {"value": one.value, "by": one.by} for name, one in result.answers.items()}
    if result.agent or result.connected:
        said["agent"] = "connected" if result.connected else "not_connected"
    if result.opted_out:
        said["opted_out"] = True
    if result.comment:
        said["comment"] = result.comment
    return (asked, reached, Note("callback_answered", call | said)) if said else (asked, reached)
