"""``hotline callback simulate``."""

from __future__ import annotations

import pytest

from tests.unit.command_line import answer, hotline

SMALL = ("callback", "simulate", "--tickets", "60", "--lines", "6", "--inbound", "800", "--seed", "3")


def test_json() -> None:
    found = answer(*SMALL, "--answer-rate", "0.6")
    assert found["tickets"] == 60
    assert 0 < found["peak_lines"] <= found["cap"] == 6
    assert found["cleared_at_s"] > found["first_round_at_s"] > 0
    assert found["left"] == 0
    assert found["attempts"] == sum(found["calls"].values())
    assert found["assumptions"]["rates"]["answered"] == 0.6
    assert len(found["assumptions"]["agents_by_half_hour"]) == 48
    felt = found["inbound_while_ringing"]["with_campaign"]
    assert set(felt) == set(
        "calls answered abandoned blocked mean_wait_s median_wait_s p95_wait_s answered_within_15_s".split()
    )
    assert answer(*SMALL, "--answer-rate", "0.6") == found
    assert answer(*SMALL[:-1], "4", "--answer-rate", "0.6") != found


def test_every_answer_rate_and_no_citizens() -> None:
    everybody = answer(*SMALL, "--answer-rate", "1", "--inbound", "0")
    assert everybody["calls"] == {"answered": everybody["attempts"]}
    assert everybody["inbound"]["with_campaign"]["calls"] == 0
    nobody = answer(*SMALL, "--answer-rate", "0")
    assert (nobody["reached"], nobody["unreached"]) == (0, 60)
    assert 60 < nobody["attempts"] <= 180


def test_not_cleared_is_null() -> None:
    found = answer(*SMALL, "--answer-rate", "0", "--days", "1")
    assert found["cleared_at_s"] is None
    assert found["left"] > 0
    assert "not cleared" in hotline(*SMALL, "--answer-rate", "0", "--days", "1").output


def test_for_people() -> None:
    shown = hotline(*SMALL, "--start", "2026-11-24 14:00", "--hours", "14:00-15:30", "--trunk-lines", "40")
    assert shown.exit_code == 0, shown.output
    for words in ("模拟回访", "来电感受", "peak lines / cap", "6 / 6", "11-24 14:00", "待办 backlog", "█"):
        assert words in shown.output
    assert "--answer-rate" in hotline("callback", "simulate", "--help").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--answer-rate", "1.2"), "answer-rate"),
        (("--answer-rate", "0.8", "--busy-rate", "0.3"), "add up"),
        (("--rated-rate", "0.99"), "at most 1"),
        (("--hours", "07:00-09:00"), "08:00-21:00"),
        (("--hours", "09:00"), "09:00-12:00"),
        (("--hours", "09:00-12:00,11:00-13:00"), "overlap"),
        (("--tickets", "0"), "tickets"),
        (("--lines", "0"), "lines"),
        (("--inbound", "1000000"), "at most"),
        (("--per-second", "nan"), "per-second"),
        (("--talk", "inf"), "talk"),
        (("--start", "tomorrow"), "start"),
    ],
)
def test_what_makes_no_sense(words: tuple[str, ...], said: str) -> None:
    result = hotline(*SMALL, *words)
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]
