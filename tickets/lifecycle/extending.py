"""延期: asked for by the unit, decided by somebody else, and the citizen is told."""

from __future__ import annotations

from tickets.commands import DecideExtension, Extend
from tickets.due import Due, over
from tickets.life import Running
from tickets.move import Move
from tickets.number import ticket_day
from tickets.policy import Extension
from tickets.words import LimitKind, Obligation, State, chinese


def ask(move: Move, command: Extend) -> None:
    rule, running = _allowed(move)
    life = move.life
    if life.extension_days is not None:
        move.refuse("已有延期申请待审核", rule)
    if "理由" in rule.needs and not command.reason:
        move.refuse("延期须说明理由", rule)
    used = life.extensions_asked if rule.counted == "申请" else life.extensions_granted
    if rule.times is not None and used >= rule.times:
        move.refuse(f"延期{'申请' if rule.counted == '申请' else ''}不得超过{rule.times}次", rule)
    if over(running.due, move.at):
        move.refuse("应在办理时限届满前申请延期", rule)
    left = move.days.between(ticket_day(move.at), ticket_day(running.due))
    if left < rule.remaining_working_days:
        move.refuse(f"应在办理时限届满前{rule.remaining_working_days}个工作日申请延期，现剩{left}个", rule)
    most = longest(move, rule)
    working_days = command.working_days
    if working_days is None:
        if not isinstance(rule.longest, int):
            move.refuse("延期须写明延期时间（工作日）", rule)
        working_days = rule.longest
    if most is not None and working_days > most:
        move.refuse(f"每次延期不得超过{most}个工作日", rule)
    if life.extensions_granted > 0:
        papers = {"阶段性情况": command.stage_report, "领导同意": command.leader_consent}
        missing = [need for need in rule.again_needs if not papers[need]]
        if missing:
            move.refuse(f"再次延期须提交{'、'.join(missing)}", rule)
    move.cite(rule)
    move.set(extension_days=working_days, extensions_asked=life.extensions_asked + 1)


def _allowed(move: Move) -> tuple[Extension, Running]:
    life, policy = move.life, move.policy
    rule = policy.extension
    if rule is None or life.category not in rule.categories:
        move.refuse(f"{chinese(life.category)}类不得延期", policy.no_extension or rule or policy.procedure)
    if life.urgent and rule.not_urgent is not None:
        move.refuse("突发类事项不得延期", rule.not_urgent)
    if life.state not in (State.DISPATCHED, State.REWORK) or LimitKind.COMPLETE not in life.limits:
        move.refuse(f"工单{chinese(life.state)}，没有可以延长的办结时限", rule)
    return rule, life.limits[LimitKind.COMPLETE]


def longest(move: Move, rule: Extension) -> int | None:
    if rule.longest == "不限":
        return None
    if isinstance(rule.longest, int):
        return rule.longest
    first = move.policy.completion(move.life.category).working_days
    return min((days for days in (first, move.life.stricter) if days is not None), default=None)


def decide(move: Move, command: DecideExtension) -> None:
    rule = move.policy.extension or move.policy.no_extension or move.policy.procedure
    working_days = move.life.extension_days
    running = move.life.limits.get(LimitKind.COMPLETE)
    if working_days is None or running is None:
        move.refuse("没有待审核的延期申请", rule)
    move.cite(rule)
    move.set(extension_days=None)
    if not command.agree:
        return
    # It runs on from the old limit, not from the decision.
    start = ticket_day(running.due)
    last = move.days.add(start, working_days)
    provisional = running.provisional or move.days.span_provisional(start, last)
    new = Due(move.days.end_of(last), rule.cite, provisional)
    move.run({LimitKind.COMPLETE: new})
    move.set(extensions_granted=move.life.extensions_granted + 1)
    # Asked for in time and decided late: what the clock did meanwhile does not hold; it looks at the new limit.
    move.undo_overdue()
    if isinstance(rule, Extension) and rule.tell is not None:
        move.owe(Obligation.NOTIFY_CITIZEN, rule.tell)
