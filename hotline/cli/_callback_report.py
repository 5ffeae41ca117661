"""``hotline callback report``: what the campaigns brought, as a table, XLSX, picture or JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.report import By, Figures, Report, Selection, make
from callback.report_chart import svg
from callback.report_sheet import xlsx
from callback.report_words import NOTE, cells, headings, shown, summary
from hotline.cli._callback_ask import AS_JSON, do, find
from hotline.cli._callback_plan import Day
from hotline.cli._database import console, print_json
from people.units import list_units


@click.command("report")
@click.option("--campaign", help="Of this one; without it of all.")
@click.option("--from", "first", type=Day(), help="People who were due on this day or later.")
@click.option("--to", "last", type=Day(), help="Or on this day at the latest.")
@click.option("--by", type=click.Choice([by.value for by in By]), default="unit", show_default=True, help="A row each.")
@click.option("--xlsx", "sheet", type=click.Path(path_type=Path, dir_okay=False), help="Write a spreadsheet.")
@click.option("--chart", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture (SVG).")
@AS_JSON
def report(
    campaign: str | None,
    first: date | None,
    last: date | None,
    by: str,
    sheet: Path | None,
    chart: Path | None,
    as_json: bool,
) -> None:
    """统计 Asked, reached, rated, satisfied, solved; satisfaction never without the rate of who answered."""
    if first is not None and last is not None and last < first:
        raise click.UsageError("--to is before --from")

    async def work(connection: AsyncConnection) -> tuple[str, Report]:
        found = None if campaign is None else await find(connection, campaign)
        selection = Selection(None if found is None else found.id, first, last)
        names = {unit.id: unit.name for unit in await list_units(connection)}
        return found.name if found else "全部回访任务", await make(connection, selection, By(by), names)

    title, made = do(work)
    if sheet is not None:
        _write(sheet, xlsx(made, title))
    if chart is not None:
        _write(chart, svg(made))
    if as_json:
        print_json(public(made))
        return
    console().print(_table(title, made))
    click.echo(summary(made.total))
    click.echo(NOTE)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def public(made: Report) -> dict[str, Any]:
    rows = [{"key": row.key, "name": row.name, **public_figures(row.figures)} for row in made.rows]
    return {"by": made.by, "total": public_figures(made.total), "rows": rows, "answers": made.answers}


def public_figures(one: Figures) -> dict[str, Any]:
    return {**asdict(one), **one.rates}


def _table(title: str, made: Report) -> Table:
    table = Table(title=escape(title))
    for column, name in enumerate(headings(made)):
        table.add_column(name, justify="left" if column == 0 else "right", overflow="fold")
    lines = cells(made)
    for number, line in enumerate(lines, 1):
        table.add_row(*(escape(shown(cell)) for cell in line), end_section=number == len(lines) - 1)
    return table
