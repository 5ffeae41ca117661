"""A ticket at a moment, on which commands are tried on the pure rules; nothing is kept of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickets.calendar import UnknownYear, WorkingDays
from tickets.clock import run
from tickets.commands import COMMAND, AnyCommand
from tickets.life import Life
from tickets.lifecycle import Applied, apply
from tickets.move import Refused
from tickets.permits import DECIDES, SOMEBODY_ELSE, Actor, NotAllowed, Place, check
from tickets.policy import Policy
from tickets.step import Choice, Do, Effect, LimitEnds, LimitStarts, Owed, StepField
from tickets.step_bases import limit_article
from tickets.words import LimitKind, Obligation, chinese


@dataclass(frozen=True, slots=True)
class Way:
    """One way to fill in the form such that the rules should accept it. ``choice``: the field and its value that this
    is the example of."""

    given: Mapping[str, Any] = field(default_factory=dict)
    choice: tuple[str, bool | str] | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """``ways``: the first that is accepted shows what follows from the step."""

    fields: tuple[StepField, ...] = ()
    ways: tuple[Way, ...] = (Way(),)


@dataclass(frozen=True, slots=True)
class Tried:
    """What the rules say to one command: ``applied``, or else ``refused``."""

    applied: Applied | None = None
    refused: Refused | None = None


class Trial:
    """A ticket as it is at a moment, on which commands are tried. ``life`` is what the clock has left of it until then.

    ``units``: proposals for where to send it. ``asked``: who asked last for what is decided by somebody else.
    ``signer``: there is somebody to send a step to for signature, and nothing waits for one.
    Raises :class:`tickets.calendar.UnknownYear` where not even the clock knows the day.
    """

    def __init__(
        self,
        policy: Policy,
        days: WorkingDays,
        life: Life,
        place: Place,
        actor: Actor,
        at: datetime,
        *,
        text: str = "",
        units: Sequence[Choice] = (),
        asked: Mapping[str, str] | None = None,
        blocked: Refused | None = None,
        signer: bool = False,
    ) -> None:
        self.policy, self.days, self.place, self.actor = policy, days, place, actor
        self.at = at if life.at is None else max(at, life.at)
        self.life, _ = run(policy, days, life, self.at)
        self.text, self.units, self.asked, self.blocked = text, tuple(units), asked or {}, blocked
        self.signer = signer

    def try_command(self, command: AnyCommand) -> Tried:
        """Raises NotAllowed: it is not for this person to do, whatever the rules say."""
        check(self.actor, self.place, command)
        if self.blocked is not None:
            return Tried(refused=self.blocked)
        try:
            applied = apply(self.policy, self.days, self.life, command, self.at)
        except Refused as refused:
            return Tried(refused=refused)
        except UnknownYear as error:
            return Tried(refused=Refused(f"{error.year}年的放假安排未知，不能计算时限", ()))
        asked = DECIDES.get(command.do)
        if asked is not None and self.asked.get(asked) == self.actor.name:
            return Tried(refused=Refused(SOMEBODY_ELSE, ()))
        return Tried(applied=applied)

    def accepts(self, do: Do, **given: Any) -> bool:
        try:
            return self.try_command(COMMAND.validate_python({"do": do, **given})).applied is not None
        except NotAllowed:
            return False

    def effect(self, applied: Applied) -> Effect:
        before, after = self.life, applied.life
        changed = [kind for kind, one in after.limits.items() if _due(before, kind) != one.due]
        starts = [
            LimitStarts(
                kind=kind,
                name=chinese(kind),
                due=after.limits[kind].due,
                provisional=after.limits[kind].provisional,
                article=limit_article(self.policy, after, kind, after.limits[kind].cite),
                before=_due(before, kind),
            )
            for kind in changed
        ]
        return Effect(
            becomes=after.state,
            becomes_name=chinese(after.state),
            starts=sorted(starts, key=lambda one: one.due),
            ends=[
                LimitEnds(kind=kind, name=chinese(kind), due=one.due)
                for kind, one in before.limits.items()
                if kind not in after.limits
            ],
            owes=_owed(after.obligations, before.obligations),
            settles=_owed(before.obligations, after.obligations),
            supervised=len(after.supervision_reasons) > len(before.supervision_reasons),
        )


def _due(life: Life, kind: LimitKind) -> datetime | None:
    running = life.limits.get(kind)
    return None if running is None else running.due


def _owed(some: Sequence[Obligation], without: Sequence[Obligation]) -> list[Owed]:
    return [Owed(obligation=one, name=chinese(one)) for one in some if one not in without]
