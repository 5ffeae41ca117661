"""Where the simulation asks what the real dialler asks: hours, limits, retry and what an attempt means."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import inf

from callback.campaign import NewCampaign
from callback.follow import Attempt, follow
from callback.follow import Target as RealTarget
from callback.hours import Hours
from callback.limits import allowed_from
from callback.simulation.draws import Manner
from callback.simulation.world import World
from callback.survey import SATISFACTION, SOLVED, Answer, Result
from callback.words import CampaignState, Kind, Outcome, TargetState
from tickets.commands import AskCallback, Rate, Unsolved
from tickets.words import BAD_LEVELS, Level

_SECOND = timedelta(seconds=1)
_NUMBER, _TICKET = "+8613800000000", "20260101-000001"
_SCALE = (Level.SATISFIED, Level.BASICALLY_SATISFIED, Level.DISSATISFIED)


def _answers(solved: str, level: Level) -> dict[str, Answer]:
    return {SOLVED: Answer(solved, "key"), SATISFACTION: Answer(level, "key")}


_NOTHING = Result()
_RESULTS = {
    Manner.RATES: Result(asked=True, answers=_answers("yes", Level.SATISFIED)),
    Manner.DISSATISFIED: Result(asked=True, answers=_answers("no", Level.DISSATISFIED)),
    Manner.AGENT: Result(asked=True, agent=True),
    Manner.OPTS_OUT: Result(asked=True, opted_out=True),
    Manner.BROKEN: _NOTHING,
    Manner.SILENT: Result(asked=True),
}
_CONNECTED = Result(asked=True, agent=True, connected=True)


class Target:
    """One person to be rung, with a number of their own. ``rung``: when they were; ``congestions``: how often in vain
    for want of a line."""

    __slots__ = ("congestions", "rung")

    def __init__(self) -> None:
        self.rung: list[datetime] = []
        self.congestions = 0


class Decisions:
    """Moments in, seconds since the start out."""

    def __init__(self, world: World) -> None:
        self._start, self._rules = world.start, world.rules
        campaign = NewCampaign(
            name="simulation", kind=Kind.TICKETS, survey="simulation", starts_on=world.start.date(), rules=world.rules
        )
        self._hours = Hours(campaign, _is_working_day)
        self._minute, self._open = datetime.min.replace(tzinfo=world.start.tzinfo), False

    def is_open(self, moment: datetime) -> bool:
        """Windows are of whole minutes: what holds for one moment of a minute holds for all of it."""
        minute = moment.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._open = minute, self._hours.is_open(moment)
        return self._open

    def seconds_until_open(self, moment: datetime) -> float:
        """Since the start; infinite: never again."""
        again = self._hours.next_open(moment)
        return inf if again is None else (again - self._start) / _SECOND

    def not_before(self, target: Target, moment: datetime) -> float | None:
        """When the number may be rung, as it was rung so often; None: now."""
        allowed = allowed_from(target.rung, self._rules.per_day, self._rules.per_week, moment)
        return None if allowed <= moment else (allowed - self._start) / _SECOND

    def follow(
        self, target: Target, outcome: Outcome, manner: Manner, connected: bool, moment: datetime
    ) -> tuple[TargetState, float | None, bool]:
        """Where the target stands, when it is rung again, and whether the ticket is told that somebody must call
        back: unsolved, not satisfied, or an agent wanted in vain."""
        result = _NOTHING
        if outcome is Outcome.ANSWERED:
            result = _CONNECTED if connected else _RESULTS[manner]
        found = follow(
            RealTarget(
                id=0,
                kind=Kind.TICKETS,
                number=_NUMBER,
                state=TargetState.CALLING,
                ticket=_TICKET,
                scale=_SCALE,
                attempts=len(target.rung) - 1,
                congestions=target.congestions,
            ),
            Attempt(0, "", target.rung[-1], outcome, result),
            self._rules,
            CampaignState.RUNNING,
            self._hours,
            moment,
        )
        if outcome is Outcome.CONGESTION:
            target.congestions += 1
        again = None if found.next_at is None else (found.next_at - self._start) / _SECOND
        assert found.state is not None
        task = any(
            isinstance(one, Unsolved | AskCallback) or (isinstance(one, Rate) and one.level in BAD_LEVELS)
            for one in found.commands
        )
        return found.state, again, task


def _is_working_day(day: date) -> bool:
    """Without a notice of holidays: Monday to Friday."""
    return day.weekday() < 5
