"""``hotline calls``, ``tickets`` and ``alerts`` on what a real Asterisk wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hotline.db import create_hotline_engine
from hotline.reader import Reader
from hotline.recordings_job import defer_sweep
from hotline.secrets import load_or_create
from hotline.settings import Settings
from tests.unit.command_line import answer, hotline

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"


@pytest.fixture
def instance(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))

    async def read() -> None:
        engine = create_hotline_engine(database_url)
        reader = Reader(engine, STREAMS / "cel.csv", STREAMS / "queue_log", on_ended=defer_sweep)
        await reader.step()
        reader.forget()
        await engine.dispose()

    asyncio.run(read())


@pytest.mark.usefixtures("instance")
def test_calls() -> None:
    calls = answer("calls")
    assert len(calls) == 16
    assert set(calls[0]) == set(
        "id caller caller_e164 caller_kind dialled via arrived_at answered_at human_at ended_at time_to_human category"
        " keys queue agent emergency missed abandoned hangup_by notice fallback message_file recording ticket"
        " announced informed".split()
    )
    first = calls[-1]
    assert first["arrived_at"] == "2026-11-22T05:21:03.203665+08:00"
    assert (first["agent"], first["emergency"], first["ticket"]) == ("1001", None, "20261122-000001")
    assert first["recording"]["state"] == "pending"
    assert [call["id"] for call in answer("calls", "--missed", "--last", "1")] == ["hotline-1795296110.17"]
    assert len(answer("calls", "--since", "2026-11-22 05:22:59")) == 2
    assert answer("calls", "--since", "2030-01-01") == []


@pytest.mark.usefixtures("instance")
def test_one_call() -> None:
    (call,) = answer("calls", "--id", "hotline-1795296150.30")
    assert [entry["event"] for entry in call["timeline"]][-1] == "hung_up"
    shown = hotline("calls", "--id", "hotline-1795296150.30")
    assert "加入应急中心" in shown.output
    assert "紧急110" in shown.output
    for wrong in ("hotline-1795296150.999", "../etc"):
        result = hotline("calls", "--id", wrong)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)


@pytest.mark.usefixtures("instance")
def test_tickets() -> None:
    assert len(answer("tickets")) == 14
    (ticket,) = answer("tickets", "--number", "20261122-000005")
    assert (ticket["summary"], ticket["call_id"]) == ("来电按键1 咨询 排队中挂断，待回拨", "hotline-1795296090.10")
    assert "20261122-000005" in hotline("tickets").output
    assert hotline("tickets", "--number", "20261122-999999").exit_code == 1
    assert hotline("tickets", "show", "20261122-999999").exit_code == 1
    shown = answer("tickets", "show", "20261122-000005")
    assert (shown["state"], shown["limits"], shown["history"][0]["kind"]) == ("received", {}, "received")
    assert "办理过程" in hotline("tickets", "show", "20261122-000005").output
    assert len(answer("tickets", "--state", "received", "--last", "5")) == 5
    assert answer("tickets", "--unit", "housing", "--overdue", "--text", "噪音") == []
    assert hotline("tickets", "--text", "噪").exit_code == 1
    assert hotline("tickets", "--number", "x' OR 1=1").exit_code == 1


@pytest.mark.usefixtures("instance")
def test_alerts() -> None:
    assert len(answer("alerts")) == 7
    assert answer("alerts", "ack", "1") == {"id": 1, "acknowledged": True}
    assert hotline("alerts", "ack", "1").exit_code == 1
    assert [alert["id"] for alert in answer("alerts")] == [7, 6, 5, 4, 3, 2]
    assert len(answer("alerts", "--all")) == 7
    assert "已确认" in hotline("alerts", "--all").output


def test_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    for words in (("calls",), ("tickets",), ("alerts",)):
        result = hotline(*words)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
        assert "does not answer" in result.output
