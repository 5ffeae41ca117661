"""Lines and backlog over the time, for a terminal."""

from __future__ import annotations

from datetime import timedelta

from callback.simulation.course import Course, Slot
from callback.simulation.world import World

ROWS, WIDTH = 48, 28
_EIGHTHS = " ▏▎▍▌▋▊▉"


def lines(world: World, course: Course) -> list[str]:
    """One row a stretch of time, at most :data:`ROWS` and those in which nothing happened left out."""
    rows: list[str] = []
    stretch = _stretches(course)
    cap = max(1, min(world.pace.lines, world.rules.max_lines))
    before = most = max(1, course.targets)
    skipped = False
    for slots in stretch:
        seconds = sum(slot.seconds for slot in slots)
        mean = sum(slot.line_seconds for slot in slots) / seconds if seconds else 0.0
        left = slots[-1].backlog
        if mean == 0 and left == before:
            skipped = True
            continue
        if skipped:
            rows.append("      …")
        skipped, before = False, left
        at = world.start + timedelta(seconds=slots[0].at)
        rows.append(f"{at:%m-%d %H:%M} {bar(mean / cap, WIDTH)} {mean:7.1f} │{bar(left / most, WIDTH)} {left:,}")
    return [f"{'':11} {'占用线路 lines, mean':<{WIDTH + 4}}  │待办 backlog", *rows]


def bar(share: float, width: int) -> str:
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _stretches(course: Course) -> list[list[Slot]]:
    busy = [slot for slot in course.slots if slot.seconds > 0]
    active = sum(slot.line_seconds > 0 for slot in busy)
    size = next(size for size in (1, 2, 4, 8, 16, 48, 1 << 30) if active <= ROWS * size)
    return [busy[first : first + size] for first in range(0, len(busy), size)]
