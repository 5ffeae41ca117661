"""Who holds the lines at this moment: citizens who called in, or whom agents called; callers in queues.

Rebuilt at each login (``Ami.on_resync``) and kept by events in between. An event may tell again what the rebuilding
told already, so each of them is a set operation that may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable

from routing.ami import Ami, Event
from routing.live import channels, queue_status

OUR_CALLS = "cb-"
"""The ids of calls of campaigns begin so; Asterisk's own begin with its system name."""
_ON_THE_TRUNK = ("PJSIP/trunk-", "PJSIP/citizen-", "PJSIP/outbound-")
"""Channels of the endpoints of ``asterisk_conf/pjsip.conf.j2`` that citizens come in or are called by."""


class Lines:
    """``on_freed`` is called with the id of each call of ours that has ended."""

    def __init__(self, ami: Ami, on_freed: Callable[[str], None]) -> None:
        self._ami, self._on_freed = ami, on_freed
        self._taken: set[str] = set()
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
    def taken(self) -> int:
        """Lines of the trunk that are not our campaigns'."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        return len({call for _, call in self._waiting})

    async def rebuild(self) -> None:
        rows = await channels(self._ami)
        status = await queue_status(self._ami)
        self._taken = {row.unique_id for row in rows if _takes_a_line(row.channel, row.unique_id)}
        self._waiting = {(row.queue, row.call_id) for row in status.waiting}

    def _began(self, event: Event) -> None:
        call = event.get("Uniqueid", "")
        if _takes_a_line(event.get("Channel", ""), call):
            self._taken.add(call)

    def _ended(self, event: Event) -> None:
        call = event.get("Uniqueid", "")
        self._taken.discard(call)
        self._waiting = {one for one in self._waiting if one[1] != call}
        if call.startswith(OUR_CALLS):
            self._on_freed(call)

    def _joined(self, event: Event) -> None:
        self._waiting.add((event.get("Queue", ""), event.get("Uniqueid", "")))

    def _left(self, event: Event) -> None:
        self._waiting.discard((event.get("Queue", ""), event.get("Uniqueid", "")))


def _takes_a_line(channel: str, call: str) -> bool:
    return channel.startswith(_ON_THE_TRUNK) and not call.startswith(OUR_CALLS)
