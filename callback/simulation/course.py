"""What happened in a simulation. Times are seconds since its start."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from callback.words import Outcome, TargetState


@dataclass(slots=True)
class Slot:
    """A half hour of the clock, or what of it belongs to the simulation.

    ``line_seconds``: lines of ours in use, added up over its seconds.
    """

    at: float
    seconds: float = 0.0
    line_seconds: float = 0.0
    peak_lines: int = 0
    backlog: int = 0
    """Targets that were due or would be, and not done, at its end."""
    inbound_lines: int = 0
    """Lines that citizens who called in held, at its end."""


@dataclass(slots=True)
class Hungry:
    """Time in which somebody was due and might be rung."""

    seconds: float = 0.0
    line_seconds: float = 0.0
    """Lines of ours in use, added up over it."""
    held_seconds: dict[str, float] = field(default_factory=dict)
    """Of it, when citizens who called in held us back, by why (:class:`callback.pacing.Allowance`)."""
    held_line_seconds: float = 0.0


@dataclass(slots=True)
class Course:
    cleared_at: float | None = None
    """When nobody was left to be rung."""
    first_round_at: float | None = None
    """When everybody had been rung once."""
    ended_at: float = 0.0
    targets: int = 0
    attempts: int = 0
    peak_lines: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    states: dict[TargetState, int] = field(default_factory=lambda: dict.fromkeys(TargetState, 0))
    wishes: int = 0
    """Asked for an agent; ``connected`` of them talked to one."""
    connected: int = 0
    tasks: int = 0
    """Left for people: who was not satisfied, or wanted an agent and got none."""
    hungry: Hungry = field(default_factory=Hungry)
    slots: list[Slot] = field(default_factory=list)
    entered: array[float] = field(default_factory=lambda: array("d"))
    """When a citizen came to the queue, and beside it how long they waited; below 0: gave up after so long."""
    waited: array[float] = field(default_factory=lambda: array("d"))
    blocked: array[float] = field(default_factory=lambda: array("d"))
    """When a citizen found every line of the trunk taken."""

    @property
    def open_targets(self) -> int:
        return self.targets - sum(self.states.values())
