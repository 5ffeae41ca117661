"""When something is due: a limit of the policy, counted from a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tickets.calendar import WorkingDays
from tickets.number import CHINA, ticket_day
from tickets.policy import Limit, Policy
from tickets.words import Category, LimitKind

SECOND = timedelta(seconds=1)


class NoSecondTier(ValueError):
    """The policy knows no county between the centre and the unit."""


@dataclass(frozen=True, slots=True)
class Due:
    """``at`` +08:00; ``article`` is what says so; ``provisional``: the calendar of that year is not published yet."""

    at: datetime
    article: str
    provisional: bool


def over(due: datetime, at: datetime) -> bool:
    """A limit covers its whole last second."""
    return at >= due + SECOND


def count(limit: Limit, days: WorkingDays, at: datetime) -> Due:
    """``limit`` from ``at``. Working days end at 23:59:59, the day of the event not counted.

    Raises :class:`tickets.calendar.UnknownYear`, and ValueError for a limit of no length.
    """
    if limit.hours is not None:
        return Due(at.astimezone(CHINA) + timedelta(hours=limit.hours), limit.cite, False)
    if limit.working_days is None:
        raise ValueError("a limit without a length")
    return count_days(limit.working_days, limit.cite, days, at)


def count_days(working_days: int, cite: str, days: WorkingDays, at: datetime) -> Due:
    start = ticket_day(at)
    last = days.add(start, working_days)
    return Due(days.end_of(last), cite, days.span_provisional(start, last))


def shortest(candidates: Iterable[Due]) -> Due:
    """The earliest; of equal ones the last named, which is the more particular rule."""
    best: Due | None = None
    for candidate in candidates:
        if best is None or candidate.at <= best.at:
            best = candidate
    if best is None:
        raise ValueError("no limit at all")
    return best


def completion(
    policy: Policy,
    days: WorkingDays,
    at: datetime,
    base: Limit,
    category: Category,
    *,
    urgent: bool,
    is_complex: bool,
    stricter: int | None,
) -> Due:
    """The completion limit: the shortest of ``base`` and of everything more particular."""
    limits = [base]
    if is_complex and category is Category.CONSULTATION and policy.complete_complex is not None:
        limits.append(policy.complete_complex)
    if urgent and policy.complete_urgent is not None:
        limits.append(policy.complete_urgent)
    by_clock = [count(limit, days, at) for limit in limits if limit.hours is not None]
    in_days = [(limit.working_days, limit.cite) for limit in limits if limit.working_days is not None]
    if stricter is not None:
        in_days.append((stricter, policy.stricter_law.cite))
    # Fewer days never end later: only the fewest are counted, lest a longer limit ask for a year that nobody needs.
    fewest = min((number for number, _ in in_days), default=0)
    return shortest([*by_clock, *(count_days(number, cite, days, at) for number, cite in in_days if number == fewest)])


def due(
    policy: Policy,
    days: WorkingDays,
    at: datetime,
    category: Category,
    *,
    urgent: bool = False,
    is_complex: bool = False,
    county: bool = False,
    stricter: int | None = None,
) -> dict[LimitKind, Due]:
    """Every limit that starts when the ticket is dispatched at ``at``: to a unit, or with ``county`` to a county.

    Raises :class:`NoSecondTier`, :class:`tickets.calendar.UnknownYear`.
    """
    found: dict[LimitKind, Due] = {}
    if county:
        if policy.second_tier is None:
            raise NoSecondTier(f"《{policy.title}》只有一级转办")
        found[LimitKind.FORWARD] = count(policy.second_tier.forward, days, at)
        found[LimitKind.RETURN] = count(policy.second_tier.returning, days, at)
        return found
    if policy.view is not None:
        found[LimitKind.VIEW] = count(policy.view, days, at)
    contact = [count(limit, days, at) for limit in policy.contact if category in limit.categories]
    if contact:
        if is_complex and category is Category.CONSULTATION and policy.complete_complex is not None:
            contact.append(count(policy.complete_complex, days, at))
        found[LimitKind.CONTACT] = shortest(contact)
    if policy.returning.working_days is not None:
        found[LimitKind.RETURN] = count(policy.returning, days, at)
    if urgent and policy.onsite is not None:
        found[LimitKind.ONSITE] = count(policy.onsite, days, at)
    if category is Category.REPORT and policy.decide_report is not None:
        # The completion limit runs from that decision.
        found[LimitKind.DECIDE_REPORT] = count(policy.decide_report, days, at)
    else:
        found[LimitKind.COMPLETE] = completion(
            policy,
            days,
            at,
            policy.completion(category),
            category,
            urgent=urgent,
            is_complex=is_complex,
            stricter=stricter,
        )
    return found
