"""What a citizen who was reached said, and what it asks of the ticket. Pure.

No answer is no rating, and never taken for satisfied. What follows from a rating is for the ticket's own commands to
say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callback.survey import SOLVED, Result
from callback.words import Kind, TargetState
from tickets.commands import AnyCommand, AskCallback, EndCallback, Rate, Unsolved
from tickets.words import Level, chinese

NOT_CONNECTED, NOT_SOLVED = "自动回访中要求人工，未能接通", "自动回访中表示诉求未解决"


@dataclass(frozen=True, slots=True)
class Heard:
    """``state`` None: to be rung again, we owe them the rest. ``reason``: for people. ``commands``: for the ticket, in
    this order. ``unheard``: reached, no rating, and no person will ask: another channel may."""

    state: TargetState | None
    reason: str
    commands: tuple[AnyCommand, ...] = ()
    unheard: bool = False


def hear(kind: Kind, ticket: str | None, scale: tuple[str, ...], result: Result) -> Heard:
    words, commands = ((), ()) if ticket is None else _of_ticket(scale, result)
    if result.opted_out:
        return Heard(TargetState.OPTED_OUT, "，".join((*words, "要求不再回访")), commands)
    if kind is Kind.TICKETS:
        if _level(scale, result) is not None or _solved(result) is not None:
            return Heard(TargetState.RATED, "，".join(words) or "已作答", commands)
        asked_for = result.agent or result.connected
        return Heard(TargetState.UNRATED, "，".join(words) or "已接通，未作评价", commands, not asked_for)
    if kind is Kind.MISSED:
        if result.connected:
            return Heard(TargetState.RATED, "已接通人工")
        if result.agent:
            return Heard(None, "要求人工，未能接通")
    if result.answers:
        return Heard(TargetState.RATED, "已作答")
    return Heard(TargetState.UNRATED, "已接通，未作答")


def end(outcome: Literal["unreached", "unrated", "declined"], reason: str) -> EndCallback:
    return EndCallback(do="end_callback", outcome=outcome, reason=reason)


def _of_ticket(scale: tuple[str, ...], result: Result) -> tuple[tuple[str, ...], tuple[AnyCommand, ...]]:
    level, solved = _level(scale, result), _solved(result)
    words: list[str] = []
    commands: list[AnyCommand] = []
    if level is not None:
        words.append(f"评价“{chinese(level)}”")
        commands.append(Rate(do="rate", level=level))
    if solved is not None:
        words.append("反映已解决" if solved else "反映未解决")
    if solved is False:  # after the rating, which may owe nothing by itself
        commands.append(Unsolved(do="unsolved", reason=NOT_SOLVED))
    if result.agent or result.connected:
        words.append("已转人工" if result.connected else "要求人工，未能接通")
        if not result.connected:
            commands.append(AskCallback(do="ask_callback", reason=NOT_CONNECTED))
    if not commands:
        commands.append(end("declined" if result.opted_out else "unrated", "，".join(words)))
    return tuple(words), tuple(commands)


def _level(scale: tuple[str, ...], result: Result) -> Level | None:
    """None too for a word that is not of the policy's scale: nothing is made of it."""
    found = result.level
    return Level(found) if found in scale and found in set(Level) else None


def _solved(result: Result) -> bool | None:
    found = result.answers.get(SOLVED)
    return None if found is None else {"yes": True, "no": False}.get(found.value)
