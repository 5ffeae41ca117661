"""How a ticket stands, in a sentence of recorded parts. Pure; what a caller may be told was decided before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from ivr.say import say_digits, say_number

Stage = Literal["received", "accepted", "declined", "working", "completed", "rework", "done"]
"""What a citizen understands of a ticket's state: ``progress-<stage>`` says it."""
PROMPTS = frozenset(
    {
        *(f"progress-{stage}" for stage in get_args(Stage)),
        *(f"progress-{part}" for part in "ticket own by handles by-unit due due-about year month day".split()),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """``own``: found by the caller's own number, without its number being named.

    ``unit``: the sound of the unit's name; ``""`` where the name was never recorded, None where no unit is told of.
    ``due``: the day in China by which it is to be done; ``provisional``: the calendar may still move it.
    """

    stage: Stage
    own: bool = False
    unit: str | None = None
    due: date | None = None
    provisional: bool = False


def say_standing(standing: Standing, today: date) -> tuple[str, ...]:
    """您查询的工单，正在办理，由…负责办理，办理期限为十二月三日. ``today``: the year is said of another year's day."""
    sounds = ["progress-own" if standing.own else "progress-ticket", f"progress-{standing.stage}"]
    if standing.unit is not None:
        sounds += ["progress-by", standing.unit, "progress-handles"] if standing.unit else ["progress-by-unit"]
    if standing.due is not None:
        sounds += ["progress-due-about" if standing.provisional else "progress-due", *_say_day(standing.due, today)]
    return tuple(sounds)


def _say_day(day: date, today: date) -> list[str]:
    year = [*say_digits(str(day.year)), "progress-year"] if day.year != today.year else []
    return [*year, *say_number(day.month), "progress-month", *say_number(day.day), "progress-day"]
