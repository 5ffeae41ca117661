from __future__ import annotations

import pytest

from bench.callbacks_log import Caller, Span, callers, filled, longest_wait, mean, our_calls, peak, yielded_after
from calls.cel import CelEvent


def event(at: float, unique: str, kind: str, name: str = "") -> CelEvent:
    return CelEvent(0, at, unique, kind, name, unique=unique)


def test_lines_of_our_calls() -> None:
    found = our_calls(
        [
            event(1.0, "cb-1.1", "CHAN_START"),
            event(2.0, "hotline-1.2", "CHAN_START"),
            event(2.0, "cb-1.2", "CHAN_START"),
            event(4.0, "cb-1.1", "CHAN_END"),
            event(4.0, "cb-1.3", "CHAN_START"),
            event(6.0, "cb-1.2", "CHAN_END"),
            event(8.0, "cb-1.3", "CHAN_END"),
        ]
    )
    assert found == [Span(1.0, 4.0), Span(2.0, 6.0), Span(4.0, 8.0)]
    assert peak(found) == 2, "a line that is handed on is one line"
    assert mean(found, Span(2.0, 6.0)) == 2.0
    assert mean(found, Span(0.0, 10.0)) == 1.1
    assert filled(found, 2, 6.0) == Span(2.0, 6.0)
    with pytest.raises(ValueError, match="cap of 3"):
        filled(found, 3, 6.0)


def test_callers_who_reached_somebody() -> None:
    log = [
        event(1.0, "h-1.1", "ANSWER"),
        event(3.0, "h-1.1", "USER", "QUEUE"),
        event(7.5, "h-1.1", "BRIDGE_ENTER"),
        event(9.0, "h-1.1", "BRIDGE_ENTER"),
        event(1.0, "h-1.2", "ANSWER"),
        event(1.0, "cb-1.3", "ANSWER"),
        event(2.0, "cb-1.3", "USER", "QUEUE"),
        event(3.0, "cb-1.3", "BRIDGE_ENTER"),
    ]
    assert callers(log) == [Caller(1.0, 3.0, 7.5)]
    assert callers(log)[0].wait == 6.5


def test_how_soon_outbound_yields() -> None:
    waiting = longest_wait([Caller(0, 1.0, 1.5), Caller(0, 3.0, 6.0), Caller(0, 5.0, 9.0), Caller(0, 20.0, 21.0)])
    assert waiting == Span(3.0, 9.0)
    calls = [Span(2.0, 4.0), Span(3.4, 5.0), Span(9.5, 12.0)]
    assert yielded_after(calls, waiting) == pytest.approx(0.4)
    assert yielded_after([calls[0], calls[2]], waiting) == 0.0
