"""The form of each command: what has to be filled in under this policy, for this ticket, by this person. Pure.

Whatever a form lets through, the rules accept (tests/acceptance/test_steps.py tries it on random lives).
"""

from __future__ import annotations

from collections.abc import Callable

from tickets.calendar import UnknownYear
from tickets.lifecycle.extending import longest
from tickets.lifecycle.returning import rule_of
from tickets.move import Move
from tickets.number import ticket_day
from tickets.policy import own
from tickets.screen import Facts, proposals
from tickets.signing import PAPERS, paper_of
from tickets.step import Among, Choice, Do, FieldKind, When
from tickets.step_bases import article
from tickets.step_fields import NAME, TEXT, choose, field, must, paper, unit, words, yes_no
from tickets.step_trial import Form, Trial, Way
from tickets.words import LimitKind, Obligation, State, SuperviseReason, chinese

_SAID = "如实说明"
"""Something written."""
_UNIT = "某单位"


def form_of(trial: Trial, do: Do) -> Form:
    make = _FORMS.get(do)
    return Form() if make is None else make(trial)


def _decline(trial: Trial) -> Form:
    refusals = trial.policy.refusals
    why = {one.item.id: one.why for one in proposals(trial.policy, Facts(trial.text, ticket_day(trial.at)))}
    choices = []
    for item in refusals.items:
        tell = item.tell
        note = "" if tell is None else f"告知诉求人：{tell.office}{tell.contact and f'（{tell.contact}）'}"
        basis = article(item.basis or refusals).model_copy(update={"item": item.item, "quote": item.quote})
        choices.append(
            Choice(value=item.id, name=item.quote, note=note, suggested=why.get(item.id, ""), articles=[basis])
        )
    choices.sort(key=lambda one: not one.suggested)
    asked_for = choose("reason", "不予受理的依据", choices, refusals, free=True, most=TEXT)
    ways = [Way({"reason": one.value}, ("reason", one.value)) for one in choices]
    return Form((asked_for,), (*ways, Way({"reason": _SAID})))


def _dispatch(trial: Trial) -> Form:
    policy, county = trial.policy, trial.life.county
    co_units = field("co_units", "协办单位", FieldKind.UNITS, policy.co_units, required=False, among=Among.CITY)
    if policy.second_tier is None:
        return Form((unit(trial, Among.CITY, policy.dispatch), co_units), (Way({"unit": _UNIT}),))
    through = [Choice(value=True, name="转县（市）区，由其再转"), Choice(value=False, name="直接转承办单位")]
    through.sort(key=lambda one: one.value is not county)
    fields = (
        choose("county", "转办途径", through, policy.second_tier, default=county),
        unit(trial, Among.CITY, policy.dispatch, when=When(field="county", value=False)),
        unit(trial, Among.COUNTIES, policy.second_tier, when=When(field="county", value=True)),
        co_units,
    )
    ways = [Way({"unit": _UNIT, "county": one.value}, ("county", one.value)) for one in through]
    return Form(fields, tuple(ways))


def _forward(trial: Trial) -> Form:
    tier = trial.policy.second_tier
    return Form((unit(trial, Among.OWN, tier and tier.forward),), (Way({"unit": _UNIT}),))


def _either(name: str) -> tuple[Way, ...]:
    return tuple(Way({name: answer}, (name, answer)) for answer in (True, False))


def _decide_report(trial: Trial) -> Form:
    asked_for = choose("accept", "是否受理", yes_no("受理", "不受理"), trial.policy.decide_report)
    return Form((asked_for,), _either("accept"))


def _return(trial: Trial) -> Form:
    rule = rule_of(_move(trial), trial.life.state)
    given = {"reason": _SAID, "basis": _SAID, "suggested_unit": _UNIT}
    fields = [
        words("reason", "退单理由", rule, required="理由" in rule.needs, forbidden=rule.forbidden),
        words("basis", "依据", rule if "依据" in rule.needs else None, required="依据" in rule.needs),
        field(
            "suggested_unit",
            "建议承办单位",
            FieldKind.UNIT,
            rule if "建议单位" in rule.needs else None,
            required="建议单位" in rule.needs,
            among=Among.CITY,
            free=True,
            most=NAME,
        ),
    ]
    if rule.site_visit_working_days is None:
        return Form(tuple(fields), (Way(given),))
    label = f"经现场核查（{rule.site_visit_working_days}个工作日内可退）"
    if trial.accepts("return", **given):
        fields.append(field("site_visit", label, FieldKind.YES, rule, required=False, default=False))
    else:
        fields.append(must("site_visit", label, rule))
    return Form(tuple(fields), (Way(given), Way({**given, "site_visit": True})))


