"""Who holds the lines at this moment: calls that came in over the trunk, callers in queues, calls of ours.

Rebuilt at each login (``Ami.on_resync``) and kept by events in between. An event may tell again what the rebuilding
told already, so each of them is a set operation that may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable

from routing.ami import Ami, Event
from routing.live import channels, queue_status

OUR_CALLS = "cb-"
"""The ids of calls that we place begin so; Asterisk's own begin with its system name."""
_COME_IN = ("PJSIP/trunk-", "PJSIP/citizen-")
"""Channels of the endpoints of ``asterisk_conf/pjsip.conf.j2`` that citizens come in by."""


class Lines:
    """``on_freed`` is called with the id of each call of ours that has ended."""

    def __init__(self, ami: Ami, on_freed: Callable[[str], None]) -> None:
        self._ami, self._on_freed = ami, on_freed
        self._inbound: set[str] = set()
        self._waiting: set[tuple[str, str]] = set()
        ami.on_resync(self.rebuild)
        for name, handler in (
            ("Newchannel", self._began),
            ("Hangup", self._ended),
            ("QueueCallerJoin", self._joined),
            ("QueueCallerLeave", self._left),
        ):
            ami.on_event(name, handler)

    @property
    def inbound(self) -> int:
        return len(self._inbound)

    @property
    def waiting(self) -> int:
        return len({call for _, call in self._waiting})

    async def rebuild(self) -> None:
        rows = await channels(self._ami)
        status = await queue_status(self._ami)
        self._inbound = {row.unique_id for row in rows if row.channel.startswith(_COME_IN)}
        self._waiting = {(row.queue, row.call_id) for row in status.waiting}

    def _began(self, event: Event) -> None:
        if event.get("Channel", "").startswith(_COME_IN):
            self._inbound.add(event.get("Uniqueid", ""))

    def _ended(self, event: Event) -> None:
        call = event.get("Uniqueid", "")
        self._inbound.discard(call)
        self._waiting = {one for one in self._waiting if one[1] != call}
        if call.startswith(OUR_CALLS):
            self._on_freed(call)

    def _joined(self, event: Event) -> None:
        self._waiting.add((event.get("Queue", ""), event.get("Uniqueid", "")))

    def _left(self, event: Event) -> None:
        self._waiting.discard((event.get("Queue", ""), event.get("Uniqueid", "")))
