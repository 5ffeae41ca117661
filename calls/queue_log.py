"""One line of Asterisk's queue_log: ``epoch|callid|queue|agent|EVENT|a|b|c|d|e``. Whole seconds only.

Source: https://docs.asterisk.org/Configuration/Applications/Queues/Queue-Logs/ and streams in ``tests/replay``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from calls.events import MAX_FIELD, QUEUE_LOG, MalformedLine, call_id, seconds

START = "QUEUESTART"
"""Asterisk began to run: whatever was being talked about before is over."""
GONE = "GONE"
"""Ours: Asterisk no longer has the call, and no line said that it ended."""
LOST = "LOST"
"""Ours: the node that had the call is gone."""
ENDED_BY = frozenset({START, GONE, LOST})
"""That a call is over, where its own end was not logged."""


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """``at``: epoch seconds (UTC), cut to the second. ``call`` is empty for ``QUEUESTART``. ``agent``: ``1001``."""

    position: int
    at: float
    call: str
    kind: str
    queue: str = ""
    agent: str = ""
    data: tuple[str, ...] = ()

    @property
    def stream(self) -> str:
        return QUEUE_LOG


def parse(position: int, line: str) -> QueueEvent | None:
    """None for a line about no call (an agent logged in, a reload). Raises :class:`MalformedLine`."""
    parts = line.split("|")
    if len(parts) < 5 or "\0" in line or max(map(len, parts)) > MAX_FIELD:
        raise MalformedLine(f"{len(parts)} fields, expected at least 5")
    time, call, queue, agent, kind, *data = parts
    at = seconds(time)
    if not kind:
        raise MalformedLine("no event")
    if kind == START:
        return QueueEvent(position=position, at=at, call="", kind=kind)
    if call == "NONE" or not call or not call[-1].isdigit() or "." not in call:
        return None  # REALTIME, MANAGER and the like: not a call
    # The member's name where it has one, else its interface.
    name = agent.rpartition("/")[2]
    return QueueEvent(
        position=position,
        at=at,
        call=call_id(call),
        kind=kind,
        queue="" if queue == "NONE" else queue,
        agent="" if name == "NONE" else name,
        data=tuple(data),
    )


def about(start: QueueEvent, call_id: str) -> QueueEvent:
    """Asterisk's new start, as the event of a call that it ended."""
    return replace(start, call=call_id)


def gone_line(call_id: str, at: float, kind: str = GONE) -> tuple[int, str]:
    """Position and text of a line that closes the call; ``at``: epoch seconds; ``kind``: GONE or LOST. The position
    orders it after all that queue_log says: microseconds are more than bytes."""
    return round(at * 1_000_000), f"{int(at)}|{call_id}|NONE|NONE|{kind}"
