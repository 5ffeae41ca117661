"""One change of one ticket under way: what the rules in ``lifecycle/`` and ``clock`` write into. Nothing is kept unless
the rule comes to its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn

from tickets.calendar import WorkingDays
from tickets.due import Due, completion, count, due
from tickets.life import Life, Running
from tickets.policy import Basis, Limit, Policy
from tickets.words import CallbackWhy, LimitKind, Obligation, State, SuperviseReason, chinese


class Refused(Exception):
    """The regulation does not allow it. ``message`` is Chinese and names the article; ``articles`` are those, ``bases``
    where they stand in the policy."""

    def __init__(self, message: str, articles: tuple[str, ...], bases: tuple[Basis, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.articles, self.bases = message, articles, bases


class Move:
    """``life`` is replaced as the rule goes on; ``articles`` are those it stood on, in order; ``bases``: where of them
    the policy has the words (those of a limit are known by its kind)."""

    def __init__(self, policy: Policy, days: WorkingDays, life: Life, at: datetime) -> None:
        self.policy, self.days, self.life, self.at = policy, days, life, at
        self.articles: list[str] = []
        self.bases: list[Basis] = []

    def set(self, **changes: Any) -> None:
        self.life = self.life.model_copy(update=changes)

    def cite(self, *bases: Basis | None) -> None:
        for basis in bases:
            if basis is None:
                continue
            self.bases.append(basis)
            if basis.cite not in self.articles:
                self.articles.append(basis.cite)

    def refuse(self, why: str, *bases: Basis) -> NoReturn:
        """``why`` without its article, which is put in front of it."""
        bases = bases or (self.policy.procedure,)
        articles = tuple(dict.fromkeys(basis.cite for basis in bases))
        raise Refused(f"{'、'.join(articles)}：{why}", articles, bases)

    def need_state(self, *states: State, what: str) -> None:
        if self.life.state not in states:
            now = chinese(self.life.state)
            self.refuse(f"工单{now}，不能{what}（须为{'、'.join(chinese(state) for state in states)}）")

    # ---- limits ----

    def start(self, kind: LimitKind, limit: Limit | None) -> None:
        """Begin to count; nothing where the policy has no such limit."""
        if limit is not None and (limit.working_days is not None or limit.hours is not None):
            self.run({kind: count(limit, self.days, self.at)})

    def run(self, limits: dict[LimitKind, Due]) -> None:
        running = {
            kind: Running(due=found.at, cite=found.article, provisional=found.provisional)
            for kind, found in limits.items()
        }
        self.set(limits={**self.life.limits, **running})
        for found in limits.values():
            if found.article not in self.articles:
                self.articles.append(found.article)

    def end(self, *kinds: LimitKind) -> None:
        self.set(limits={kind: running for kind, running in self.life.limits.items() if kind not in kinds})

    def start_unit(self, unit: str) -> None:
        """The ticket is the unit's now: all its limits run from here, and nothing of an earlier unit's counts."""
        life = self.life
        onsite = life.limits.get(LimitKind.ONSITE)
        self.leave_unit()
        self.set(
            state=State.DISPATCHED,
            unit=unit,
            co_units=tuple(one for one in life.co_units if one != unit),
            dispatched_at=self.at,
            report_taken=None,
            return_from=None,
            return_refused=False,
            designated=False,
            extension_days=None,
            extensions_asked=0,
            extensions_granted=0,
        )
        self.run(
            due(
                self.policy,
                self.days,
                self.at,
                life.category,
                urgent=life.urgent,
                is_complex=life.is_complex,
                stricter=life.stricter,
            )
        )
        if onsite is not None:  # its unit was called out before the ticket was written
            self.set(limits={**self.life.limits, LimitKind.ONSITE: onsite})
        elif life.arrived:
            self.end(LimitKind.ONSITE)
        self.start_supervision()

    def leave_unit(self) -> None:
        """Nothing of the unit that had it runs on."""
        self.undo_overdue()
        self.set(limits={kind: one for kind, one in self.life.limits.items() if kind in _NOT_THE_UNITS})

    def completion(self, base: Limit) -> Due:
        """``base`` from now, or what is shorter for this ticket."""
        life = self.life
        return completion(
            self.policy,
            self.days,
            self.at,
            base,
            life.category,
            urgent=life.urgent,
            is_complex=life.is_complex,
            stricter=life.stricter,
        )

    def undo_overdue(self) -> None:
        """The limit that had passed is no longer the one that counts."""
        reasons = tuple(one for one in self.life.supervision_reasons if one is not SuperviseReason.OVERDUE)
        if not reasons and self.life.supervised:
            self.end(LimitKind.SUPERVISE)
            self.settle_callback(CallbackWhy.SUPERVISED)
        self.set(
            counted_overdue=False, warning=None, points=0, overdue_days=0, explained=False, supervision_reasons=reasons
        )

    # ---- duties ----

    def owe(self, obligation: Obligation, basis: Basis) -> None:
        self.cite(basis)
        if obligation not in self.life.obligations:
            self.set(obligations=(*self.life.obligations, obligation))

    def settle(self, obligation: Obligation) -> None:
        self.set(obligations=tuple(one for one in self.life.obligations if one != obligation))
        if obligation is Obligation.MANUAL_CALLBACK:
            self.set(callback_why=(), callback_since=None)

    def owe_callback(self, why: CallbackWhy, basis: Basis) -> None:
        """人工回访, once, for however many reasons."""
        self.owe(Obligation.MANUAL_CALLBACK, basis)
        since = self.life.callback_since or self.at.astimezone(UTC)
        known = self.life.callback_why
        self.set(callback_why=known if why in known else (*known, why), callback_since=since)

    def settle_callback(self, why: CallbackWhy) -> None:
        """This reason is gone; the callback is still owed where there is another one."""
        left = tuple(one for one in self.life.callback_why if one is not why)
        self.set(callback_why=left)
        if not left:
            self.settle(Obligation.MANUAL_CALLBACK)

    def supervise(self, reason: SuperviseReason, basis: Basis) -> None:
        """督办. A new reason does not move the limit of a supervision that runs already."""
        self.cite(basis)
        if reason in self.life.supervision_reasons:
            return
        self.set(supervision_reasons=(*self.life.supervision_reasons, reason))
        self.start_supervision()
        if self.policy.rating.supervised_callback is not None:
            self.owe_callback(CallbackWhy.SUPERVISED, self.policy.rating.supervised_callback)

    def start_supervision(self) -> None:
        """A supervised ticket's unit has a limit of its own, once there is a unit."""
        has_unit = (*WITH_THE_UNIT, State.COMPLETED, State.REVIEWED)
        if self.life.supervised and LimitKind.SUPERVISE not in self.life.limits and self.life.state in has_unit:
            self.start(LimitKind.SUPERVISE, self.policy.supervision.limit)

    def supervise_automatically(self, reason: SuperviseReason) -> bool:
        """Where the policy lists this case as one that needs nobody's decision. True if it is new."""
        for trigger in self.policy.supervision.triggers:
            if trigger.reason is reason and trigger.automatic and reason not in self.life.supervision_reasons:
                self.supervise(reason, trigger)
                return True
        return False


WITH_THE_UNIT = (State.AT_COUNTY, State.DISPATCHED, State.RETURN_REQUESTED, State.REWORK)
_NOT_THE_UNITS = (LimitKind.SUPERVISE, LimitKind.WRITTEN_RESULT)
