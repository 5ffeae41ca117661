"""Whatever a form lets through, the regulation accepts; whatever is said not to be allowed, it refuses.

The lives are those of ``test_properties``: in the middle of each, somebody asks what he may do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from tests.acceptance.test_properties import (
    COMMANDS,
    DAYS,
    EXAMPLES,
    FIELDS,
    MOMENTS,
    POLICIES,
    STEPS,
    TICKETS,
    next_command,
    next_time,
)
from tests.unit.ticket_people import AGENT, DISPATCHER, MANAGER, MORNING, SUPERVISOR, leader, moment, officer
from tickets.clock import run
from tickets.commands import COMMAND, AnyCommand
from tickets.life import Life
from tickets.lifecycle import Applied, apply
from tickets.move import Refused
from tickets.permits import DECIDES, Actor, NotAllowed, Place, check
from tickets.policy import Policy
from tickets.step import Do, Effect, FieldKind, Step, StepField
from tickets.step_trial import Trial
from tickets.steps import find_steps
from tickets.told import COMMANDS as NAMES
from tickets.words import Category, LimitKind, Obligation, State

PEOPLE = [AGENT, DISPATCHER, SUPERVISOR, MANAGER]
PEOPLE += [make(unit) for unit in ("住建局", "城管局", "长乐区", "鼓楼区") for make in (officer, leader)]
EVERYTHING = Actor("everybody", frozenset().union(*(one.permissions for one in PEOPLE)), "住建局")


def test_the_words_are_those_of_the_commands() -> None:
    assert set(get_args(Do)) == set(NAMES) == set(COMMANDS)


def _place(life: Life) -> Place:
    county = life.unit if State.AT_COUNTY in (life.state, life.return_from) else life.forwarded_by
    return Place(life.state, life.unit, life.co_units, county, False, "")


def _execute(
    policy: Policy, life: Life, actor: Actor, asked: Mapping[str, str], given: Mapping[str, Any], at: datetime
) -> Applied:
    """As the book does it. Raises Refused, NotAllowed."""
    command = COMMAND.validate_python(given)
    check(actor, _place(life), command)
    if command.do in DECIDES and asked.get(DECIDES[command.do]) == actor.name:
        raise NotAllowed("")
    return apply(policy, DAYS, run(policy, DAYS, life, at)[0], command, at)


def _fill(step: Step, r: Random, *, all_of_it: bool) -> tuple[dict[str, Any], Effect | None]:
    """The form as somebody might fill it in, and what it said would follow. ``all_of_it``: also what need not be."""
    given: dict[str, Any] = {"do": step.do}
    effect = step.effect
    for field in step.fields:
        if field.when is not None and given.get(field.when.field) != field.when.value:
            continue
        if not field.required and not (all_of_it and r.random() < 0.7):
            continue
        given[field.name] = _value(field, r)
        chosen = next((one for one in field.choices if one.value == given[field.name]), None)
        if chosen is not None and chosen.effect is not None:
            effect = chosen.effect
    return given, effect


def _value(field: StepField, r: Random) -> Any:
    text = r.choice(["如实说明", "x", "第三方检测报告" * 3])
    match field.kind:
        case FieldKind.CHOICE:
            return text if field.free and r.random() < 0.3 else r.choice(field.choices).value
        case FieldKind.YES:
            return r.random() < 0.5
        case FieldKind.DAYS:
            assert field.least is not None
            assert field.most is not None
            return r.choice([field.least, field.most, r.randint(field.least, field.most)])
        case FieldKind.UNIT:
            return r.choice(["住建局", "长乐区"])
        case FieldKind.UNITS:
            return r.sample(["住建局", "城管局", "公安局"], 2)
        case FieldKind.PAPER:
            return r.choice([True, text])
        case FieldKind.LINE | FieldKind.WORDS:
            assert field.most is not None
            return text


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_said_of_a_step_is_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    policy = POLICIES[name]
    said: Counter[tuple[str, bool]] = Counter()

    @settings(EXAMPLES, max_examples=30)
    @given(ticket=TICKETS, start=MOMENTS, steps=STEPS)
    def lives(ticket: Life, start: datetime, steps: list[int]) -> None:
        life, now = ticket, start
        asked: dict[str, str] = {}
        for number in steps:
            r = Random(number)
            now = next_time(r, life, now)
            life, _ = run(policy, DAYS, life, now)
            near = [one for one in PEOPLE if one.unit is not None and one.unit == life.unit] * 3
            if life.state is State.RETURN_REQUESTED or life.extension_days is not None:
                near = [DISPATCHER, SUPERVISOR] * 8
            actor = r.choice([*PEOPLE, *near, EVERYTHING])
            said.update(_check(policy, life, actor, asked, now, r))
            command = _by_form(policy, life, now, r) if r.random() < 0.5 else next_command(r, life)
            try:
                life = apply(policy, DAYS, life, command, now).life
            except Refused:
                continue
            asked[command.do] = r.choice(PEOPLE).name

    lives()
    with capsys.disabled():
        print(f"\n{name}: {sum(said.values())} steps tried, {sum(n for (_, ok), n in said.items() if ok)} allowed")
    unused = {
        "forward": policy.second_tier is None,
        "decide_report": policy.decide_report is None,
        "extend": policy.extension is None,
        "decide_extension": policy.extension is None,
    }
    # Had it hardly ever been allowed, nothing would have been shown; two that are seldom reached are asked for below.
    never = {do for do in COMMANDS if not said[do, True]} - {"decide_report", "decide_extension"}
    assert never == {do for do, no in unused.items() if no} - {"decide_report", "decide_extension"}
    assert len([do for do in COMMANDS if said[do, False]]) > 20


def _by_form(policy: Policy, life: Life, now: datetime, r: Random) -> AnyCommand:
    """What is usually next, so that lives get far."""
    steps = [one for one in find_steps(Trial(policy, DAYS, life, _place(life), EVERYTHING, now)) if one.allowed]
    asking = [one for one in steps if one.do in ("extend", "return", "decide_report") and r.random() < 0.3]
    usual = asking or [one for one in steps if one.main and one.do not in ("decline", "archive")]
    return COMMAND.validate_python(_fill(r.choice(usual or steps), r, all_of_it=True)[0])


def _check(
    policy: Policy, life: Life, actor: Actor, asked: Mapping[str, str], now: datetime, r: Random
) -> Counter[tuple[str, bool]]:
    trial = Trial(policy, DAYS, life, _place(life), actor, now, asked=asked)
    steps: dict[str, Step] = {step.do: step for step in find_steps(trial)}
    said: Counter[tuple[str, bool]] = Counter()
    for do in COMMANDS:
        step = steps.get(do)
        if step is not None and step.allowed:
            said[do, True] += 1
            _is_allowed(policy, life, actor, asked, now, r, step)
            continue
        if step is not None:
            said[do, False] += 1
            assert step.why_not
            assert step.effect is None
            assert not step.fields
        for _ in range(3):
            given = {"do": do, **(FIELDS[do](r) if do in FIELDS else {})}
            with pytest.raises((Refused, NotAllowed, ValidationError)) as caught:
                _execute(policy, life, actor, asked, given, now)
            assert not isinstance(caught.value, ValidationError)
            if step is None:
                assert isinstance(caught.value, NotAllowed), "for somebody it is open"
            elif not FIELDS.get(do) and isinstance(caught.value, Refused):
                assert step.why_not == caught.value.message
    return said


def _is_allowed(
    policy: Policy, life: Life, actor: Actor, asked: Mapping[str, str], now: datetime, r: Random, step: Step
) -> None:
    assert not step.why_not
    assert step.articles
    assert all(one.quote or "本项目规定" in one.cite for one in step.articles), step
    for field in step.fields:
        assert field.kind is not FieldKind.CHOICE or field.choices
        assert all(one.quote or "本项目规定" in one.cite for one in field.articles)
    for all_of_it in (False, True):
        given, effect = _fill(step, r, all_of_it=all_of_it)
        applied = _execute(policy, life, actor, asked, given, now)
        if not all_of_it:
            assert effect is not None
            _followed(life, applied.life, effect)
            assert not step.idle or _at_rest(applied.life) == _at_rest(life)


def _at_rest(life: Life) -> Life:
    return life.model_copy(update={"at": None})


def _followed(before: Life, after: Life, effect: Effect) -> None:
    assert effect.becomes is after.state
    began = {kind: one.due for kind, one in after.limits.items() if _due(before, kind) != one.due}
    assert {one.kind: one.due for one in effect.starts} == began
    assert {one.kind for one in effect.ends} == set(before.limits) - set(after.limits)
    assert {one.obligation for one in effect.owes} == set(after.obligations) - set(before.obligations)
    assert {one.obligation for one in effect.settles} == set(before.obligations) - set(after.obligations)
    assert all(one.article.cite == after.limits[one.kind].cite for one in effect.starts)
    assert all(one.article.quote or "本项目规定" in one.article.cite for one in effect.starts)


def _due(life: Life, kind: LimitKind) -> datetime | None:
    running = life.limits.get(kind)
    return None if running is None else running.due


def _steps(policy: str, life: Life, actor: Actor, at: str, **more: Any) -> dict[str, Step]:
    trial = Trial(POLICIES[policy], DAYS, life, _place(life), actor, moment(at), **more)
    return {step.do: step for step in find_steps(trial)}


def _dispatched(name: str, at: str, category: Category = Category.COMPLAINT, **more: Any) -> Life:
    life = Life(category=category, caller="13900001111", **more)
    for command in ({"do": "accept"}, {"do": "approve_dispatch"}, {"do": "dispatch", "unit": "住建局"}):
        life = apply(POLICIES[name], DAYS, life, COMMAND.validate_python(command), moment(at)).life
    return life


def _field(step: Step, name: str) -> StepField:
    return next(one for one in step.fields if one.name == name)


def test_a_completion_is_asked_for_what_the_article_demands() -> None:
    """安徽第二十四条: 领导签批; who may sign says yes, another one names the paper."""
    life = _dispatched("anhui-2021", "2026-09-17 09:00")
    step = _steps("anhui-2021", life, officer("住建局"), "2026-09-18 09:00")["complete"]
    assert [(one.name, one.required, one.kind) for one in step.fields] == [
        ("result", True, FieldKind.WORDS),
        ("basis", False, FieldKind.WORDS),
        ("leader_approval", True, FieldKind.WORDS),
    ]
    approval = _field(step, "leader_approval").articles[0]
    assert approval.cite == "第二十四条"
    assert "签批" in approval.quote
    signed = _steps("anhui-2021", life, leader("住建局"), "2026-09-18 09:00")["complete"]
    assert _field(signed, "leader_approval").kind is FieldKind.PAPER
    assert signed.effect is not None
    assert signed.effect.becomes is State.COMPLETED
    main = [one.do for one in _steps("anhui-2021", life, leader("住建局"), "2026-09-18 09:00").values() if one.main]
    assert main == ["contact", "complete", "extend", "return"], "in the order of their buttons"
    assert LimitKind.COMPLETE in {one.kind for one in signed.effect.ends}


def test_an_extension_says_how_far_it_goes_and_is_decided_by_somebody_else() -> None:
    """大连第二十条: 不超过2·20; the new limit runs on from the old one."""
    life = _dispatched("dalian-2015", "2026-09-17 09:00")
    step = _steps("dalian-2015", life, officer("住建局"), "2026-09-18 09:00")["extend"]
    days = _field(step, "working_days")
    assert (days.required, days.least, days.most) == (True, 1, 20)
    assert "最长可延至2026-11-1" in days.hint
    given, _ = _fill(step, Random(1), all_of_it=False)
    at = moment("2026-09-18 09:00")
    life = apply(POLICIES["dalian-2015"], DAYS, life, COMMAND.validate_python({**given, "working_days": 5}), at).life
    decide = _steps("dalian-2015", life, DISPATCHER, "2026-09-18 10:00")["decide_extension"]
    assert decide.main
    assert decide.effect is not None
    (start,) = decide.effect.starts
    assert (start.kind, start.article.cite) == (LimitKind.COMPLETE, "第二十条")
    assert start.before == life.limits[LimitKind.COMPLETE].due
    assert start.due > start.before
    assert [one.obligation for one in decide.effect.owes] == [Obligation.NOTIFY_CITIZEN]
    no = _field(decide, "agree").choices[1].effect
    assert no is not None
    assert not no.starts
    own = _steps("dalian-2015", life, DISPATCHER, "2026-09-18 10:00", asked={"extend": DISPATCHER.name})
    assert not own["decide_extension"].allowed
    assert "他人" in own["decide_extension"].why_not


def test_a_report_is_first_taken_up() -> None:
    """龙南第十三条: until then it cannot be completed, and each answer starts another limit."""
    life = _dispatched("longnan-2021", "2026-09-17 09:00", Category.REPORT)
    steps = _steps("longnan-2021", life, officer("住建局"), "2026-09-18 09:00")
    assert (steps["complete"].allowed, steps["complete"].main) == (False, True)
    assert "第十三条" in steps["complete"].why_not
    assert steps["complete"].articles[0].quote
    decide = steps["decide_report"]
    assert decide.effect is not None
    refuse = _field(decide, "accept").choices[1].effect
    assert refuse is not None
    assert decide.effect.starts[0].due > refuse.starts[0].due
    assert [one.name for one in refuse.owes] == ["告知诉求人"]


def test_a_county_is_offered_where_there_are_two_tiers() -> None:
    life = Life(category=Category.COMPLAINT, county=True)
    life = apply(POLICIES["fuzhou-2007"], DAYS, life, COMMAND.validate_python({"do": "accept"}), MORNING).life
    step = _steps("fuzhou-2007", life, DISPATCHER, "2026-09-17 10:00")["dispatch"]
    assert [(one.name, one.when and one.when.value, one.among) for one in step.fields] == [
        ("county", None, None),
        ("unit", False, "city"),
        ("unit", True, "counties"),
        ("co_units", None, "city"),
    ]
    assert step.effect is not None
    assert step.effect.becomes is State.AT_COUNTY  # what the ticket says comes first
    direct = _field(step, "county").choices[1]
    assert direct.effect is not None
    assert direct.effect.becomes is State.DISPATCHED


def test_grounds_for_declining_come_with_their_words_and_what_speaks_for_them() -> None:
    life = Life(category=Category.COMPLAINT)
    steps = _steps("dalian-2015", life, AGENT, "2026-09-17 09:00", text="门口着火了")
    reason = _field(steps["decline"], "reason")
    assert reason.free
    assert (reason.choices[0].value, reason.choices[0].suggested) == ("emergency", "提到“着火”")
    assert reason.choices[0].note == "告知诉求人：紧急服务专线（110、119、120）"
    assert (reason.choices[0].articles[0].cite, reason.choices[0].articles[0].item) == ("第十二条", "（二）")
    assert list(steps)[:2] == ["accept", "decline"], "in the order of their buttons"


def test_the_steps_are_as_of_now() -> None:
    """The limit has passed and nobody has swept yet: what is said holds for the moment it is asked at."""
    life = _dispatched("anhui-2021", "2026-09-17 09:00")
    early = _steps("anhui-2021", life, officer("住建局"), "2026-09-18 09:00")
    assert early["return"].allowed
    assert not early["explain"].allowed
    late = _steps("anhui-2021", life, officer("住建局"), "2027-01-18 09:00")
    assert not late["return"].allowed
    assert "视同已接收" in late["return"].why_not
    assert not late["extend"].allowed
    assert late["explain"].allowed
    assert late["explain"].main
