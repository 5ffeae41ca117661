"""``hotline calls``: what happened to the calls, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import placed
from calls.events import CALL_ID
from calls.keeping_history import history
from calls.listing import list_calls, load_timeline, timeline_rows
from calls.surveyed import VIA
from hotline.cli._calls_missed import group
from hotline.cli._calls_places import command as places
from hotline.cli._database import Since, ask, console, local, print_json
from hotline.intake import CATEGORY_NAMES
from tickets.store import numbers_of
from web.call_told import EVENTS, SECRET, told
from web.keeping import own_tickets, sealed_for

_HANGUP = {"caller": "市民", "emergency": "应急中心", "system": "系统", "": "通话中"}


@click.group(invoke_without_command=True)
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, at most.")
@click.option("--missed", is_flag=True, help="Only those to be called back 待回拨.")
@click.option("--since", type=Since(), help="30m, 2h, 7d, 2026-11-21 or '2026-11-21 09:30' (Beijing time).")
@click.option("--id", "call_id", help="One call with its whole timeline.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_context
def command(
    context: click.Context, last: int, missed: bool, since: datetime | None, call_id: str | None, as_json: bool
) -> None:
    """Calls, newest first 来电记录. With a command: who is owed a call 漏接."""
    if context.invoked_subcommand is not None:
        return
    if call_id is not None and not CALL_ID.fullmatch(call_id):
        raise click.ClickException(f"{call_id!r} is not a call id")

    async def question(connection: AsyncConnection) -> list[dict[str, Any]]:
        rows = await list_calls(connection, limit=last, missed=missed, since=since, call_id=call_id)
        tickets = await numbers_of(connection, [row["id"] for row in rows])
        for row in rows:
            row["ticket"] = tickets.get(row["id"])
        if call_id is not None and rows and (whole := await load_timeline(connection, call_id)):
            timeline = timeline_rows(whole) + await history(connection, call_id)
            rows[0] |= {"said": whole.said, "topic": whole.topic, "timeline": timeline}
            if sealed_for(await own_tickets(connection, call_id)):
                rows[0] |= without_words(rows[0]["timeline"])
        return rows

    rows = ask(question)
    if call_id is not None and not rows:
        raise click.ClickException(f"no call {call_id}")
    if as_json:
        print_json([_public(row) for row in rows])
        return
    console().print(_table(rows))
    if call_id is not None:
        console().print(_timeline(rows[0].get("timeline", [])))


command.add_command(group)
command.add_command(places)


def without_words(timeline: list[dict[str, Any]]) -> dict[str, Any]:
    """What becomes of a row whose ticket is confidential: what was said is for who sees the ticket."""
    closed = [
        entry | {"detail": {name: SECRET if name == "text" else value for name, value in entry["detail"].items()}}
        for entry in timeline
    ]
    return {"said": SECRET, "confidential": True, "timeline": closed}


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    """The stable keys of ``--json``; empty texts are null."""
    names = (
        "id caller caller_e164 caller_kind dialled via arrived_at answered_at human_at ended_at time_to_human category"
        " keys queue agent emergency missed informed announced abandoned hangup_by notice fallback message_file"
        " recording ticket said topic confidential timeline"
    ).split()
    return {name: None if row[name] == "" else row[name] for name in names if name in row}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="来电记录" if rows else "来电记录（无）")
    for name in ("来电时间", "主叫", "类别", "队列", "座席", "等人工(秒)", "挂断", "工单", "录音", "标记", "编号"):
        table.add_column(name, no_wrap=name == "编号", overflow="fold")
    for row in rows:
        wait = row["time_to_human"]
        recording = row["recording"]
        table.add_row(
            local(row["arrived_at"]),
            escape(row["caller"]),
            CATEGORY_NAMES.get(row["category"], ""),
            escape(row["queue"]),
            escape(row["agent"]),
            "" if wait is None else f"{wait:.1f}",
            _hangup(row["hangup_by"]),
            row["ticket"] or "",
            _recording(recording),
            " ".join(_marks(row)),
            row["id"],
        )
    return table


def _hangup(by: str) -> str:
    return _HANGUP.get(by) or escape(by.replace("agent ", "座席 "))


def _recording(recording: Mapping[str, Any] | None) -> str:
    if recording is None:
        return "无"
    if recording["state"] == "done":
        return f"{recording['seconds']:.0f} 秒"
    return {"pending": "处理中", "missing": "缺失", "failed": "失败", "erased": "已删除"}[recording["state"]]


def _marks(row: Mapping[str, Any]) -> list[str]:
    marks = []
    if row["emergency"]:
        marks.append(f"[bold red]紧急{escape(row['emergency'])}[/]")
    if row["via"] == "emergency":
        marks.append("应急中心转来")
    if row["via"] == VIA:
        marks.append("回访")
    if row["via"] == placed.VIA:
        marks.append("排队回电")
    if row["missed"]:
        marks.append("[yellow]待回拨[/]")
    if row["informed"]:
        marks.append("已获公告")
    if row["fallback"]:
        marks.append("备用流程")
    if row["notice"] == "interrupted":
        marks.append("告知被打断")
    return marks


def _timeline(entries: list[dict[str, Any]]) -> Table:
    table = Table(title="经过")
    for name in ("时间", "秒", "事件", "内容"):
        table.add_column(name)
    for entry in entries:
        what = entry["event"]
        words = escape(told(what, entry["detail"]))
        table.add_row(local(entry["at"]), f"{entry['seconds']:.3f}", EVENTS.get(what, what), words)
    return table
