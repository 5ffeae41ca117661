"""What queue_log says of an agent's own queue, told of the queue that the caller stood in: the attempt at whom he spoke
with last is a part of his wait there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from calls.cel import CelEvent
from calls.queue_log import QueueEvent

OWN = "agent-"
"""How those queues are called (``routing/queues.py``)."""
_UNTOLD = frozenset({"ENTERQUEUE", "EXITWITHTIMEOUT", "EXITEMPTY"})
"""Entering is the event LAST_AGENT; leaving is going on where he was."""


def of_common_queue(cel: Sequence[CelEvent], lines: Iterable[QueueEvent]) -> list[QueueEvent]:
    """``cel``: the call's events in order of time. Other queues' lines are left as they are."""
    found = []
    for line in lines:
        if not line.queue.startswith(OWN):
            found.append(line)
        elif line.kind not in _UNTOLD:
            found.append(replace(line, queue=_stood_in(cel, line.at)))
    return found


def _stood_in(cel: Sequence[CelEvent], second: float) -> str:
    """The last queue he was sent to by the end of that second; empty: not read yet."""
    for event in reversed(cel):
        if event.kind == "USER" and event.name == "QUEUE" and event.at < second + 1:
            return event.extra.get("name", "")
    return ""
