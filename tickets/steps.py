"""What somebody may do to a ticket now: each command with its form, what follows from it, and why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from tickets.commands import COMMAND
from tickets.lifecycle import Applied
from tickets.move import Refused
from tickets.permits import SIGN, NotAllowed
from tickets.signing import PAPERS, paper_of
from tickets.step import Article, Do, Step, StepField
from tickets.step_bases import articles, limit_article
from tickets.step_forms import form_of
from tickets.step_trial import Form, Trial, Way
from tickets.told import COMMANDS
from tickets.words import BAD_LEVELS, COMPLETION, LimitKind, Obligation, State

ORDER: tuple[Do, ...] = get_args(Do)
_MAIN: Mapping[State, tuple[Do, ...]] = {
    State.RECEIVED: ("accept", "decline"),
    State.ACCEPTED: ("dispatch", "complete"),
    State.AT_COUNTY: ("forward", "return"),
    State.DISPATCHED: ("view", "contact", "decide_report", "arrive", "complete", "extend", "return"),
    State.RETURN_REQUESTED: ("decide_return",),
    State.COMPLETED: ("review", "rate"),
    State.REVIEWED: ("rate", "archive"),
    State.REWORK: ("complete", "extend"),
}
"""What is usually next, in the order of buttons."""


def find_steps(trial: Trial) -> list[Step]:
    """Those that are open to the person at all; what is usually next comes first, what is not allowed later."""
    usual = _MAIN.get(trial.life.state, ())
    order = [*(do for do in ORDER if do not in usual), *usual]
    found = [step for do in order if (step := _step(trial, do, form_of(trial, do))) is not None]
    return sorted(found, key=lambda one: (not one.main, not one.allowed, one.idle))


def _step(trial: Trial, do: Do, form: Form) -> Step | None:
    good: list[tuple[Way, Applied]] = []
    refusal: Refused | None = None
    for way in form.ways:
        try:
            tried = trial.try_command(COMMAND.validate_python({"do": do, **way.given}))
        except NotAllowed:
            continue
        if tried.applied is not None:
            good.append((way, tried.applied))
        else:
            refusal = refusal or tried.refused
    if good:
        return _allowed(trial, do, form, good)
    if refusal is None:
        return None
    known = articles(refusal.articles, refusal.bases)
    main = do in _main(trial)
    return Step(do=do, name=COMMANDS[do], main=main, allowed=False, why_not=refusal.message, articles=known)


def _allowed(trial: Trial, do: Do, form: Form, good: list[tuple[Way, Applied]]) -> Step:
    first = good[0][1]
    effect = trial.effect(first)
    effects = {way.choice: trial.effect(applied) for way, applied in good if way.choice is not None}
    told = {way.choice: applied for way, applied in good if way.choice is not None}
    decided = {way.choice[0] for way in form.ways if way.choice is not None}

    def chosen(one: StepField) -> StepField:
        if one.name not in decided:
            return one
        choices = [
            choice.model_copy(
                update={
                    "effect": effects[one.name, choice.value] if effects[one.name, choice.value] != effect else None,
                    "articles": choice.articles or _articles(trial, told[one.name, choice.value]),
                }
            )
            for choice in one.choices
            if (one.name, choice.value) in effects
        ]
        return one.model_copy(update={"choices": choices})

    idle = all(applied.life.model_copy(update={"at": trial.life.at}) == trial.life for _, applied in good)
    return Step(
        do=do,
        name=COMMANDS[do],
        main=do in _main(trial) and not idle,
        allowed=True,
        idle=idle,
        articles=_articles(trial, first),
        effect=effect,
        fields=[chosen(one) for one in form.fields],
        sign_off=_sign_off(trial, do),
    )


def _sign_off(trial: Trial, do: Do) -> str | None:
    if not trial.signer or trial.actor.may(SIGN) or paper_of(trial.policy, trial.life, do) is None:
        return None
    return PAPERS[do]


def _articles(trial: Trial, applied: Applied) -> list[Article]:
    """What the command stood on. Of a limit the words are found by its kind: first of those that it starts."""
    before, after = trial.life, applied.life
    limits = [(after, kind, one.cite) for kind, one in after.limits.items() if before.limits.get(kind) != one]
    limits += [(before, kind, one.cite) for kind, one in before.limits.items()]
    worded = [limit_article(trial.policy, *one) for one in limits]
    return [
        one if one.quote else next((other for other in worded if other.cite == one.cite), one)
        for one in articles(applied.articles, applied.bases)
    ]


def _main(trial: Trial) -> set[str]:
    life, policy = trial.life, trial.policy
    main: set[str] = {*_MAIN.get(life.state, ())}
    approval = policy.pre_approval
    if life.state is State.ACCEPTED and approval is not None and life.category in approval.categories:
        main.add("approve_dispatch")
    if life.extension_days is not None:
        main.add("decide_extension")
    if life.obligations:
        main.add("fulfil")
    if life.state is State.REVIEWED and (life.unsolved or life.rating in BAD_LEVELS):
        main.add("review")  # whether it goes back to the unit
    if Obligation.WRITTEN_RESULT in life.obligations:
        main.add("deliver_written_result")
    if any(life.limits[kind].passed for kind in COMPLETION if kind in life.limits):
        main.add("explain")
    if life.urgent and life.notified_at is None:
        main.add("notify_urgent")
    if not life.urgent:
        main.discard("arrive")
    if LimitKind.DECIDE_REPORT not in life.limits:
        main.discard("decide_report")
    if life.state is State.REVIEWED and life.rating is None and not life.called_back:
        main.add("end_callback")
    return main
