"""What `hotline demo` takes for written; the demo itself is run by hand (`make demo`)."""

from __future__ import annotations

from typing import Any

from hotline.cli.demo import not_written


def call(number: int) -> dict[str, Any]:
    return {"ended_at": "2026-11-21T10:00:00+08:00", "recording": {"sha256": "aa"}, "ticket": f"20261121-00000{number}"}


def test_all_calls_with_recordings_and_tickets() -> None:
    calls = [call(number) for number in (1, 2, 3)]
    tickets = [{"number": one["ticket"]} for one in calls]
    assert not_written({"calls": calls, "tickets": tickets}) == ""
    assert not_written({"calls": calls, "tickets": tickets[:2]}) == "tickets 2/3"
    calls[0]["recording"] = None
    calls[1]["recording"] = {"sha256": None}
    assert not_written({"calls": calls, "tickets": tickets}) == "recordings 1/3"
    assert not_written({"calls": [], "tickets": []}) == "calls 0/3, recordings 0/3, tickets 0/3"
