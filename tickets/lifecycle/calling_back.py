"""回访: what the citizen says of what was done, and what follows from it."""

from __future__ import annotations

from tickets.commands import AskCallback, EndCallback, Rate, Unsolved
from tickets.move import Move
from tickets.policy import Basis, Rework, own
from tickets.words import BAD_LEVELS, CallbackWhy, LimitKind, Obligation, State

_DONE = (State.COMPLETED, State.REVIEWED)


def rate(move: Move, command: Rate) -> None:
    move.need_state(*_DONE, what="评价")
    rule = move.policy.rating
    if command.level not in rule.levels:
        move.refuse("没有这一评价等级", rule)
    move.cite(rule)
    first = move.life.rating is None
    bad = command.level in BAD_LEVELS
    if not (first and bad and rule.callback is not None):
        # A supervised ticket's answer is given to a person; so is a second one, to whoever called back; and where a
        # bad one owes no callback, it is the answer that the callback was for.
        move.settle(Obligation.MANUAL_CALLBACK)
    move.set(rating=command.level, unsolved=move.life.unsolved and bad)
    if not bad:
        return
    if rule.callback is not None and first:
        move.owe_callback(CallbackWhy.DISSATISFIED, rule.callback)
    if rule.correction is not None:
        move.owe(Obligation.REWORK, rule.correction)
    if rule.rework is not None and first and not move.life.on_the_spot and _left(move, rule.rework):
        move.set(state=State.REWORK, rating_reworks=move.life.rating_reworks + 1, warning=None, explained=False)
        move.end(LimitKind.REVIEW)
        move.start(LimitKind.REWORK, rule.rework)
        move.owe(Obligation.REWORK, rule.rework)
        move.start_supervision()


def _left(move: Move, rework: Rework) -> bool:
    return rework.times is None or move.life.rating_reworks < rework.times


def unsolved(move: Move, command: Unsolved) -> None:
    """Not a rating: a person asks, and the review decides. Said again, nothing more is owed; nor where the rating just
    given has sent it back: it is being done again."""
    if move.life.state is State.REWORK and move.life.rating in BAD_LEVELS:
        move.cite(move.policy.rating.rework)
        return
    move.need_state(*_DONE, what="登记未解决")
    move.set(unsolved=True)
    move.owe_callback(CallbackWhy.UNSOLVED, _by_hand(move))


def ask(move: Move, command: AskCallback) -> None:
    """Also where the rating just given has sent it back. Asked again, nothing more is owed."""
    move.need_state(*_DONE, State.REWORK, what="要求人工回访")
    move.owe_callback(CallbackWhy.ASKED, _by_hand(move))


def _by_hand(move: Move) -> Basis:
    rule = move.policy.rating
    return rule.callback or own(rule)


def end(move: Move, command: EndCallback) -> None:
    """What a person still owes is not settled with it: a machine may say this."""
    move.need_state(*_DONE, what="结束回访")
    rule = move.policy.rating
    move.cite(move.policy.archive.unrated or own(rule.voice or rule))
    move.set(called_back=True)
