"""``hotline alerts``: what somebody must look at, and ``hotline alerts ack ID``."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import acknowledge, list_alerts
from hotline.cli._database import ask, console, local, print_json


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Acknowledged and closed ones too.")
@click.option("--last", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, at most.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_context
def command(context: click.Context, everything: bool, last: int, as_json: bool) -> None:
    """Open alerts, newest first 告警."""
    if context.invoked_subcommand is not None:
        return

    async def question(connection: AsyncConnection) -> list[dict[str, Any]]:
        return await list_alerts(connection, include_closed=everything, limit=last)

    rows = ask(question)
    if as_json:
        print_json(rows)
        return
    table = Table(title="告警" if rows else "告警（无）")
    for name in ("编号", "时间", "类型", "内容", "来电编号", "状态"):
        table.add_column(name, overflow="fold")
    for row in rows:
        state = "已解除" if row["closed_at"] else "已确认" if row["acknowledged_at"] else "[bold red]未确认[/]"
        table.add_row(str(row["id"]), local(row["raised_at"]), row["kind"], escape(row["text"]), row["call_id"], state)
    console().print(table)


@command.command()
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def ack(number: int, as_json: bool) -> None:
    """Say that alert ID has been seen to 确认."""

    async def question(connection: AsyncConnection) -> bool:
        return await acknowledge(connection, number)

    if not ask(question):
        raise click.ClickException(f"no alert {number} waits for it")
    if as_json:
        print_json({"id": number, "acknowledged": True})
    else:
        click.echo(f"alert {number} acknowledged 已确认")
