"""The dialler of the simulation: looks when the real one does, and leaves every decision to the real functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from math import ceil, floor, inf

from callback.pacing import Allowance, Bucket, Load, allowance
from callback.simulation.course import Course, Slot
from callback.simulation.decisions import Decisions, Target
from callback.simulation.draws import Manner, attempts
from callback.simulation.world import World
from callback.words import Outcome

LOOK = 0.5
"""Seconds between two looks; a call of ours that ends is a look, too."""
_MOMENT = 0.001
"""However moments are rounded, time goes on."""
Trace = Callable[[float, Load, int, Allowance, int], None]
"""Time, load, lines of ours, what was allowed, calls that were begun."""
Agenda = list[tuple[float, int, int]]
"""A heap: when, what, whose."""


class Dialler:
    """``lines``: those of ours in use. ``look_at``: when it looks next; infinite: when a call of ours ends."""

    def __init__(self, world: World, course: Course, agenda: Agenda, ends: int, trace: Trace | None = None) -> None:
        """``ends``: what stands in the agenda for the end of a call of ours."""
        self.lines = 0
        self.look_at = inf
        self.slot = Slot(0.0)
        self._world, self._course, self._agenda, self._ends, self._trace = world, course, agenda, ends, trace
        self._decisions = Decisions(world)
        self._cap = min(world.pace.lines, world.rules.max_lines)
        self._bucket = Bucket(1.0, world.start)
        self._chance = attempts(world)
        self._due: list[tuple[float, int]] = []
        self._targets: dict[int, Target] = {}
        self._calls: dict[int, tuple[int, Outcome, Manner, float, float]] = {}
        self._never_rung = 0
        self._lines_since = 0.0
        self._hungry = False
        self._held = ""
        self._stopped = False

    def take(self, times: Sequence[float]) -> None:
        """New targets, by when they are due."""
        for at in times:
            heappush(self._due, (at, self._course.targets))
            self._targets[self._course.targets] = Target()
            self._course.targets += 1
        self._never_rung += len(times)
        if times:
            self.look_at = min(self.look_at, times[0])

    def look(self, now: float, inbound: int, waiting: int) -> None:
        """Begins as many calls as it may. ``inbound``: lines of citizens who call in; ``waiting``: who waits."""
        self._account(now)
        due = self._due
        if self._stopped:
            return
        if not due or due[0][0] > now:
            self._hungry = False
            self.look_at = _on_the_beat(due[0][0]) if due else inf
            return
        moment = self._world.start + timedelta(seconds=now)
        if not self._decisions.is_open(moment):
            self._hungry = False
            self.look_at = max(now + _MOMENT, self._decisions.seconds_until_open(moment))
            return
        load = Load(inbound, waiting)
        allowed = allowance(self._world.pace, load, self.lines, self._bucket, moment)
        room = min(allowed.calls, self._cap - self.lines)
        before = self.lines
        while self.lines - before < room and due and due[0][0] <= now:
            self._begin(heappop(due)[1], now, moment)
        begun = self.lines - before
        if self._trace is not None:
            self._trace(now, load, before, allowed, begun)
        self._bucket = allowed.bucket.without(begun) if begun else allowed.bucket
        self._held = allowed.held_back
        self._hungry = bool(due) and due[0][0] <= now
        if self.lines > self._course.peak_lines:
            self._course.peak_lines = self.lines
        if self.lines > self.slot.peak_lines:
            self.slot.peak_lines = self.lines
        if self._hungry:
            self.look_at = (floor(now / LOOK) + 1) * LOOK if self.lines < self._cap else inf
        else:
            self.look_at = _on_the_beat(due[0][0]) if due else inf

    def _begin(self, number: int, now: float, moment: datetime) -> None:
        target = self._targets[number]
        later = self._decisions.not_before(target, moment)
        if later is not None:
            heappush(self._due, (later, number))
            return
        if not target.rung:
            self._never_rung -= 1
            if not self._never_rung:
                self._course.first_round_at = now
        outcome, seconds, manner, talk, patience = next(self._chance)
        target.rung.append(moment)
        self.lines += 1
        call = self._course.attempts
        self._course.attempts += 1
        self._calls[call] = (number, outcome, manner, talk, patience)
        heappush(self._agenda, (now + seconds, self._ends, call))

    def wants_agent(self, call: int) -> tuple[float, float]:
        """Seconds that who was rung would talk with an agent, 0: does not ask for one; and would wait for it."""
        _, outcome, manner, talk, patience = self._calls[call]
        if outcome is not Outcome.ANSWERED or manner is not Manner.AGENT:
            return 0.0, 0.0
        self._course.wishes += 1
        return talk, patience

    def stop(self) -> None:
        """Nobody is rung any more; calls that are under way go on to their end."""
        self._stopped, self._hungry, self.look_at = True, False, inf

    def ended(self, call: int, now: float, connected: bool = False) -> None:
        """The line is free. ``connected``: they talked to an agent."""
        self._account(now)
        self.lines -= 1
        number, outcome, manner, _, _ = self._calls.pop(call)
        course = self._course
        course.outcomes[outcome] += 1
        course.connected += connected
        target = self._targets[number]
        moment = self._world.start + timedelta(seconds=now)
        state, again, task = self._decisions.follow(target, outcome, manner, connected, moment)
        course.tasks += task
        if again is not None:
            heappush(self._due, (again, number))
            return
        del self._targets[number]
        course.states[state] += 1
        if not self._targets:
            course.cleared_at = now

    @property
    def left(self) -> int:
        """Targets that are not done."""
        return len(self._targets)

    def next_slot(self, now: float, inbound: int) -> None:
        self._account(now)
        self.slot.backlog, self.slot.inbound_lines = len(self._targets), inbound
        self.slot.seconds = now - self.slot.at
        self._course.slots.append(self.slot)
        self.slot = Slot(now, peak_lines=self.lines)

    def _account(self, now: float) -> None:
        spent = (now - self._lines_since) * self.lines
        self.slot.line_seconds += spent
        if self._hungry:
            hungry = self._course.hungry
            hungry.seconds += now - self._lines_since
            hungry.line_seconds += spent
            if self._held:
                hungry.held_seconds[self._held] = hungry.held_seconds.get(self._held, 0.0) + now - self._lines_since
                hungry.held_line_seconds += spent
        self._lines_since = now


def _on_the_beat(at: float) -> float:
    return ceil(at / LOOK) * LOOK
