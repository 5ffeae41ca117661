"""``hotline callback`` on a real PostgreSQL: from the plan to the report."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.words import Outcome, TargetState
from hotline.db import create_hotline_engine
from hotline.secrets import load_or_create
from hotline.settings import Settings
from tests.unit.command_line import answer, hotline
from tests.unit.test_callback_report import attempt_in, target_in
from tests.unit.ticket_people import AGENT
from tickets import book
from tickets.number import ticket_day
from tickets.rulebook import load_rulebook
from tickets.ticket import NewRequest
from tickets.words import Category

NUMBERS = "姓名,手机\n甲,13900000001\n乙,13900000002\n丙,139\n丁,13900000001\n"
TODAY = ticket_day(datetime.now(UTC))
Do = Callable[[Callable[[AsyncConnection], Awaitable[Any]]], Any]


@pytest.fixture
def database(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Asks the instance's database, in one transaction."""
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))

    def do(work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            engine = create_hotline_engine(database_url)
            try:
                async with engine.begin() as connection:
                    return await work(connection)
            finally:
                await engine.dispose()

        return asyncio.run(run())

    return do


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    path = tmp_path / "numbers.csv"
    path.write_bytes(NUMBERS.encode("gb18030"))
    return str(path)


def plan(*words: str) -> Any:
    return answer("callback", "plan", *words)


def refused(*words: str) -> list[str]:
    result = hotline("callback", *words)
    assert result.exit_code in (1, 2), result.output
    return [line for line in result.output.splitlines() if line.strip()]


@pytest.mark.usefixtures("database")
def test_a_list_from_its_plan_to_its_end(numbers: str) -> None:
    assert hotline("callback", "dnc", "add", "13900000002").exit_code == 0
    made = plan("民调", "--kind", "list", "--file", numbers, "--lines", "3", "--hours", "09:30-11:30", "--days", "1-5")
    assert (made["to_ring"], made["do_not_call"], made["duplicates"]) == (1, 1, 1)
    assert made["rejected"] == [{"line": 4, "text": "139", "reason": "a service number or an extension"}]
    rules = made["campaign"]["rules"]
    assert (rules["max_lines"], rules["weekdays"]) == (3, [0, 1, 2, 3, 4])
    assert rules["windows"] == [{"start": "09:30:00", "end": "11:30:00"}]
    assert made["campaign"]["survey"] == "opinion"

    tried = hotline("callback", "start", "民调", "--dry-run").output
    assert "草稿" in tried
    assert "将拨打 1 人" in tried
    assert "最早" in tried
    assert answer("callback", "start", "民调")["campaign"]["state"] == "running"
    assert "进行中" in refused("start", "民调")[0]
    assert "已暂停" in hotline("callback", "pause", "民调").output
    assert "已暂停" in refused("start", "民调")[0]
    assert "进行中" in hotline("callback", "resume", str(made["campaign"]["id"])).output
    seen = answer("callback", "status")
    assert (seen["lines"], seen["cap"], seen["held_back"]) == (0, 10, None)
    assert seen["campaigns"][0]["people"]["waiting"] == 2
    shown = hotline("callback", "status", "民调").output
    assert "待拨 2" in shown
    assert "线路 0/3" in shown
    assert answer("callback", "done", "民调")["state"] == "done"
    assert answer("callback", "list") == []
    [listed] = answer("callback", "list", "--all")
    assert listed["people"]["dropped"] == 2
    assert "民意调查" in hotline("callback", "list", "--all").output


@pytest.mark.usefixtures("database")
def test_reviewed_tickets_are_planned_and_a_draft_can_be_thrown_away(database: Do) -> None:
    rulebook = load_rulebook("dalian-2015")

    async def work(connection: AsyncConnection) -> None:
        for index in range(3):
            request = NewRequest(category=Category.HELP, caller_e164=f"+861390000000{index}", caller="1")
            made = await book.create(connection, rulebook, request, AGENT, datetime.now(UTC))
            await connection.execute(
                text("UPDATE tickets SET state = 'reviewed', policy = 'dalian-2015' WHERE number = :number"),
                {"number": made.number},
            )

    database(work)
    assert plan("回访", "--kind", "tickets")["to_ring"] == 3
    assert plan("回访二", "--kind", "tickets")["to_ring"] == 0
    assert hotline("callback", "discard", "回访").exit_code == 0
    assert plan("回访", "--kind", "tickets")["to_ring"] == 3


@pytest.mark.usefixtures("database")
def test_every_fault_is_one_line_and_nothing_is_kept(numbers: str, tmp_path: Path) -> None:
    faults = refused(
        *("plan", "x", "--kind", "list", "--file", numbers, "--survey", "nothing", "--per-day", "9"),
        *("--hours", "07:00-09:00", "--lines", "0", "--other-channel", "S M S"),
    )
    for option in ("--survey", "--per-day", "--hours", "--lines", "--other-channel"):
        assert sum(option in line for line in faults) == 1, (option, faults)
    assert len(faults) == 5
    assert "--hours" in refused("plan", "x", "--kind", "missed", "--hours", "9-12")[0]
    assert "--days" in refused("plan", "x", "--kind", "missed", "--days", "5-1")[0]
    assert "2026-13-01" in refused("plan", "x", "--kind", "missed", "--starts", "2026-13-01")[-1]
    yesterday = str(TODAY - timedelta(days=1))
    assert "已过" in refused("plan", "x", "--kind", "missed", "--starts", yesterday, "--ends", yesterday)[0]
    assert "--ends" in refused("plan", "x", "--kind", "missed", "--ends", yesterday)[0]
    assert "一年" in refused("plan", "x", "--kind", "missed", "--starts", "2090-01-01")[0]
    assert "--file" in refused("plan", "x", "--kind", "list")[-1]
    assert "--file" in refused("plan", "x", "--kind", "missed", "--file", numbers)[-1]
    gone = str(tmp_path / "nothing.csv")
    assert "No such file" in refused("plan", "x", "--kind", "list", "--file", gone)[0]
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"PK\x03\x04")
    assert "not a spreadsheet" in refused("plan", "x", "--kind", "list", "--file", str(bad))[0]
    assert answer("callback", "list", "--all") == []
    plan("x", "--kind", "missed")
    assert "已有" in refused("plan", "x", "--kind", "missed")[0]
    assert "没有这个回访任务" in refused("start", "y")[0]
    assert "没有这个回访任务" in refused("status", "99")[0]


