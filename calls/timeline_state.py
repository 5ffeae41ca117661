"""What is known of a call while its events are folded (calls/timeline.py). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from calls.parties import Parties
from calls.record import Call, Entry


@dataclass(slots=True)
class Folding:
    """``caller``: the citizen's channel, ``citizen``: its unique id."""

    call: Call
    caller: str
    citizen: str
    last: float
    """When the last event was."""
    entries: list[Entry] = field(default_factory=list)
    parties: Parties = field(default_factory=Parties)
    company: set[str] = field(default_factory=set)
    """The channels that the caller talks with now."""
    held: bool = False
    unanswered: dict[str, bool] = field(default_factory=dict)
    """The channels that were rung, and whether they still ring."""
    anchors: dict[str, list[float]] = field(default_factory=dict)
    """Moments that queue_log tells of too, by what they are."""
    hangup_source: str = ""
    maintenance: bool = False

    def note(self, at: float, what: str, **detail: str) -> None:
        self.entries.append(Entry(at, what, {key: value for key, value in detail.items() if value}))
