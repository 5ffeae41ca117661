"""受理、不予受理、转办前审核."""

from __future__ import annotations

from tickets.commands import Accept, ApproveDispatch, Decline
from tickets.move import Move
from tickets.policy import NotAccepted, Policy
from tickets.words import LimitKind, Obligation, State


def accept(move: Move, command: Accept) -> None:
    move.need_state(State.RECEIVED, what="受理")
    life, policy = move.life, move.policy
    move.cite(policy.scope)
    move.set(state=State.ACCEPTED, callers=life.callers or (life.caller,))
    move.start(LimitKind.DISPATCH, policy.dispatch)
    if life.urgent and policy.linkage is not None and life.category in policy.linkage.categories:
        move.owe(Obligation.NOTIFY_EMERGENCY_SERVICE, policy.linkage)


def decline(move: Move, command: Decline) -> None:
    move.need_state(State.RECEIVED, State.ACCEPTED, what="不予受理")
    refusals = move.policy.refusals
    if not command.reason:
        move.refuse("不予受理须说明依据", refusals)
    item = _item(move.policy, command.reason)
    move.cite(item.basis if item is not None and item.basis is not None else refusals)
    move.set(state=State.DECLINED, limits={})
    if item is not None and item.tell is not None:
        move.owe(Obligation.TELL_RIGHT_OFFICE, item.tell)
    elif refusals.tell is not None:
        move.owe(Obligation.TELL_RIGHT_OFFICE, refusals.tell)


def _item(policy: Policy, reason: str) -> NotAccepted | None:
    for item in policy.refusals.items:
        if reason == item.id or item.item in reason or item.quote.rstrip("。.;；,，") in reason:
            return item
    return next((item for item in policy.refusals.items if any(word in reason for word in item.words)), None)


def approve_dispatch(move: Move, command: ApproveDispatch) -> None:
    rule = move.policy.pre_approval
    if rule is None or move.life.category not in rule.categories:
        return  # not asked for here; an office that always signs does no harm
    move.need_state(State.ACCEPTED, what="审核转办意见")
    move.cite(rule)
    move.set(approved=True)
