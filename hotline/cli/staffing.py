"""``hotline staffing``: agents needed in each half hour, from the call history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import click
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._callback_plan import Day
from hotline.cli._callback_simulate import Number
from hotline.cli._database import CHINA, ask, console, print_json
from hotline.staffing import LEAST_GIVEN_UP, Goal, History, Plan, plans, public, read_history
from hotline.staffing_chart import lines, svg, xlsx

_FILE = click.Path(path_type=Path, dir_okay=False)
_DAYS = 28


@click.command()
@click.option("--from", "first", type=Day(), help=f"First day of history. [{_DAYS} days up to --to]")
@click.option("--to", "last", type=Day(), help="Last day of history. [yesterday]")
@click.option(
    "--target", type=Number(0.01, 0.9999), default=0.95, show_default=True, help="Share to be answered in time."
)
@click.option("--within", type=Number(0, 600), default=15.0, show_default=True, help="In time: seconds in the queue.")
@click.option(
    "--shrinkage",
    type=Number(0, 0.9),
    default=0.0,
    show_default=True,
    help="Share of their time on duty that agents are not there: breaks, training.",
)
@click.option("--handling", type=Number(1, 14_400), help="Seconds an agent needs for a call. [from the history]")
@click.option("--patience", type=Number(1, 14_400), help="Mean seconds until a caller gives up. [from the history]")
@click.option("--chart", type=_FILE, help="Write a picture (SVG).")
@click.option("--xlsx", "sheet", type=_FILE, help="Write a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def command(
    first: date | None,
    last: date | None,
    target: float,
    within: float,
    shrinkage: float,
    handling: float | None,
    patience: float | None,
    chart: Path | None,
    sheet: Path | None,
    as_json: bool,
) -> None:
    """Agents needed in each half hour 排班测算, by Erlang A from the call history.

    Calls that went to a queue, the time agents needed for them, and how long callers waited before they gave up, are
    read from the database. The wrap-up after a call is not in it: give --handling where it matters.
    """
    until = last or datetime.now(CHINA).date() - timedelta(days=1)
    since = first or until - timedelta(days=_DAYS - 1)
    if until < since:
        raise click.UsageError("--to is before --from")

    async def question(connection: AsyncConnection) -> History:
        return await read_history(connection, since, until)

    history, goal = ask(question), Goal(target, within, shrinkage)
    if handling is not None:
        history = replace(history, handling_s=handling)
    if patience is not None:
        history = replace(history, patience_s=patience)
    try:
        made = plans(history, goal)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if chart is not None:
        _save(chart, svg(made))
    if sheet is not None:
        _save(sheet, xlsx(made))
    if as_json:
        print_json(public(history, made, goal))
    else:
        _show(history, made, goal)


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _show(history: History, made: list[Plan], goal: Goal) -> None:
    out = console()
    days = list(history.arrivals)
    patience = (
        f"放弃 {history.given_up} 次，不足 {LEAST_GIVEN_UP} 次，按一直等待计（Erlang C，偏多）"
        if history.patience_s is None
        else f"平均耐心 {history.patience_s:.0f} 秒（放弃 {history.given_up} 次）"
    )
    out.print(
        f"{days[0]} 至 {days[-1]}，{len(days)} 天，{history.calls:,} 次排队来电；"
        f"平均处理 {history.handling_s or 0:.0f} 秒（{history.talks:,} 次通话）；{patience}"
    )
    out.print(f"目标：{goal.target:.1%} 的来电 {goal.within_s:g} 秒内接听；不在岗比例 {goal.shrinkage:.0%}")
    table = Table(title="每半小时在岗人数 agents on duty", caption="人时 agent hours, 一天合计")
    table.add_column("时段")
    for plan in made:
        table.add_column(f"{plan.name} ({plan.days} 天)", justify="right")
    for needs in zip(*(plan.needs for plan in made), strict=True):
        table.add_row(needs[0].begins, *(str(need.on_duty) for need in needs))
    table.add_section()
    table.add_row("人时", *(f"{plan.agent_hours:g}" for plan in made))
    if len(made) > 1:
        out.print(table)
    for line in lines(made):
        out.print(line, markup=False)
    if len(made) == 1:
        out.print(f"{made[0].name}: {made[0].agent_hours:g} 人时 agent hours a day", markup=False)
