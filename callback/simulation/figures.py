"""What a course came to, in plain numbers for JSON. Shares are of one, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callback.simulation.course import Course
from callback.simulation.decisions import Decisions
from callback.simulation.world import World
from callback.words import TargetState

_MINUTE = 60
_REACHED = (TargetState.RATED, TargetState.UNRATED, TargetState.OPTED_OUT)


@dataclass(frozen=True, slots=True)
class Felt:
    """What citizens met who called in. ``calls`` counts those who found every line taken, who are ``blocked``."""

    calls: int
    answered: int
    abandoned: int
    blocked: int
    mean_wait_s: float | None
    """Of those who were answered, as are the next two; None: nobody was."""
    median_wait_s: float | None
    p95_wait_s: float | None
    answered_within: float | None
    """Share of all calls that was answered, and in time; None: nobody called."""

    def plain(self, within_s: float) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "answered": self.answered,
            "abandoned": self.abandoned,
            "blocked": self.blocked,
            "mean_wait_s": _round(self.mean_wait_s),
            "median_wait_s": _round(self.median_wait_s),
            "p95_wait_s": _round(self.p95_wait_s),
            f"answered_within_{within_s:g}_s": _round(self.answered_within, 4),
        }


def felt(course: Course, within_s: float, while_ringing: NDArray[np.bool_] | None = None) -> Felt:
    """``while_ringing``: by minute, whether calls that came in it count; None: all do."""
    entered, waited, blocked = (np.array(one) for one in (course.entered, course.waited, course.blocked))
    if while_ringing is not None:
        waited = waited[while_ringing[_minutes(entered, while_ringing)]]
        blocked = blocked[while_ringing[_minutes(blocked, while_ringing)]]
    return felt_by(waited, len(blocked), within_s)


def felt_by(waited: NDArray[np.floating[Any]], blocked: int, within_s: float) -> Felt:
    """``waited``: as :attr:`Course.waited`."""
    # A wait of nothing is an answer at once; nobody's patience is nothing.
    answered = waited[waited >= 0]
    calls = len(waited) + blocked
    anybody = len(answered) > 0
    return Felt(
        calls=calls,
        answered=len(answered),
        abandoned=len(waited) - len(answered),
        blocked=blocked,
        mean_wait_s=float(answered.mean(dtype=np.float64)) if anybody else None,
        median_wait_s=float(np.median(answered)) if anybody else None,
        p95_wait_s=float(np.percentile(answered, 95)) if anybody else None,
        answered_within=float((answered <= within_s).sum()) / calls if calls else None,
    )


def ringing_minutes(world: World, course: Course) -> NDArray[np.bool_]:
    """For each minute of the course, whether the campaign might ring; the last one, never, stands for what is later."""
    decisions = Decisions(world)
    end = course.ended_at if course.cleared_at is None else course.cleared_at
    count = int(end // _MINUTE) + 1
    found = [decisions.is_open(world.start + timedelta(seconds=_MINUTE * number)) for number in range(count)]
    return np.array([*found, False])


def summary(world: World, course: Course, without: Course) -> dict[str, Any]:
    """``without``: the same callers over the same time, and nobody rung."""
    within_s = world.inbound.within_s
    ringing = ringing_minutes(world, course)
    cap = min(world.pace.lines, world.rules.max_lines)
    hungry = course.hungry
    held = sum(hungry.held_seconds.values())
    free = hungry.seconds - held
    states = course.states
    reached = sum(states[state] for state in _REACHED)
    return {
        "peak_lines": course.peak_lines,
        "cap": cap,
        "cleared_at_s": _round(course.cleared_at),
        "first_round_at_s": _round(course.first_round_at),
        "mean_lines_while_backlog": _ratio(hungry.line_seconds, hungry.seconds),
        "mean_lines_not_held_back": _ratio(hungry.line_seconds - hungry.held_line_seconds, free),
        "backlog_s": _round(hungry.seconds),
        "held_back_s": {why: _round(seconds) for why, seconds in sorted(hungry.held_seconds.items())},
        "tickets": course.targets,
        "attempts": course.attempts,
        "calls": {outcome.value: count for outcome, count in course.outcomes.items() if count},
        "reached": reached,
        "rated": states[TargetState.RATED],
        "unrated": states[TargetState.UNRATED],
        "opted_out": states[TargetState.OPTED_OUT],
        "unreached": states[TargetState.UNREACHED],
        "left": course.open_targets,
        "asked_for_agent": course.wishes,
        "connected_to_agent": course.connected,
        "manual_callbacks": course.tasks,
        "inbound": _side_by_side(course, without, within_s, None),
        "inbound_while_ringing": _side_by_side(course, without, within_s, ringing),
        "start": world.start.isoformat(),
        "ended_at_s": _round(course.ended_at),
        "seed": world.seed,
    }


def _side_by_side(
    course: Course, without: Course, within_s: float, ringing: NDArray[np.bool_] | None
) -> dict[str, dict[str, Any]]:
    return {
        "with_campaign": felt(course, within_s, ringing).plain(within_s),
        "without_campaign": felt(without, within_s, ringing).plain(within_s),
    }


def _minutes(times: NDArray[np.float64], ringing: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.minimum(times // _MINUTE, len(ringing) - 1).astype(np.int64)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole > 0 else None


def _round(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