def _decide_return(trial: Trial) -> Form:
    life, actor = trial.life, trial.actor
    asked_from = life.return_from or State.DISPATCHED
    rule = rule_of(_move(trial), asked_from)
    meeting = rule.joint_meeting
    agreed, kept = When(field="agree", value=True), When(field="agree", value=False)
    # A county gives it to its own units only.
    own_county = asked_from is State.DISPATCHED and bool(actor.unit) and actor.unit == life.forwarded_by
    among = Among.OWN if own_county else Among.CITY
    fields = [choose("agree", "是否同意退单", yes_no("同意", "不同意，继续办理"), rule.decided, rule.decide)]
    yes: dict[str, object] = {"agree": True}
    if meeting is not None:
        yes |= {"joint_meeting": True, "unit": _UNIT}
        fields += [
            must("joint_meeting", "已经联席会议审定", meeting, when=agreed),
            field(
                "joint_meeting", "联席会议指定原单位办理，不得再退", FieldKind.YES, meeting, required=False, when=kept
            ),
        ]
    hint = "" if meeting else f"可不填：不填的{'由县（市）区重新转办' if life.forwarded_by else '退回待转办'}"
    fields.append(unit(trial, among, meeting, required=meeting is not None, when=agreed, hint=hint))
    return Form(tuple(fields), (Way(yes, ("agree", True)), Way({"agree": False}, ("agree", False))))


def _extend(trial: Trial) -> Form:
    rule, life = trial.policy.extension, trial.life
    given: dict[str, object] = {"working_days": 1, "reason": _SAID, "stage_report": _SAID, "leader_consent": _SAID}
    if rule is None:
        return Form((), (Way(given),))
    most = longest(_move(trial), rule)
    fields = [
        field(
            "working_days",
            "延长（工作日）",
            FieldKind.DAYS,
            rule,
            required=not isinstance(rule.longest, int),
            least=1,
            most=min(most or 250, 250),
            default=most,
            hint=_extended(trial, most),
        ),
        words("reason", "延期理由", rule if rule.needs else None, required="理由" in rule.needs),
    ]
    if life.extensions_granted > 0 and "阶段性情况" in rule.again_needs:
        fields.append(words("stage_report", "阶段性情况", rule, required=True))
    if (asks := paper_of(trial.policy, life, "extend")) is not None:
        fields.append(paper(trial, PAPERS["extend"], "领导同意", asks))
    return Form(tuple(fields), (Way(given),))


def _extended(trial: Trial, most: int | None) -> str:
    running = trial.life.limits.get(LimitKind.COMPLETE)
    if running is None:
        return ""
    now = f"现办结时限{running.due:%Y-%m-%d}"
    if most is None:
        return now
    try:
        return f"{now}，最长可延至{trial.days.add(ticket_day(running.due), most):%Y-%m-%d}"
    except UnknownYear:
        return now


def _decide_extension(trial: Trial) -> Form:
    days = trial.life.extension_days
    label = "是否同意延期" if days is None else f"是否同意延期{days}个工作日"
    asked_for = choose("agree", label, yes_no("同意", "不同意"), trial.policy.extension)
    return Form((asked_for,), _either("agree"))


def _explain(trial: Trial) -> Form:
    steps = [step for step in trial.policy.warnings if step.unless_explained]
    return Form((words("reason", "逾期原因", *steps, required=True),), (Way({"reason": _SAID}),))


def _complete(trial: Trial) -> Form:
    content = trial.policy.content
    asked = ["结果"] if trial.life.state is State.ACCEPTED else list(content.needs)
    fields = [
        words("result", "办理结果", content, required="结果" in asked),
        words("basis", "依据", content if "依据" in asked else None, required="依据" in asked),
    ]
    if (asks := paper_of(trial.policy, trial.life, "complete")) is not None:
        fields.append(paper(trial, PAPERS["complete"], "领导签批", asks))
    return Form(tuple(fields), (Way({"result": _SAID, "basis": _SAID, "leader_approval": _SAID}),))