def campaign_with_answers(database: Do) -> None:
    made = plan("回访", "--kind", "missed")
    id = made["campaign"]["id"]
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> None:
        for index in range(20):
            target = await target_in(connection, id, str(index), due_at=now, state=TargetState.UNREACHED)
            if index == 0:
                await attempt_in(connection, id, target, Outcome.ANSWERED, now, satisfaction="satisfied")

    database(work)


def test_a_report_as_table_json_spreadsheet_and_picture(database: Do, tmp_path: Path) -> None:
    campaign_with_answers(database)
    sheet, chart = tmp_path / "report.xlsx", tmp_path / "report.svg"
    made = answer("callback", "report", "--campaign", "回访", "--xlsx", str(sheet), "--chart", str(chart))
    assert (made["total"]["asked"], made["total"]["satisfied_of_rated"]) == (20, 1.0)
    assert made["total"]["response_rate"] == made["total"]["satisfied_at_least"] == 0.05
    assert openpyxl.load_workbook(sheet).active["A1"].value == "回访"
    assert b"<svg" in chart.read_bytes()
    shown = hotline("callback", "report", "--by", "hour", "--from", str(TODAY), "--to", str(TODAY)).output
    assert "评价者中满意 100.0%，按全部应回访人计至少 5.0%" in shown
    assert "未作答不等于满意" in shown
    other = str(TODAY + timedelta(days=1))
    assert answer("callback", "report", "--from", other)["total"]["asked"] == 0
    assert "--to" in refused("report", "--from", other, "--to", str(TODAY))[-1]
    assert "report.xlsx" in refused("report", "--xlsx", str(tmp_path / "none" / "report.xlsx"))[0]


@pytest.mark.usefixtures("database")
def test_numbers_that_are_not_rung(numbers: str) -> None:
    assert answer("callback", "dnc", "import", numbers)["added"] == 2
    again = answer("callback", "dnc", "import", numbers)
    assert (again["added"], again["known"], len(again["rejected"])) == (0, 2, 1)
    assert [one["number"] for one in answer("callback", "dnc", "list")] == ["+8613900000001", "+8613900000002"]
    assert "已在" in hotline("callback", "dnc", "add", "13900000001").output
    assert hotline("callback", "dnc", "remove", "13900000001").exit_code == 0
    assert "不在" in refused("dnc", "remove", "13900000001")[0]
    assert "rung" in refused("dnc", "add", "110")[0]
    assert "+8613900000002" in hotline("callback", "dnc", "list").output


@pytest.mark.usefixtures("database")
def test_watching_goes_on_until_it_is_ended() -> None:
    plan("回访", "--kind", "missed")
    answer("callback", "start", "回访")
    command = [sys.executable, "-m", "hotline", "callback", "status", "--watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as watching:
        assert watching.stdout is not None
        for _ in range(2):
            assert select.select([watching.stdout], [], [], 30)[0], "no line"
            seen = json.loads(watching.stdout.readline())
            assert [one["campaign"]["name"] for one in seen["campaigns"]] == ["回访"]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0


@pytest.mark.usefixtures("database")
def test_a_terminal_shows_one_line_that_goes_on() -> None:
    plan("回访", "--kind", "missed")
    answer("callback", "start", "回访")
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "hotline", "callback", "status", "回访", "--watch"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as watching:
        os.close(theirs)
        shown = ""
        # Written anew in its place: the second time after the cursor went up.
        while shown.count("待拨 0") < 2:
            assert select.select([ours], [], [], 30)[0], shown
            shown += os.read(ours, 4096).decode(errors="replace")
        assert "外呼线路 0/10" in shown
        assert "\x1b[1A" in shown
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
    os.close(ours)
