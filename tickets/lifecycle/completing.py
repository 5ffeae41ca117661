"""办结、审核、书面结果、归档."""

from __future__ import annotations

from datetime import UTC, datetime

from tickets.commands import (
    Archive,
    AskWrittenResult,
    Complete,
    DeliverWrittenResult,
    Fulfil,
    Review,
)
from tickets.due import Due, over
from tickets.move import Move
from tickets.number import ticket_day
from tickets.policy import Failed, own
from tickets.words import BAD_LEVELS, COMPLETION, CallbackWhy, LimitKind, Obligation, State, SuperviseReason

_ENDED = tuple(kind for kind in LimitKind if kind is not LimitKind.WRITTEN_RESULT)


def complete(move: Move, command: Complete) -> None:
    policy, life = move.policy, move.life
    spot = policy.on_the_spot
    if life.state is State.ACCEPTED:
        if spot is None or life.category not in spot.categories:
            move.refuse("不能即时答复办结，应转办承办单位", spot or policy.procedure)
    else:
        move.need_state(State.DISPATCHED, State.REWORK, what="办结")
    if LimitKind.DECIDE_REPORT in life.limits and policy.decide_report is not None:
        move.refuse("须先决定是否受理举报", policy.decide_report)
    given = {"结果": command.result, "依据": command.basis, "领导签批": command.leader_approval}
    on_the_spot = life.state is State.ACCEPTED
    asked = ["结果"] if on_the_spot else policy.content.needs
    missing = [need for need in asked if not given[need]]
    if missing:
        move.refuse(f"办结须有{'、'.join(missing)}", policy.content)
    move.cite(policy.content, spot if on_the_spot else None)
    running = [life.limits[kind] for kind in COMPLETION if kind in life.limits]
    late = [move.days.between(ticket_day(one.due), ticket_day(move.at)) for one in running if over(one.due, move.at)]
    move.set(
        state=State.COMPLETED,
        on_the_spot=on_the_spot,
        extension_days=None,
        completions=life.completions + 1,
        rating=None,
        unsolved=False,
        called_back=False,
        callback_since=_since(move),
        overdue_days=max(late, default=0),
        counted_overdue=life.counted_overdue or bool(late),
        kept={kind: one for kind, one in life.limits.items() if kind in COMPLETION},
    )
    move.end(*_ENDED)
    move.settle(Obligation.REWORK)
    by_hand = policy.rating.supervised_callback
    if life.supervised and by_hand is not None:
        move.owe_callback(CallbackWhy.SUPERVISED, by_hand)  # anew, where it was done before this completion
    if on_the_spot:
        return  # the citizen has the answer already
    move.start(LimitKind.REVIEW, policy.review)
    for duty in policy.duties:
        if duty.at == "办结":
            move.owe(duty.obligation, duty)


def _since(move: Move) -> datetime | None:
    """A callback that is still owed is now about this completion; who asked for it has waited since then."""
    since, why = move.life.callback_since, move.life.callback_why
    return since if since is None or CallbackWhy.ASKED in why else move.at.astimezone(UTC)


def review(move: Move, command: Review) -> None:
    life, policy = move.life, move.policy
    unhappy = life.rating in BAD_LEVELS or life.unsolved
    if not (unhappy and life.state is State.REVIEWED and not command.passed):
        move.need_state(State.COMPLETED, what="审核")
    rule = policy.review
    move.cite(rule)
    if command.passed:
        move.end(LimitKind.REVIEW, LimitKind.SUPERVISE)
        move.set(state=State.REVIEWED, failed_reviews=0, kept={})
        for duty in policy.duties:
            if duty.at == "审核通过":
                move.owe(duty.obligation, duty)
        return
    failed = rule.failed
    if failed.needs_reason and not command.reason:
        move.refuse("审核不通过须说明理由", failed)
    if life.on_the_spot:
        # Answered by the hotline itself: there is no unit to send it back to.
        move.set(state=State.ACCEPTED, on_the_spot=False)
        move.start(LimitKind.DISPATCH, policy.dispatch)
        return
    move.end(LimitKind.REVIEW)
    move.cite(failed)
    unsolved = policy.rating.still_unsolved
    still = unhappy and unsolved is not None and life.rating_reworks > 0
    if still and not command.unit_at_fault and life.state is State.REVIEWED:
        move.refuse("重办以一次为限，未认定属承办单位原因的不再重办", policy.rating.rework or policy.rating)
    _rework(move, failed)
    if still and unsolved is not None:
        if command.unit_at_fault:
            move.supervise(SuperviseReason.UNSOLVED, unsolved)
    elif failed.supervise is not None and (command.unit_at_fault or not failed.only_at_fault):
        trigger = next((one for one in policy.supervision.triggers if one.reason is failed.supervise), failed)
        move.supervise(failed.supervise, trigger)


