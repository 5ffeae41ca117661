"""What a form asks, as a field: each kind in one place. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tickets.permits import SIGN
from tickets.policy import Basis
from tickets.step import Among, Choice, FieldKind, StepField
from tickets.step_bases import article
from tickets.step_trial import Trial

TEXT, NAME = 20_000, 100
"""As ``tickets.commands`` has them."""


def words(name: str, label: str, *why: Basis | None, required: bool = False, **more: object) -> StepField:
    return field(name, label, FieldKind.WORDS, *why, required=required, most=TEXT, **more)


def field(name: str, label: str, kind: FieldKind, *why: Basis | None, required: bool, **more: object) -> StepField:
    found = [article(basis) for basis in why if basis is not None]
    return StepField.model_validate(
        {"name": name, "label": label, "kind": kind, "required": required, "articles": found, **more}
    )


def choose(name: str, label: str, choices: Iterable[Choice], *why: Basis | None, **more: object) -> StepField:
    return field(name, label, FieldKind.CHOICE, *why, required=True, choices=list(choices), **more)


def must(name: str, label: str, *why: Basis | None, **more: object) -> StepField:
    """A yes without which it is refused."""
    return choose(name, label, [Choice(value=True, name="是")], *why, **more)


def yes_no(yes: str, no: str) -> list[Choice]:
    return [Choice(value=True, name=yes), Choice(value=False, name=no)]


def unit(trial: Trial, among: Among, *why: Basis | None, required: bool = True, **more: object) -> StepField:
    units = [] if among is Among.COUNTIES else list(trial.units)
    return field("unit", "承办单位", FieldKind.UNIT, *why, required=required, among=among, choices=units, **more)


def paper(trial: Trial, name: str, label: str, why: Basis) -> StepField:
    """A leader signs by a yes; others name the paper that was signed."""
    if trial.actor.may(SIGN):
        hint = "本人签批，或写明签批文件"
        return field(name, label, FieldKind.PAPER, why, required=True, most=TEXT, hint=hint)
    return words(name, label, why, required=True, hint="写明领导签批的文件、日期")
