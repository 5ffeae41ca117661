"""Which items of the policy's list a request may fall under: proposed to the person who accepts, never decided here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tickets.policy import Basis, NotAccepted, Policy

OLD_YEARS = 2
"""历史遗留问题: 超过2年 (Dalian, article 12 (11))."""
PATIENCE = 3
"""已及时答复超过三次 (Fuzhou, article 8 (5)): from the fourth time on."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a request comes in. ``answered``: how often the same person's same matter was answered."""

    text: str
    day: date
    happened_on: date | None = None
    handled_before: bool = False
    something_new: bool = False
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """``basis`` is what to cite; ``office`` whom the citizen may turn to instead, empty if the list names none."""

    item: NotAccepted
    basis: Basis
    why: str
    office: str
    contact: str


def proposals(policy: Policy, facts: Facts) -> list[Proposal]:
    """Those that the facts or the words speak for, in the list's order."""
    found = []
    for item in policy.refusals.items:
        why = _condition(item, facts) or _words(item, facts.text)
        if why:
            tell = item.tell
            found.append(
                Proposal(
                    item,
                    item.basis or policy.refusals,
                    why,
                    tell.office if tell else "",
                    tell.contact if tell else "",
                )
            )
    return found


def _words(item: NotAccepted, text: str) -> str:
    word = next((word for word in item.words if word in text), None)
    return f"提到“{word}”" if word else ""


def _condition(item: NotAccepted, facts: Facts) -> str:
    match item.when:
        case "older_than_two_years" if facts.happened_on is not None:
            return "事项发生已超过2年" if facts.day > _years_later(facts.happened_on) else ""
        case "handled_nothing_new":
            return "已经办理完毕，没有新情况、新理由" if facts.handled_before and not facts.something_new else ""
        case "answered_more_than_three_times":
            return f"已答复{facts.answered}次" if facts.answered > PATIENCE else ""
    return ""


def _years_later(day: date) -> date:
    try:
        return day.replace(year=day.year + OLD_YEARS)
    except ValueError:  # 29 February
        return date(day.year + OLD_YEARS, 3, 1)
