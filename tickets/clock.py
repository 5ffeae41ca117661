"""What time does by itself: silence that accepts or refuses, limits passed, warnings, supervision. Pure.

Each thing happens once, at the first second after its limit, in the order of time; run late, it still happens at its
own time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from tickets.calendar import UnknownYear, WorkingDays
from tickets.life import Life
from tickets.lifecycle.returning import rule_of, stay
from tickets.move import Move
from tickets.number import CHINA, ticket_day
from tickets.policy import Policy, WarningStep
from tickets.words import COMPLETION, LimitKind, State, SuperviseReason, Warning, chinese

_ORDER = tuple(Warning)


@dataclass(frozen=True, slots=True)
class Tick:
    """``what``: e.g. ``complete_overdue``, ``warning_blue``, ``supervised``; ``text`` is for people."""

    at: datetime
    what: str
    text: str
    articles: tuple[str, ...]


def run(policy: Policy, days: WorkingDays, life: Life, until: datetime) -> tuple[Life, tuple[Tick, ...]]:
    """The ticket at ``until`` and what happened on the way. Raises :class:`tickets.calendar.UnknownYear`."""
    ticks: list[Tick] = []
    while (found := _next(policy, days, life)) is not None and found[0] <= until:
        at, cause = found
        if life.at is not None:
            at = max(at, life.at)  # a review may send a ticket back under a limit that passed meanwhile
        move = Move(policy, days, life, at)
        if isinstance(cause, WarningStep):
            ticks.append(_warn(move, cause))
        else:
            ticks.extend(_pass(move, cause))
        life = move.life
    return life, tuple(ticks)


def next_at(policy: Policy, days: WorkingDays, life: Life) -> datetime | None:
    """When the clock has something to do next; None while it has not."""
    found = _next(policy, days, life)
    return None if found is None else found[0]


def overdue_days(days: WorkingDays, life: Life, at: datetime) -> int:
    """Working days after the last day of the completion limit, up to and including the day of ``at``."""
    due = [life.limits[kind].due for kind in COMPLETION if kind in life.limits]
    if not due:
        return life.overdue_days
    return days.between(ticket_day(min(due)), ticket_day(at))


def _next(policy: Policy, days: WorkingDays, life: Life) -> tuple[datetime, LimitKind | WarningStep] | None:
    found: list[tuple[datetime, LimitKind | WarningStep]] = [
        (running.due + timedelta(seconds=1), kind) for kind, running in life.limits.items() if not running.passed
    ]
    due = min((life.limits[kind].due for kind in COMPLETION if kind in life.limits), default=None)
    if due is not None:
        reached = -1 if life.warning is None else _ORDER.index(life.warning)
        for step in policy.warnings:
            if _ORDER.index(step.warning) > reached and not (step.unless_explained and life.explained):
                try:
                    day = days.add(ticket_day(due), step.after)
                except UnknownYear:
                    break  # that far off nothing can be said; the limit itself is known
                found.append((datetime.combine(day, time.min, CHINA), step))
                break
    return min(found, key=lambda one: one[0], default=None)


def _pass(move: Move, kind: LimitKind) -> list[Tick]:
    life = move.life
    running = life.limits[kind]
    limits = dict(life.limits)
    if kind is LimitKind.RETURN:
        # A right, not a duty: it lapses.
        del limits[kind]
        move.set(limits=limits)
        silence = rule_of(move, life.state).silence_accepts
        if silence is not None:
            return [Tick(move.at, "return_accepted_by_silence", "逾期未退回，视同已接收", (silence.cite,))]
        return [Tick(move.at, "return_lapsed", "退单时限已过", (running.cite,))]
    if kind is LimitKind.DECIDE_RETURN and life.state is State.RETURN_REQUESTED:
        stay(move)
        return [Tick(move.at, "return_refused_by_silence", "逾期未接受退单，仍由原单位办理", (running.cite,))]
    limits[kind] = running.model_copy(update={"passed": True})
    move.set(limits=limits)
    called = "查阅" if kind is LimitKind.VIEW else "办结" if kind in COMPLETION else ""
    account = [one.cite for one in move.policy.accountability if one.at == called]
    ticks = [Tick(move.at, f"{kind}_overdue", f"{chinese(kind)}逾期", (running.cite, *account))]
    if kind in COMPLETION:
        move.set(counted_overdue=True)
        if move.supervise_automatically(SuperviseReason.OVERDUE):
            ticks.append(Tick(move.at, "supervised", "逾期未办结，列入督办", tuple(move.articles)))
    return ticks


def _warn(move: Move, step: WarningStep) -> Tick:
    move.set(warning=step.warning, points=max(move.life.points, step.points))
    text = f"{chinese(step.warning)}：{step.notify}"
    return Tick(move.at, f"warning_{step.warning}", text, (step.cite,))