def _rework(move: Move, failed: Failed) -> None:
    """Back to the unit. A second failure does not buy new time."""
    life = move.life
    again = life.failed_reviews > 0
    move.set(state=State.REWORK, failed_reviews=life.failed_reviews + 1)
    if (failed.goes_on or again) and life.kept:
        move.set(limits={**move.life.limits, **life.kept})
    elif failed.rework is not None:
        move.set(warning=None, explained=False)
        move.start(LimitKind.REWORK, failed.rework)
    else:
        move.set(warning=None, explained=False)
        base = move.policy.completion(life.category)
        limit = move.completion(base)
        move.run({LimitKind.REWORK: Due(limit.at, own(base).cite, limit.provisional)})
    if again and failed.again_is_overdue is not None:
        move.cite(failed.again_is_overdue, *(one for one in move.policy.accountability if one.at == "办结"))
        move.set(counted_overdue=True)
    move.owe(Obligation.REWORK, failed)
    move.start_supervision()


def ask_written_result(move: Move, command: AskWrittenResult) -> None:
    rule = move.policy.written_result
    if move.life.state not in (State.COMPLETED, State.REVIEWED, State.ARCHIVED):
        move.refuse("工单办结后方可要求书面结果", rule or move.policy.procedure)
    if Obligation.WRITTEN_RESULT in move.life.obligations:
        move.refuse("已经要求书面结果", rule or move.policy.procedure)
    move.owe(Obligation.WRITTEN_RESULT, rule or own(move.policy.procedure))
    move.start(LimitKind.WRITTEN_RESULT, rule)


def deliver_written_result(move: Move, command: DeliverWrittenResult) -> None:
    rule = move.policy.written_result or move.policy.procedure
    if Obligation.WRITTEN_RESULT not in move.life.obligations:
        move.refuse("没有人要求书面结果", rule)
    move.cite(rule)
    move.settle(Obligation.WRITTEN_RESULT)
    move.end(LimitKind.WRITTEN_RESULT)


def archive(move: Move, command: Archive) -> None:
    life, rule = move.life, move.policy.archive
    if life.state is not State.REVIEWED and not (life.on_the_spot and life.state is State.COMPLETED):
        move.refuse("通过审核后方可归档", rule)
    if Obligation.MANUAL_CALLBACK in life.obligations:
        move.refuse("人工回访后方可归档", rule)
    if rule.needs_rating and life.rating is None and not life.called_back and not life.on_the_spot:
        move.refuse("回访后方可归档", rule)
    if Obligation.REWORK in life.obligations:
        move.refuse("整改落实后方可归档", move.policy.rating.correction or rule)
    move.cite(rule)
    if rule.needs_rating and life.rating is None and life.called_back:
        move.cite(rule.unrated)
    move.set(state=State.ARCHIVED)
    move.end(*_ENDED)


def fulfil(move: Move, command: Fulfil) -> None:
    if command.obligation not in move.life.obligations:
        move.refuse("没有这项待办")
    if command.obligation is Obligation.WRITTEN_RESULT:
        move.end(LimitKind.WRITTEN_RESULT)
    if command.obligation is Obligation.MANUAL_CALLBACK and move.life.state in (State.COMPLETED, State.REVIEWED):
        move.cite(move.policy.rating.callback, move.policy.rating.supervised_callback)
        move.set(called_back=True)
    move.settle(command.obligation)
