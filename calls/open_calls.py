"""The events of calls under way, kept in memory so that a batch need not read them back. Bounded: what is forgotten is
read from the database again when another line about it comes."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from calls.cel import CelEvent
from calls.queue_log import ENDED_BY
from calls.record import Call
from calls.store import Caller
from calls.timeline import Event, fold

log = logging.getLogger(__name__)

MAX_EVENTS = 60_000
"""About 60 MB."""
MAX_CALL_EVENTS = 5_000
"""Of one call: a record is folded from no more, its end apart."""


@dataclass(slots=True)
class OpenCall:
    """``call`` is the record as it was last written; ``ticket`` the number of its ticket, empty: none."""

    id: str
    events: list[Event] = field(default_factory=list)
    call: Call | None = None
    caller: Caller | None = None
    ticket: str = ""

    def add(self, event: Event) -> None:
        ends = event.ends_call if isinstance(event, CelEvent) else event.kind in ENDED_BY
        if len(self.events) == MAX_CALL_EVENTS:
            log.error("call %s has more than %d events, the rest is left out of its record", self.id, MAX_CALL_EVENTS)
        if len(self.events) <= MAX_CALL_EVENTS or ends:
            self.events.append(event)

    def fold(self) -> Call | None:
        return fold(self.id, self.events)


class OpenCalls:
    """Least recently used first."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._calls: OrderedDict[str, OpenCall] = OrderedDict()
        self._max = max_events

    def __len__(self) -> int:
        return len(self._calls)

    def missing(self, call_ids: Iterable[str]) -> list[str]:
        return [one for one in call_ids if one not in self._calls]

    def put(self, call: OpenCall) -> None:
        self._calls[call.id] = call

    def use(self, call_id: str) -> OpenCall:
        self._calls.move_to_end(call_id)
        return self._calls[call_id]

    def clear(self) -> None:
        """After a failed transaction: what is here may never have been written."""
        self._calls.clear()

    def trim(self) -> None:
        total = sum(len(call.events) for call in self._calls.values())
        while total > self._max and self._calls:
            _, call = self._calls.popitem(last=False)
            total -= len(call.events)
