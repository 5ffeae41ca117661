"""督办、重复反映、说明逾期原因."""

from __future__ import annotations

from tickets.commands import Explain, Repeat, Supervise
from tickets.move import WITH_THE_UNIT, Move
from tickets.policy import Basis, own
from tickets.words import COMPLETION, State, SuperviseReason


def supervise(move: Move, command: Supervise) -> None:
    if move.life.state in (State.DECLINED, State.ARCHIVED):
        move.need_state(State.ACCEPTED, *WITH_THE_UNIT, State.COMPLETED, State.REVIEWED, what="督办")
    supervision = move.policy.supervision
    triggers = {trigger.reason: trigger for trigger in supervision.triggers}
    basis: Basis = triggers.get(command.reason) or triggers.get(SuperviseReason.OTHER) or supervision
    if triggers and basis is supervision:
        basis = own(supervision)  # the document's list is closed, and does not name this case
    if command.reason in move.life.supervision_reasons:
        move.refuse("已按此情形督办", basis)
    move.supervise(command.reason, basis)


def repeat(move: Move, command: Repeat) -> None:
    """The matter is raised again. The first contact counts; 人次 are contacts, made by more than one person."""
    if not command.caller:
        move.refuse("须登记反映人")
    callers = (*(move.life.callers or (move.life.caller,)), command.caller)
    move.set(callers=callers)
    thresholds = {trigger.reason: trigger.times for trigger in move.policy.supervision.triggers}
    person = thresholds.get(SuperviseReason.REPEAT_PERSON)
    people = thresholds.get(SuperviseReason.REPEAT_PEOPLE)
    if move.life.state in (State.DECLINED, State.ARCHIVED):
        return
    if person is not None and callers.count(command.caller) >= person:
        move.supervise_automatically(SuperviseReason.REPEAT_PERSON)
    if people is not None and len(callers) >= people and len(set(callers)) > 1:
        move.supervise_automatically(SuperviseReason.REPEAT_PEOPLE)


def explain(move: Move, command: Explain) -> None:
    move.need_state(*WITH_THE_UNIT, what="说明逾期原因")
    steps = [step for step in move.policy.warnings if step.unless_explained]
    if not any(move.life.limits[kind].passed for kind in COMPLETION if kind in move.life.limits):
        move.refuse("没有超期，无须说明原因", *steps)
    if not command.reason:
        move.refuse("须写明原因", *steps)
    move.cite(*steps)
    move.set(explained=True)
