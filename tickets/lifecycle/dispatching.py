"""转办、县区转办、查阅、联系、决定是否受理举报."""

from __future__ import annotations

from tickets.commands import Contact, DecideReport, Dispatch, Forward, View
from tickets.move import WITH_THE_UNIT, Move
from tickets.words import Category, LimitKind, Obligation, State, SuperviseReason


def dispatch(move: Move, command: Dispatch) -> None:
    move.need_state(State.ACCEPTED, what="转办")
    life, policy = move.life, move.policy
    county = command.county if isinstance(command.county, str) else ""
    if not (command.unit or county):
        move.refuse("转办须写明承办单位")
    approval = policy.pre_approval
    if approval is not None and life.category in approval.categories and not life.approved:
        move.refuse("转办前须经审核", approval)
    if command.county and policy.second_tier is None:
        move.refuse("只有一级转办，不经县区", policy.one_tier or policy.procedure)
    others = tuple(dict.fromkeys(unit for unit in command.co_units if unit and unit != command.unit))
    move.cite(policy.dispatch or policy.procedure)
    move.end(LimitKind.DISPATCH)
    move.set(co_units=others, forwarded_by="")
    through_county = life.county if command.county is None else command.county
    if through_county and policy.second_tier is not None:
        to_county(move, county or command.unit)
    else:
        move.start_unit(command.unit)
    if others:
        move.cite(policy.co_units)
        move.supervise_automatically(SuperviseReason.SEVERAL_UNITS)
    if life.urgent:
        move.supervise_automatically(SuperviseReason.SUDDEN)
    if not life.public:
        for duty in policy.duties:
            if duty.at == "内部转办":
                move.owe(duty.obligation, duty)


def to_county(move: Move, county: str) -> None:
    """The county has its own limits until it forwards."""
    tier = move.policy.second_tier
    assert tier is not None
    move.set(state=State.AT_COUNTY, unit=county, forwarded_by="", dispatched_at=move.at, return_refused=False)
    move.start(LimitKind.FORWARD, tier.forward)
    move.start(LimitKind.RETURN, tier.returning)
    move.start_supervision()


def forward(move: Move, command: Forward) -> None:
    tier = move.policy.second_tier
    if tier is None:
        move.refuse("只有一级转办，不经县区", move.policy.one_tier or move.policy.procedure)
    move.need_state(State.AT_COUNTY, what="由县区转办")
    if not command.unit:
        move.refuse("转办须写明承办单位", tier.forward)
    move.cite(tier.forward)
    move.end(LimitKind.FORWARD, LimitKind.RETURN)
    county = move.life.unit
    move.start_unit(command.unit)
    move.set(forwarded_by=county)


def view(move: Move, command: View) -> None:
    move.need_state(*WITH_THE_UNIT, what="查阅")
    move.cite(move.policy.view)
    move.end(LimitKind.VIEW)


def contact(move: Move, command: Contact) -> None:
    move.need_state(*WITH_THE_UNIT, State.COMPLETED, what="联系诉求人")
    running = move.life.limits.get(LimitKind.CONTACT)
    if running is not None:
        move.articles.append(running.cite)
    move.end(LimitKind.CONTACT)


def decide_report(move: Move, command: DecideReport) -> None:
    rule = move.policy.decide_report
    if rule is None:
        move.refuse("不需要先决定是否受理举报")
    move.need_state(State.DISPATCHED, what="决定是否受理举报")
    life = move.life
    if life.category is not Category.REPORT:
        move.refuse("只有举报类须先决定是否受理", rule)
    if life.report_taken is not None:
        move.refuse("已经作出是否受理的决定", rule)
    move.cite(rule)
    move.end(LimitKind.DECIDE_REPORT)
    move.set(report_taken=command.accept)
    base = rule.accepted if command.accept else rule.refused
    move.run({LimitKind.COMPLETE: move.completion(base)})
    if not command.accept:
        move.owe(Obligation.NOTIFY_CITIZEN, rule.refused)
