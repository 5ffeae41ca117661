from __future__ import annotations

from hotline.lost_calls import gone
from routing.live import ChannelRow


def row(unique_id: str, call_id: str) -> ChannelRow:
    return ChannelRow("PJSIP/x", unique_id, call_id, "Up", "", "", "", "", "", "", "00:10:01")


def test_calls_without_a_channel_are_gone() -> None:
    live = [row("h-1.0", "h-1.0"), row("h-1.5", "h-1.4")]
    assert gone(["h-1.0", "h-1.4", "h-1.5", "h-1.9"], live) == ["h-1.9"]
    assert gone([], live) == []
