"""退单: asked for by the unit or the county, decided by the office above it."""

from __future__ import annotations

from tickets.commands import DecideReturn, Return
from tickets.due import Due, count, count_days, over
from tickets.lifecycle.dispatching import to_county
from tickets.move import Move
from tickets.policy import ReturnRule
from tickets.words import LimitKind, Obligation, State


def rule_of(move: Move, asked_from: State) -> ReturnRule:
    tier = move.policy.second_tier
    return tier.returning if asked_from is State.AT_COUNTY and tier is not None else move.policy.returning


def ask(move: Move, command: Return) -> None:
    move.need_state(State.DISPATCHED, State.AT_COUNTY, what="申请退单")
    life = move.life
    rule = rule_of(move, life.state)
    if life.designated and rule.joint_meeting is not None:
        move.refuse("联席会议指定的承办单位不得再退单", rule.joint_meeting)
    if life.return_refused and rule.once is not None:
        move.refuse("退单申请未获同意，不得再退", rule.once)
    given = {"理由": command.reason, "依据": command.basis, "建议单位": command.suggested_unit}
    missing = [need for need in rule.needs if not given[need]]
    if missing:
        move.refuse(f"退单须提交{'、'.join(missing)}", rule)
    hollow = next((word for word in rule.forbidden if word in command.reason), None)
    if hollow is not None:
        move.refuse(f"不得以“{hollow}”为由退单", rule)
    window = _window(move, rule, command.site_visit)
    if window is not None and over(window.at, move.at):
        silence = rule.silence_accepts
        move.refuse(
            f"已过退单时限（{window.at:%Y-%m-%d}）" + ("，视同已接收" if silence else ""),
            *filter(None, [rule, silence]),
        )
    move.cite(rule)
    move.end(LimitKind.RETURN)
    move.set(state=State.RETURN_REQUESTED, return_from=life.state)
    move.start(LimitKind.DECIDE_RETURN, rule.decide)
    if rule.joint_meeting is not None:
        move.owe(Obligation.JOINT_MEETING, rule.joint_meeting)


def _window(move: Move, rule: ReturnRule, site_visit: bool) -> Due | None:
    start = move.life.dispatched_at
    if start is None or rule.working_days is None:
        return None
    if site_visit and rule.site_visit_working_days is not None:
        return count_days(rule.site_visit_working_days, rule.cite, move.days, start)
    return count(rule, move.days, start)


def decide(move: Move, command: DecideReturn) -> None:
    move.need_state(State.RETURN_REQUESTED, what="审核退单")
    asked_from = move.life.return_from or State.DISPATCHED
    rule = rule_of(move, asked_from)
    meeting = rule.joint_meeting
    move.cite(rule.decided, rule.decide, rule)
    if not command.agree:
        stay(move)
        if meeting is not None and command.joint_meeting:
            move.set(designated=True)
            move.end(LimitKind.RETURN)
        return
    if meeting is not None:
        if not (command.joint_meeting and command.unit):
            move.refuse("退单须经联席会议审定，并指定承办单位", meeting)
        move.cite(meeting)
    county = move.life.forwarded_by if asked_from is State.DISPATCHED else ""
    move.set(notified_at=None, arrived=False)
    move.settle(Obligation.JOINT_MEETING)
    move.leave_unit()
    if command.unit:
        move.start_unit(command.unit)
        move.set(forwarded_by=county, designated=meeting is not None)
        if meeting is not None:
            move.end(LimitKind.RETURN)
    elif county:
        move.set(return_from=None, co_units=())
        to_county(move, county)
    else:
        move.set(state=State.ACCEPTED, unit="", co_units=(), return_from=None, extension_days=None)
        move.start(LimitKind.DISPATCH, move.policy.dispatch)


def stay(move: Move) -> None:
    """Not granted, or nobody decided in time: the ticket stays where it was and its limits have run on."""
    asked_from = move.life.return_from or State.DISPATCHED
    rule = rule_of(move, asked_from)
    move.settle(Obligation.JOINT_MEETING)
    move.end(LimitKind.DECIDE_RETURN)
    move.set(state=asked_from, return_from=None, return_refused=True)
    window = _window(move, rule, site_visit=False)
    if rule.once is None and window is not None and not over(window.at, move.at):
        move.run({LimitKind.RETURN: window})