def _review(trial: Trial) -> Form:
    failed, life = trial.policy.review.failed, trial.life
    no: dict[str, object] = {"pass": False, "reason": _SAID}
    fault = {**no, "unit_at_fault": True}
    when = When(field="pass", value=False)
    fields = [choose("pass", "审核结论", yes_no("通过", "不通过"), trial.policy.review)]
    fields.append(words("reason", "不通过的理由", failed, required=failed.needs_reason, when=when))
    ways = [Way({"pass": True}, ("pass", True)), Way(no, ("pass", False))]
    if life.on_the_spot:
        return Form(tuple(fields), tuple(ways))
    still = trial.policy.rating.still_unsolved if life.rating_reworks > 0 else None
    label = "认定属承办单位责任"
    if trial.accepts("review", **fault) and not trial.accepts("review", **no):
        fields.append(must("unit_at_fault", label, still or failed, when=when))
        ways[1] = Way(fault, ("pass", False))
    elif still is not None or (failed.supervise is not None and failed.only_at_fault):
        more: dict[str, object] = {"default": False, "when": when, "hint": "认定的，列入督办"}
        fields.append(field("unit_at_fault", label, FieldKind.YES, still or failed, required=False, **more))
    return Form(tuple(fields), tuple(ways))


def _rate(trial: Trial) -> Form:
    rule = trial.policy.rating
    choices = [Choice(value=level.value, name=chinese(level)) for level in rule.levels]
    ways = tuple(Way({"level": one.value}, ("level", one.value)) for one in choices)
    return Form((choose("level", "满意度", choices, rule),), ways)


def _heard(trial: Trial) -> Form:
    return Form((words("reason", "诉求人所述"),))


def _end_callback(trial: Trial) -> Form:
    choices = [
        Choice(value="unreached", name="最后一次仍未接通"),
        Choice(value="unrated", name="接通后不作评价"),
        Choice(value="declined", name="不愿受访"),
    ]
    rule = trial.policy.archive.unrated or own(trial.policy.rating.voice or trial.policy.rating)
    asked_for = choose("outcome", "回访结果", choices, rule, hint="一律不记为满意")
    ways = tuple(Way({"outcome": one.value}, ("outcome", one.value)) for one in choices)
    return Form((asked_for, words("reason", "说明")), ways)


def _repeat(trial: Trial) -> Form:
    asked_for = field("caller", "反映人号码", FieldKind.LINE, required=True, most=NAME)
    return Form((asked_for,), (Way({"caller": _SAID}),))


def _supervise(trial: Trial) -> Form:
    listed = {trigger.reason: trigger for trigger in trial.policy.supervision.triggers}
    reasons = [
        *(one for one in SuperviseReason if one in listed),
        *(one for one in SuperviseReason if one not in listed),
    ]
    used = trial.life.supervision_reasons
    choices = [
        Choice(
            value=reason.value,
            name=chinese(reason),
            note="" if reason in listed else "办法所列情形之外",
            articles=[article(listed[reason])] if reason in listed else [],
        )
        for reason in reasons
        if reason not in used
    ]
    asked_for = choose("reason", "督办情形", choices, trial.policy.supervision)
    ways = tuple(Way({"reason": reason.value}, ("reason", reason.value)) for reason in reasons)
    return Form((asked_for,), ways)


def _fulfil(trial: Trial) -> Form:
    choices = [Choice(value=one.value, name=chinese(one)) for one in trial.life.obligations]
    ways = tuple(Way({"obligation": one.value}, ("obligation", one.value)) for one in Obligation)
    return Form((choose("obligation", "完成了哪项待办", choices),), ways)


def _move(trial: Trial) -> Move:
    return Move(trial.policy, trial.days, trial.life, trial.at)


_FORMS: dict[Do, Callable[[Trial], Form]] = {
    "decline": _decline,
    "dispatch": _dispatch,
    "forward": _forward,
    "decide_report": _decide_report,
    "return": _return,
    "decide_return": _decide_return,
    "extend": _extend,
    "decide_extension": _decide_extension,
    "explain": _explain,
    "complete": _complete,
    "review": _review,
    "rate": _rate,
    "unsolved": _heard,
    "ask_callback": _heard,
    "end_callback": _end_callback,
    "repeat": _repeat,
    "supervise": _supervise,
    "fulfil": _fulfil,
}
"""Commands without one ask for nothing."""
