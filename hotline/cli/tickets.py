"""``hotline tickets``: the tickets 工单, newest first."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import ask, console, local, print_json
from hotline.intake import CATEGORY_NAMES
from tickets.number import NUMBER
from tickets.store import list_tickets

_STATES = {"received": "已登记"}
_KEYS = "number category urgent state channel caller caller_e164 received_at call_id keyed summary".split()


@click.command()
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, at most.")
@click.option("--number", help="One ticket, e.g. 20261121-000123.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def command(last: int, number: str | None, as_json: bool) -> None:
    """Tickets, newest first 工单."""
    if number is not None and not NUMBER.fullmatch(number):
        raise click.ClickException(f"{number!r} is not a ticket number such as 20261121-000123")

    async def question(connection: AsyncConnection) -> list[dict[str, Any]]:
        return await list_tickets(connection, number=number, limit=last)

    rows = ask(question)
    if number is not None and not rows:
        raise click.ClickException(f"no ticket {number}")
    if as_json:
        print_json([{name: None if row[name] == "" else row[name] for name in _KEYS} for row in rows])
    else:
        console().print(_table(rows))


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="工单" if rows else "工单（无）")
    for name in ("工单号", "受理时间", "类别", "突发", "状态", "诉求人", "摘要", "来电编号"):
        table.add_column(name, no_wrap=name == "工单号", overflow="fold")
    for row in rows:
        table.add_row(
            row["number"],
            local(row["received_at"]),
            CATEGORY_NAMES.get(row["category"], row["category"]),
            "[bold red]是[/]" if row["urgent"] else "",
            _STATES.get(row["state"], row["state"]),
            escape(row["caller"]),
            escape(row["summary"]),
            row["call_id"] or "",
        )
    return table
