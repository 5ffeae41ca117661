"""Which step of a ticket owes the citizen an answer by the channel the request came from. Pure."""

from __future__ import annotations

from tickets.commands import AnyCommand, Complete, DecideExtension, Decline, DeliverWrittenResult, Review
from tickets.policy import Policy
from tickets.ticket import Ticket
from tickets.words import Obligation, State

BY_TELEPHONE = "phone"
"""A caller is called back by a person: no notice."""


def owed_kind(policy: Policy, command: AnyCommand, after: Ticket) -> str | None:
    """``answered`` (the result), ``declined``, ``extended``, ``written_result``; None where nothing is owed.

    The result goes out once the review has passed it; at completion where the hotline answered on the spot, or where
    the policy wants the citizen told then (告知, 环节 办结).
    """
    match command:
        case Decline():
            return "declined" if after.life.state is State.DECLINED else None
        case Complete():
            return "answered" if after.life.on_the_spot or _told_at_completion(policy) else None
        case Review():
            passed = command.passed and not after.life.on_the_spot
            return "answered" if passed and not _told_at_completion(policy) else None
        case DecideExtension():
            return "extended" if command.agree and Obligation.NOTIFY_CITIZEN in after.life.obligations else None
        case DeliverWrittenResult():
            return "written_result"
        case _:
            return None


def _told_at_completion(policy: Policy) -> bool:
    return any(duty.at == "办结" and duty.obligation is Obligation.NOTIFY_CITIZEN for duty in policy.duties)
