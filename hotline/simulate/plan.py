"""Who calls when, wants what and waits how long. Pure: the same seed gives the same callers."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

HANG_UP, PLACE, MESSAGE = "hangup", "2", "3"
LEAVES = (HANG_UP, PLACE, MESSAGE)
"""What somebody who waits no longer does: the keys of a queue, or nothing of the kind."""
MAX_CALLS = 20_000
_KEYS = ("1", "2", "2", "3", "0")
"""Of the main menu (ivr/flows): complaints are the most."""
_BEFORE = (2.0, 6.0)
"""Seconds into greeting and menu at which the key is pressed."""


@dataclass(frozen=True, slots=True)
class Load:
    """Times in seconds. ``impatient``: the share of callers who wait for about ``patience`` and then do one of
    ``leaves``, each as often as the others; the rest wait for ``endurance`` and hang up. ``hidden``: the share without
    a number."""

    calls_per_second: float
    seconds: float
    agents: int = 5
    talk: float = 60.0
    impatient: float = 0.3
    patience: float = 30.0
    endurance: float = 300.0
    leaves: tuple[str, ...] = LEAVES
    hidden: float = 0.02
    seed: int = 1

    @property
    def calls(self) -> int:
        return max(1, round(self.calls_per_second * self.seconds))

    @property
    def longest(self) -> float:
        """No caller of ours is on the line for longer: menu, waiting, what he does then, and a talk."""
        return _BEFORE[1] + max(self.patience * 1.5, self.endurance) + 30.0 + self.talk * 1.5


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """``at``: seconds after the beginning. ``number``: as dialled in China; empty: hidden. ``patience``: from the key
    on."""

    at: float
    number: str
    before: float
    key: str
    patience: float
    then: str
    impatient: bool


def plan(load: Load) -> list[PlannedCall]:
    """In the order of their calls, which are spread as those of people who know nothing of each other are. Raises
    ValueError with one line."""
    if load.calls > MAX_CALLS:
        raise ValueError(f"{load.calls} calls: at most {MAX_CALLS}")
    dice = random.Random(load.seed)
    count = load.calls
    moments = sorted(dice.uniform(0, load.seconds) for _ in range(count))
    numbers = [f"13{tail:09}" for tail in dice.sample(range(10**9), count)]
    impatient = _so_many(dice, count, load.impatient)
    hidden = _so_many(dice, count, load.hidden)
    leaves = [load.leaves[at % len(load.leaves)] for at in range(count)]
    found = []
    for at, moment in enumerate(moments):
        hurried = at in impatient
        patience = dice.uniform(0.5, 1.5) * load.patience if hurried else load.endurance
        # Nobody is rung back without a number.
        then = leaves.pop() if hurried and at not in hidden else HANG_UP
        found.append(
            PlannedCall(
                at=round(moment, 3),
                number="" if at in hidden else numbers[at],
                before=round(dice.uniform(*_BEFORE), 1),
                key=dice.choice(_KEYS),
                patience=round(patience, 1),
                then=then,
                impatient=hurried,
            )
        )
    return found


def _so_many(dice: random.Random, count: int, share: float) -> frozenset[int]:
    return frozenset(dice.sample(range(count), math.floor(count * share + 0.5)))
