"""突发类: notice, arrival, report upward."""

from __future__ import annotations

from tickets.commands import Arrive, NotifyUrgent, ReportMajor
from tickets.move import WITH_THE_UNIT, Move
from tickets.policy import own
from tickets.words import LimitKind, Obligation, State

_OPEN = (State.RECEIVED, State.ACCEPTED, *WITH_THE_UNIT)


def notify(move: Move, command: NotifyUrgent) -> None:
    """The unit is told by telephone or SMS: from the first such notice it has so many hours to be on site."""
    move.need_state(*_OPEN, what="发突发事项通知")
    rule = move.policy.onsite
    if not move.life.urgent:
        move.refuse("不是突发类事项", rule or move.policy.linkage or move.policy.procedure)
    move.cite(rule or move.policy.linkage)
    if move.life.notified_at is None:
        move.set(notified_at=move.at)
        running = move.life.limits.get(LimitKind.ONSITE)
        if not move.life.arrived and not (running is not None and running.passed):
            move.start(LimitKind.ONSITE, rule)


def arrive(move: Move, command: Arrive) -> None:
    move.need_state(*_OPEN, what="登记到场")
    if not move.life.urgent:
        move.refuse("不是突发类事项", move.policy.onsite or move.policy.procedure)
    move.cite(move.policy.onsite)
    move.set(arrived=True)
    move.end(LimitKind.ONSITE)


def report_major(move: Move, command: ReportMajor) -> None:
    move.need_state(*_OPEN, what="上报重大事项")
    move.owe(Obligation.REPORT_UPWARD, move.policy.report_upward or own(move.policy.procedure))
