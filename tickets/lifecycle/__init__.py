"""What may happen to a ticket next: one function a command, by the stage of a ticket's life.

intake → dispatching → (returning, extending, urgent) → completing → calling_back; supervising at any time. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickets.calendar import WorkingDays
from tickets.commands import AnyCommand
from tickets.life import Life
from tickets.lifecycle import calling_back, completing, dispatching, extending, intake, returning, supervising, urgent
from tickets.move import Move, Refused
from tickets.policy import Basis, Policy

__all__ = ["Applied", "Refused", "apply"]

_RULES: dict[str, Callable[[Move, Any], None]] = {
    "accept": intake.accept,
    "decline": intake.decline,
    "approve_dispatch": intake.approve_dispatch,
    "dispatch": dispatching.dispatch,
    "forward": dispatching.forward,
    "view": dispatching.view,
    "contact": dispatching.contact,
    "decide_report": dispatching.decide_report,
    "return": returning.ask,
    "decide_return": returning.decide,
    "extend": extending.ask,
    "decide_extension": extending.decide,
    "report_major": urgent.report_major,
    "notify_urgent": urgent.notify,
    "arrive": urgent.arrive,
    "explain": supervising.explain,
    "supervise": supervising.supervise,
    "repeat": supervising.repeat,
    "complete": completing.complete,
    "review": completing.review,
    "rate": calling_back.rate,
    "unsolved": calling_back.unsolved,
    "ask_callback": calling_back.ask,
    "end_callback": calling_back.end,
    "ask_written_result": completing.ask_written_result,
    "deliver_written_result": completing.deliver_written_result,
    "archive": completing.archive,
    "fulfil": completing.fulfil,
}


@dataclass(frozen=True, slots=True)
class Applied:
    """``bases``: of the ``articles``, those of which the policy's words are known."""

    life: Life
    articles: tuple[str, ...]
    bases: tuple[Basis, ...] = ()


def apply(policy: Policy, days: WorkingDays, life: Life, command: AnyCommand, at: datetime) -> Applied:
    """The ticket after ``command`` at ``at``. Let the clock run up to ``at`` first (:func:`tickets.clock.run`).

    Raises :class:`Refused`, :class:`tickets.calendar.UnknownYear`; ValueError for a moment without a zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    move = Move(policy, days, life, at)
    if life.at is not None and at < life.at:
        move.refuse(f"时间早于上一步（{life.at.isoformat()}）")
    _RULES[command.do](move, command)
    move.set(at=at)
    if not move.articles:
        move.cite(policy.procedure)
    return Applied(move.life, tuple(move.articles), tuple(move.bases))
