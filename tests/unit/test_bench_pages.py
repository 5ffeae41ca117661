"""What the bench of the pages plays to them, and what it makes of what it saw."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bench.pages_page import page
from bench.pages_server import AGENTS, QUEUES, Pace, Played, WholeFloors
from bench.pages_wall import Memory, Watched, growth, quantiles
from bench.pages_weight import WAYS, Visit
from web.floor import Floors, Viewer

SUPERVISOR = Viewer("supervisor", all_calls=True, numbers=True)


def test_the_floor_is_as_busy_as_the_page_says_from_the_beginning() -> None:
    floors = Floors()
    Played(floors, Pace(50))
    seen = floors.snapshot(SUPERVISOR)
    assert (len(seen.agents), len(seen.queues)) == (AGENTS, len(QUEUES)) == (200, 40)
    assert 40 < len(seen.calls) < 90
    assert {row.state for row in seen.agents} >= {"ready", "in_call", "wrapup", "paused", "out"}
    assert seen.ready


def test_what_would_be_without_patches_is_sent_whole_and_once() -> None:
    floors = WholeFloors()
    played = Played(floors, Pace(50, whole=True))
    sent, text = floors.news(SUPERVISOR, None)
    assert floors.news(SUPERVISOR, sent) == (sent, b"")
    played.publish(130.0)
    played.pause("会议", datetime.now(UTC))
    played.publish(131.0)
    _, text = floors.news(SUPERVISOR, sent)
    assert json.loads(text)["kind"] == "snapshot"


def test_what_grows_is_told_an_hour_and_what_was_still_warming_up_does_not_count() -> None:
    flat = [Memory(float(minute), 30.0 if minute < 2 else 12.0, 5000, 100) for minute in range(11)]
    leaking = [Memory(float(minute), 12.0 + minute, 5000 + 7 * minute, 100) for minute in range(11)]
    assert growth(flat, "heap_mb") == pytest.approx(0)
    assert growth(leaking, "heap_mb") == pytest.approx(60)
    assert growth(leaking, "nodes") == pytest.approx(420)
    assert growth(flat[:3], "nodes") == 0.0


def test_quantiles() -> None:
    assert quantiles([float(one) for one in range(1, 101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert quantiles([]) == {}


def test_the_page_has_a_line_for_each() -> None:
    memory = [Memory(float(minute), 12.0, 5000, 100) for minute in range(10)]
    calm = Watched("no events", 60, 0, 0, 60, 200, [16.7] * 99 + [60.0], [], [], 0.05, 0.01, 0.01, 0.01)
    hour = Watched("an hour", 54, 500, 33, 60, 200, [16.7], [], [80.0], 0.3, 0.1, 0.1, 0.1, memory)
    ways = {way.name: Visit(1234.5, 9, 8000, 20_000) for way in WAYS}
    text = page({"citizen": ways}, [calm, hour], 5)
    assert "| citizen | 9 / 9 | 8.0 / 8.0 | 20.0 | 1234 |" in text
    assert "| no events | 0 | 0.0 | 60 | 17 / 17 / 60 | 1.00 % |" in text
    assert "27,000 events" in text
    assert "+0.00 MB, +0 nodes" in text
