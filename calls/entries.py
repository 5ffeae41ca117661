"""The lines of a timeline put in order for people to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from calls.record import Entry

SAME_MOMENT = 0.15
"""Seconds. A Local channel optimised away makes its party leave and come back within so long."""


def without_flicker(entries: Iterable[Entry]) -> list[Entry]:
    """``entries``, in order of time, without a party's leaving and coming back in the same moment."""
    kept: list[Entry] = []
    for entry in entries:
        left = _left_just_before(kept, entry) if entry.what == "connected" else None
        if left is None:
            kept.append(entry)
        else:
            del kept[left]
    return kept


def without_channel(entry: Entry) -> Entry:
    """Which channel it was matters only while the timeline is made."""
    if "channel" not in entry.detail:
        return entry
    return replace(entry, detail={key: value for key, value in entry.detail.items() if key != "channel"})


def _left_just_before(kept: list[Entry], connected: Entry) -> int | None:
    """Index of the entry that says that this very channel left a moment ago."""
    for index in range(len(kept) - 1, -1, -1):
        before = kept[index]
        if connected.at - before.at > SAME_MOMENT:
            return None
        if before.what == "left" and before.detail["channel"] == connected.detail["channel"]:
            return index
    return None
