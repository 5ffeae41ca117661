"""Where in the policy a limit or an article stands, to be shown with its words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tickets.life import Life
from tickets.policy import Basis, Limit, Policy
from tickets.step import Article
from tickets.words import LimitKind, State


def article(basis: Basis) -> Article:
    return Article(cite=basis.cite, item=basis.item, quote=basis.quote, reading=basis.reading)


def articles(cites: Iterable[str], bases: Sequence[Basis]) -> list[Article]:
    """One for each place in the policy that ``cites`` names; without words where ``bases`` has none."""
    found: dict[Article, None] = {}
    for cite in cites:
        named = [article(basis) for basis in bases if basis.cite == cite]
        found |= dict.fromkeys(named or [Article(cite=cite)])
    return list(found)


def limit_article(policy: Policy, life: Life, kind: LimitKind, cite: str) -> Article:
    """``life``: the ticket with that limit."""
    named = [basis for basis in _of_limit(policy, life, kind) if basis is not None and basis.cite == cite]
    return article(min(named, key=_length)) if named else Article(cite=cite)


def _length(basis: Basis) -> int:
    """Of limits the shortest counts (``tickets.due``)."""
    return (basis.working_days or 0) if isinstance(basis, Limit) else 0


def _of_limit(policy: Policy, life: Life, kind: LimitKind) -> list[Basis | None]:
    tier, rating = policy.second_tier, policy.rating
    at_county = State.AT_COUNTY in (life.state, life.return_from)
    returning = tier.returning if at_county and tier is not None else policy.returning
    match kind:
        case LimitKind.DISPATCH:
            return [policy.dispatch]
        case LimitKind.FORWARD:
            return [tier and tier.forward]
        case LimitKind.VIEW:
            return [policy.view]
        case LimitKind.CONTACT:
            own = [one for one in policy.contact if life.category in one.categories]
            return [*own, policy.complete_complex if life.is_complex else None]
        case LimitKind.DECIDE_REPORT:
            return [policy.decide_report]
        case LimitKind.RETURN:
            return [returning]
        case LimitKind.DECIDE_RETURN:
            return [returning.decide]
        case LimitKind.DECIDE_EXTENSION:
            return []
        case LimitKind.ONSITE:
            return [policy.onsite]
        case LimitKind.COMPLETE:
            return _of_completion(policy, life)
        case LimitKind.REVIEW:
            return [policy.review]
        case LimitKind.REWORK:
            return [policy.review.failed.rework, rating.rework, *_of_completion(policy, life)]
        case LimitKind.WRITTEN_RESULT:
            return [policy.written_result]
        case LimitKind.SUPERVISE:
            return [policy.supervision.limit]


def _of_completion(policy: Policy, life: Life) -> list[Basis | None]:
    if life.extensions_granted:
        return [policy.extension, policy.completion(life.category)]
    own: Basis = policy.completion(life.category)
    decision = policy.decide_report
    if decision is not None and life.report_taken is not None:
        own = decision.accepted if life.report_taken else decision.refused
    stricter = life.stricter is not None and life.stricter <= _length(own)
    return [
        policy.stricter_law if stricter else own,
        policy.complete_complex if life.is_complex else None,
        policy.complete_urgent if life.urgent else None,
    ]
