"""Channels of Asterisk as the live floor sees them: whose end of the line it is, and which call it belongs to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from routing.ami_wire import Event
from routing.floor_rows import Via
from routing.live import ChannelRow
from routing.queues import EMERGENCY_NUMBERS

OUTBOUND = "outbound"
"""The endpoint of the calls to citizens and units (``asterisk_conf/pjsip.conf.j2``)."""
_SIP = re.compile(r"PJSIP/([A-Za-z0-9_.-]+)-[0-9a-f]{8,}")
_CENTRE = re.compile(r"emergency-[0-9]+")
_NOBODY = "test-centre"
"""The far side of the built-in test centre: this very Asterisk, seen from there."""
_VIAS = {"citizen": Via.TEST, "web-citizen": Via.WEB}
_RINGING = ("Down", "Ringing", "Rsrvd", "Dialing")


class Side(Enum):
    """``INNER``: what connects others, holds a place, or is of no call of ours."""

    CITIZEN = "citizen"
    AGENT = "agent"
    CENTRE = "centre"
    INNER = "inner"


def side_of(channel: str, agents: Mapping[str, object], inbound: bool) -> tuple[Side, str]:
    """Whose end ``channel`` is, and the name of its endpoint. A centre that calls us is a citizen's end: it hands one
    over."""
    found = _SIP.fullmatch(channel)
    endpoint = found[1] if found else ""
    if endpoint in agents:
        return Side.AGENT, endpoint
    if not endpoint or endpoint == _NOBODY:
        return Side.INNER, endpoint
    if _CENTRE.fullmatch(endpoint) and not inbound:
        return Side.CENTRE, endpoint
    return (Side.CITIZEN, endpoint) if inbound or endpoint == OUTBOUND else (Side.INNER, endpoint)


@dataclass(slots=True)
class Line:
    """One channel. ``call``: Asterisk's linked id, by which the call's record is known, too; it can change. ``began``:
    when the channel did. ``held``: its telephone has put the other side on hold. ``dialled``: by us."""

    channel: str
    side: Side
    endpoint: str
    call: str
    root: bool
    began: datetime
    state: str = ""
    caller: str = ""
    connected: str = ""
    context: str = ""
    exten: str = ""
    bridge: str = ""
    held: bool = False
    dialled: str = ""

    @property
    def up(self) -> bool:
        return self.state == "Up"

    @property
    def rings(self) -> bool:
        """One that we ring, not one from which somebody dials."""
        return self.state in _RINGING

    @property
    def service(self) -> str:
        """Of an emergency centre: which one."""
        return self.caller if self.side is Side.CENTRE and self.caller in EMERGENCY_NUMBERS else ""

    @property
    def via(self) -> Via:
        """Of a citizen's end."""
        if _CENTRE.fullmatch(self.endpoint):
            return Via.EMERGENCY
        if self.endpoint == OUTBOUND:
            return Via.OUTGOING
        return _VIAS.get(self.endpoint, Via.PUBLIC)

    def says(self, event: Event) -> None:
        """Every event about a channel tells all of this."""
        self.call = event.get("Linkedid") or self.call
        self.state = event.get("ChannelStateDesc") or self.state
        self.caller = known(event.get("CallerIDNum", ""))
        self.connected = known(event.get("ConnectedLineNum", ""))
        self.context = event.get("Context", self.context)
        self.exten = event.get("Exten", self.exten)


def of_event(event: Event, agents: Mapping[str, object], at: datetime) -> Line:
    """A new channel."""
    root = event.get("Uniqueid") == event.get("Linkedid")
    # What we dial begins in this state, what comes in does not.
    inbound = root and event.get("ChannelStateDesc") != "Down"
    side, endpoint = side_of(event.get("Channel", ""), agents, inbound)
    line = Line(event.get("Channel", ""), side, endpoint, event.get("Linkedid", ""), root, at)
    line.says(event)
    return line


def of_row(row: ChannelRow, agents: Mapping[str, object], began: datetime) -> Line:
    """A channel of the list of all."""
    root = row.unique_id == row.call_id
    side, endpoint = side_of(row.channel, agents, root)
    return Line(
        row.channel,
        side,
        endpoint,
        row.call_id,
        root,
        began,
        row.state,
        known(row.caller),
        known(row.connected),
        row.context,
        row.exten,
        row.bridge_id,
    )


def known(number: str) -> str:
    """Asterisk writes so what it does not know."""
    return "" if number == "<unknown>" else number


def duration(text: str) -> timedelta:
    """``HH:MM:SS``; nothing for anything else."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        return timedelta()
    hours, minutes, seconds = map(int, parts)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
