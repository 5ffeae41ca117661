"""``hotline calls places``: who hung up in the queue and is rung back when it is his turn 排队回拨."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import ask, console, local, print_json
from line.places import list_places
from line.words import PlaceState, TryOutcome

_STATES = {
    PlaceState.WAITING: "等候回电",
    PlaceState.RINGING: "正在呼叫",
    PlaceState.SERVED: "已回电",
    PlaceState.GIVEN_UP: "未接，转漏接",
    PlaceState.WITHDRAWN: "已不需要",
}
_OUTCOMES = {
    TryOutcome.ANSWERED: "接听",
    TryOutcome.NO_ANSWER: "未接",
    TryOutcome.BUSY: "占线",
    TryOutcome.FAILED: "线路未通",
    TryOutcome.NOT_DIALLED: "未拨出",
    TryOutcome.UNKNOWN: "结果不明",
}


@click.command("places")
@click.option("--last", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many, at most.")
@click.option("--all", "ended", is_flag=True, help="Also those that are over, the last first.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def command(last: int, ended: bool, as_json: bool) -> None:
    """排队回拨 Places kept in line, in the order in which people joined."""

    async def question(connection: AsyncConnection) -> list[dict[str, Any]]:
        return await list_places(connection, limit=last, ended=ended)

    rows = ask(question)
    if as_json:
        print_json(rows)
        return
    table = Table(title="排队回拨" if rows else "排队回拨（无）")
    for name in ("入队时间", "号码", "队列", "状态", "呼叫", "结束", "工单", "来电编号"):
        table.add_column(name, no_wrap=name == "来电编号", overflow="fold")
    for row in rows:
        table.add_row(
            local(row["joined_at"]),
            row["number"],
            escape(row["queue"]),
            _STATES[row["state"]],
            "，".join(_rung(one) for one in row["rung"]),
            local(row["ended_at"]),
            row["ticket"] or "",
            row["call_id"],
        )
    console().print(table)


def _rung(one: Mapping[str, Any]) -> str:
    return f"{local(one['begun_at'])} {_OUTCOMES.get(one['outcome'], '…')}"
