"""Who is in one conversation with whom, from bridge events alone."""

from __future__ import annotations

import re

CHANNEL = re.compile(r"PJSIP/([A-Za-z0-9_.-]+)-[0-9a-f]{8,}")
AGENT = re.compile(r"[0-9]{3,6}")
EMERGENCY = re.compile(r"emergency-[0-9]")


def endpoint(channel: str) -> str:
    """``1001`` of ``PJSIP/1001-0000001a``; empty for anything but a SIP channel."""
    match = CHANNEL.fullmatch(channel)
    return match[1] if match else ""


def is_agent(channel: str) -> bool:
    return AGENT.fullmatch(endpoint(channel)) is not None


def is_emergency(channel: str) -> bool:
    return EMERGENCY.fullmatch(endpoint(channel)) is not None


class Parties:
    """A channel is in one bridge at most. The halves of a Local channel (``…;1`` and ``…;2``) join their bridges."""

    def __init__(self) -> None:
        self._bridge_of: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}

    def enter(self, channel: str, bridge: str) -> None:
        self.leave(channel)
        self._bridge_of[channel] = bridge
        self._members.setdefault(bridge, set()).add(channel)

    def leave(self, channel: str, bridge: str | None = None) -> None:
        """``bridge`` None: wherever it is. Leaving a bridge that was left already does nothing."""
        current = self._bridge_of.get(channel)
        if current is None or (bridge is not None and bridge != current):
            return
        del self._bridge_of[channel]
        members = self._members[current]
        members.discard(channel)
        if not members:
            del self._members[current]

    def joined(self, channel: str) -> bool:
        return channel in self._bridge_of

    def talking_to(self, channel: str) -> set[str]:
        """All SIP channels that hear this one, itself left out."""
        seen = {channel}
        open_ends = [channel]
        while open_ends:
            one = open_ends.pop()
            reached = set(self._members.get(self._bridge_of.get(one, ""), ()))
            if one[-2:] in (";1", ";2"):
                reached.add(one[:-1] + ("2" if one.endswith("1") else "1"))
            open_ends += reached - seen
            seen |= reached
        seen.discard(channel)
        return {one for one in seen if endpoint(one)}
