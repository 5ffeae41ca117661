"""Where a message that a caller left lies in the call's recording. Pure."""

from __future__ import annotations

from calls.record import Call, Detail

MARGIN_MS = 1_000
"""Asterisk's log and its recording do not begin their clocks at the same moment; seconds in it are whole ones."""


def message_start(call: Call | None) -> int | None:
    """Where in the recording the caller's message begins, ms; None if there is none."""
    if call is None or not call.message_file:
        return None
    begin = call.arrived_at * 1000 + (call.recording_offset_ms or 0)
    for entry in reversed(call.timeline):
        if entry.what == "message":
            return max(0, round(entry.at * 1000 - begin - _seconds(entry.detail) * 1000) - MARGIN_MS)
    return None


def _seconds(detail: Detail) -> int:
    said = detail.get("seconds", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0
