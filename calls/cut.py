"""Who waited in a queue when Asterisk, or the node it ran on, went: he is owed his place. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from calls.record import Call

CUT = frozenset({"asterisk_restarted", "node_lost"})
_SERVED = frozenset({"connected", "emergency", "message", "abandoned"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """``joined_at``: epoch seconds."""

    queue: str
    joined_at: float


def waiting_when_cut(call: Call) -> Waiting | None:
    """None: he was not waiting, or the call ended in another way. Who overflowed from one queue into the next joined
    when he joined the first."""
    if not any(entry.what in CUT for entry in call.timeline):
        return None
    waiting: Waiting | None = None
    for entry in call.timeline:
        if entry.what == "queued":
            joined_at = entry.at if waiting is None else waiting.joined_at
            waiting = Waiting(entry.detail.get("queue", ""), joined_at)
        elif entry.what in _SERVED:
            waiting = None
    return waiting if waiting is not None and waiting.queue else None
