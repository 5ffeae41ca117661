"""``hotline staffing`` on a history made of known rates: the agents that Erlang A asks for, and nothing made up."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
import psycopg
import pytest

from hotline.db import driver_url
from hotline.secrets import load_or_create
from hotline.settings import Settings
from hotline.staffing import History
from routing.erlang import agents_needed
from tests.unit.command_line import answer, hotline
from tickets.number import CHINA

MONDAY = date(2026, 10, 19)
FOUR_WEEKS = ("--from", "2026-10-19", "--to", "2026-11-15")
BUSY, QUIET = 40, 4
"""Calls in each half hour from 09:00 to 12:00, on weekdays and on the others."""
HANDLING, PATIENCE = 150.0, 90.0


@pytest.fixture
def database(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    return driver_url(database_url)


def fill(url: str, days: int, *, given_up_of: int = 10) -> None:
    """One of ``given_up_of`` callers gives up, and all of them together wait 90 s for each who does."""
    chance = np.random.default_rng(5)
    calls, events, number = [], [], 0
    for day in range(days):
        busy = (MONDAY + timedelta(days=day)).weekday() < 5
        for half_hour in range(18, 24):
            begins = datetime.combine(MONDAY + timedelta(days=day), time(half_hour // 2, 30 * (half_hour % 2)), CHINA)
            count = BUSY if busy else QUIET
            for one in range(count):
                number += 1
                call_id = f"hotline-{int(begins.timestamp())}.{number}"
                arrived = begins + timedelta(seconds=one * 1800 / count)
                waited = round(PATIENCE / given_up_of)
                gives_up = number % given_up_of == 0
                human = None if gives_up else arrived + timedelta(seconds=10 + waited)
                ended = (human or arrived) + timedelta(seconds=float(chance.exponential(HANDLING)))
                agent = "" if gives_up else "1001"
                calls.append((call_id, arrived, human, ended, agent, gives_up))
                word = f"ABANDON|1|1|{waited}" if gives_up else f"CONNECT|{waited}|hotline-1.1|3"
                events.append((call_id, number, f"{int(arrived.timestamp())}|{call_id}|complaint|PJSIP/1001|{word}"))
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO calls (id, via, queue, arrived_at, answered_at, human_at, ended_at, agent, abandoned)"
            " VALUES (%s, 'public', 'complaint', %s, NULL, %s, %s, %s, %s)",
            calls,
        )
        cursor.executemany(
            "INSERT INTO call_events (call_id, stream, position, line) VALUES (%s, 'queue_log', %s, %s)", events
        )


def test_agents_of_a_known_history(database: str, tmp_path: Path) -> None:
    fill(database, 28)
    found = answer("staffing", *FOUR_WEEKS)
    assert (found["from"], found["to"], found["days"]) == ("2026-10-19", "2026-11-15", 28)
    assert found["calls"] == 4 * 6 * (5 * BUSY + 2 * QUIET)
    assert found["handling_s"] == pytest.approx(HANDLING, rel=0.06)
    assert found["patience_s"] == pytest.approx(PATIENCE, rel=0.02)
    assert [plan["name"] for plan in found["plans"]] == ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]
    monday, sunday = found["plans"][0], found["plans"][-1]
    needed = agents_needed(BUSY / 1800, found["handling_s"], 0.95, 15, found["patience_s"])
    assert [
        need["begins"] for need in monday["half_hours"] if need["calls"]
    ] == "09:00 09:30 10:00 10:30 11:00 11:30".split()
    for need in monday["half_hours"]:
        assert need["agents"] == need["on_duty"] == (needed if need["calls"] else 1)
        assert need["answered_within"] >= 0.95
    assert sunday["half_hours"][18]["agents"] < needed
    assert monday["agent_hours"] == 3 * needed + 21

    stricter = answer("staffing", *FOUR_WEEKS, "--target", "0.99", "--within", "5", "--shrinkage", "0.3")
    peak = stricter["plans"][0]["half_hours"][20]
    assert peak["agents"] > needed
    assert peak["on_duty"] == math.ceil(peak["agents"] / 0.7)

    chart, sheet = tmp_path / "a.svg", tmp_path / "a.xlsx"
    shown = hotline("staffing", *FOUR_WEEKS, "--chart", str(chart), "--xlsx", str(sheet))
    assert shown.exit_code == 0, shown.output
    for words in ("周一", "09:30", "█", "平均耐心", "95.0%", "agent hours"):
        assert words in shown.output
    tree = ElementTree.parse(chart)
    assert tree.getroot().tag.endswith("svg")
    assert not list(tree.iter("{http://www.w3.org/2000/svg}script"))
    with ZipFile(sheet) as packed:
        assert "xl/charts/chart1.xml" in packed.namelist()


def test_callbacks_and_other_times_do_not_count(database: str) -> None:
    fill(database, 14)
    before = answer("staffing", "--from", "2026-10-19", "--to", "2026-11-01")
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO calls (id, via, queue, arrived_at, human_at, ended_at, agent)"
            " SELECT 'cb-1.' || n, 'callback', 'complaint', '2026-10-20 10:05+08', '2026-10-20 10:06+08',"
            " '2026-10-20 13:06+08', '1001' FROM generate_series(1, 500) n"
        )
    assert answer("staffing", "--from", "2026-10-19", "--to", "2026-11-01") == before
    (plan,) = before["plans"]
    assert (plan["name"], plan["days"]) == ("每天", 14)
    assert plan["half_hours"][18]["calls"] == pytest.approx((10 * BUSY + 4 * QUIET) / 14, abs=0.01)
    shorter = answer("staffing", "--from", "2026-10-19", "--to", "2026-10-25")
    assert (shorter["days"], shorter["to"]) == (7, "2026-10-25")


def test_few_who_give_up_are_taken_for_patient(database: str) -> None:
    fill(database, 14, given_up_of=100)
    span = ("--from", "2026-10-19", "--to", "2026-11-01")
    found = answer("staffing", *span)
    assert found["given_up"] == 24
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM call_events WHERE line LIKE '%ABANDON%' AND position > 1000")
    found = answer("staffing", *span)
    assert (found["given_up"], found["patience_s"]) == (10, None)
    assert all(need["abandoned"] == 0 for need in found["plans"][0]["half_hours"])
    assert "Erlang C" in hotline("staffing", *span).output
    assert answer("staffing", *span, "--patience", "60")["patience_s"] == 60
    slow = answer("staffing", *span, "--handling", "900")
    assert slow["plans"][0]["agent_hours"] > found["plans"][0]["agent_hours"]


def test_too_thin_says_so(database: str) -> None:
    empty = hotline("staffing", "--json")
    assert (empty.exit_code, len(empty.output.splitlines())) == (1, 1)
    assert "0 days" in empty.output
    fill(database, 5)
    thin = hotline("staffing", *FOUR_WEEKS)
    assert (thin.exit_code, len(thin.output.splitlines())) == (1, 1)
    assert "5 days" in thin.output
    assert hotline("staffing", "--from", "2026-10-20", "--to", "2026-10-19").exit_code == 2
    for wrong in (("--target", "1"), ("--within", "-1"), ("--shrinkage", "1"), ("--handling", "nan"), ("--from", "x")):
        assert hotline("staffing", *wrong).exit_code == 2
    assert History({}, 0, None, 0, None).calls == 0


def test_a_file_that_cannot_be_written(database: str, tmp_path: Path) -> None:
    fill(database, 7)
    result = hotline("staffing", *FOUR_WEEKS, "--chart", str(tmp_path / "missing" / "a.svg"))
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
