"""``hotline recordings list``: what is recorded, of which class, until when it is kept, and by whom it is held."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.keeping import Recording, holds_of
from calls.retention import Retention, judge, load_retention
from datafile import DataFileError
from hotline.cli._database import console, local, print_json
from hotline.cli._recordings_shared import json_option, run, wanted, which
from hotline.recordings_keeping import facts_of
from hotline.settings import Settings

STATES = {
    "pending": "处理中",
    "done": "已存",
    "missing": "缺失",
    "failed": "失败",
    "none": "未录音",
    "erased": "已删除",
}


@click.command("list")
@which
@click.option("--state", type=click.Choice(list(STATES)), help="Only those.")
@click.option("--held", is_flag=True, help="Only those that are held 留存.")
@click.option("--last", "limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@json_option
def list_command(state: str | None, held: bool, limit: int, as_json: bool, **given: Any) -> None:
    """Recordings in the order of their calls' ids, with class and time 录音列表."""
    which_ones = wanted(**given)

    async def work(settings: Settings, engine: AsyncEngine) -> list[dict[str, Any]]:
        try:
            rules = load_retention(settings.recording.retention)
        except DataFileError as error:
            raise click.ClickException(str(error)) from error
        rows: list[dict[str, Any]] = []
        async for page in which_ones.pages(engine, limit, state=state or "", held=held):
            rows += await _rows(engine, rules, page)
        if which_ones.calls:
            async with engine.connect() as connection:
                for row in rows:
                    row["holds"] = [asdict(one) for one in await holds_of(connection, row["call"])]
        return rows

    rows = run(work)
    if as_json:
        print_json(rows)
    else:
        console().print(_table(rows))


async def _rows(engine: AsyncEngine, rules: Retention, page: list[Recording]) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    async with engine.connect() as connection:
        facts = await facts_of(connection, [one.call_id for one in page])
    return [_row(one, rules, judge(rules, facts[one.call_id], now).of, facts[one.call_id].arrived_at) for one in page]


def _row(one: Recording, rules: Retention, of: Any, arrived_at: datetime) -> dict[str, Any]:
    return {
        "call": one.call_id,
        "arrived_at": arrived_at,
        "state": one.state,
        "reason": one.reason or None,
        "seconds": one.seconds,
        "class": str(of),
        "class_name": rules.classes[of].name,
        "keep_until": None if one.state == "erased" else rules.classes[of].over_at(arrived_at),
        "held": one.held,
        "tickets": list(one.tickets),
        "files": [kept.as_json() for kept in one.kept],
        "erased_at": one.erased_at,
        "erased_by": one.erased_by or None,
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="录音" if rows else "录音（无）")
    for name in ("来电时间", "状态", "类别", "保存至", "留存", "秒", "文件", "工单", "编号", "说明"):
        table.add_column(name, no_wrap=name == "编号", overflow="fold")
    for row in rows:
        until = "" if row["state"] == "erased" else local(row["keep_until"]) or "永久"
        sealed = "（加密）" if any(one["key_id"] for one in row["files"]) else ""
        table.add_row(
            local(row["arrived_at"]),
            STATES[row["state"]],
            escape(row["class_name"]),
            until,
            "留存" if row["held"] else "",
            "" if row["seconds"] is None else f"{row['seconds']:.0f}",
            f"{len(row['files'])}{sealed}",
            " ".join(row["tickets"]),
            row["call"],
            escape(_said(row)),
        )
    return table


def _said(row: dict[str, Any]) -> str:
    if row["state"] == "erased":
        return f"{local(row['erased_at'])} {row['erased_by']} {row['reason']}"
    holds = [f"{one['by']}：{one['reason']}" for one in row.get("holds", ()) if one["lifted_at"] is None]
    return "；".join(holds) or (row["reason"] or "")
