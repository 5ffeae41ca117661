"""``hotline simulate``: robot citizens and robot agents against the running hotline, for trying settings 压力试验."""

from __future__ import annotations

import asyncio
import math
import random
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.table import Table
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from hotline.cli._callback_simulate import Number
from hotline.cli._database import console, print_json
from hotline.cli.call import sip_host, stop_on_signals
from hotline.robot_network import RobotError
from hotline.settings import Settings, load_settings
from hotline.simulate.ends import NAMES, End
from hotline.simulate.figures import IN_TIME, Minute, Report
from hotline.simulate.plan import LEAVES, Load
from hotline.simulate.run import Progress, simulate
from hotline.simulate.shown import public
from routing.ami import AmiError

QUIET_SECONDS = 10.0
"""Between two lines of progress where the output is no terminal."""
_BAR = 40


@click.command("simulate")
@click.option("--calls-per-second", type=Number(0.01, 50), required=True, help="On average, as people call 每秒来电.")
@click.option(
    "--minutes", type=Number(0.1, 120), required=True, help="For so long; then those on the line are waited for."
)
@click.option("--agents", type=click.IntRange(0, 500), default=5, show_default=True, help="Robot agents 机器人座席.")
@click.option("--talk", type=Number(2, 1800), default=60.0, show_default=True, help="Mean seconds an agent talks.")
@click.option(
    "--impatient", type=Number(0, 1), default=0.3, show_default=True, help="Share of callers who do not wait long."
)
@click.option("--patience", type=Number(1, 1800), default=30.0, show_default=True, help="Mean seconds that those wait.")
@click.option(
    "--endurance", type=Number(1, 3600), default=300.0, show_default=True, help="Seconds that the others wait."
)
@click.option(
    "--then",
    "leaves",
    multiple=True,
    type=click.Choice(LEAVES),
    help="What the impatient do then: hang up, 2 (be called back in line), 3 (leave a message). Repeatable. [all]",
)
@click.option("--hidden", type=Number(0, 1), default=0.02, show_default=True, help="Share of callers without a number.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same callers again. [any]")
@click.option("--beside-agents", is_flag=True, help="Also while real agents are logged in: robots will ring them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; progress goes to stderr.")
def command(
    calls_per_second: float,
    minutes: float,
    leaves: tuple[str, ...],
    seed: int | None,
    beside_agents: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """压力试验 Robots call this running hotline and answer as its agents; what became of every call is told at the end.

    The calls are real ones: they are recorded, written down, and make tickets. Not on a hotline with a trunk.
    Exit code 1 when somebody is lost, a position was wrong, or robots and database disagree.
    """
    settings = load_settings()
    load = Load(
        calls_per_second=calls_per_second,
        seconds=minutes * 60,
        leaves=leaves or LEAVES,
        seed=random.randrange(2**31) if seed is None else seed,
        **rest,
    )
    try:
        made = asyncio.run(_run(settings, load, beside_agents))
    except (RobotError, ValueError, AmiError) as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, InterfaceError) as error:
        raise click.ClickException("the database does not answer: is `hotline run` running?") from error
    except DBAPIError as error:
        raise click.ClickException(f"database: {' '.join(str(error.orig).split())[:300]}") from error
    if as_json:
        print_json(public(made, load))
    else:
        _show(made, load)
    if not made.sound:
        sys.exit(1)


async def _run(settings: Settings, load: Load, beside: bool) -> Report:
    return await simulate(settings, load, sip_host(settings), beside, stop_on_signals(), _teller(load))


def _teller(load: Load) -> Callable[[Progress], None]:
    """A line that is written over on a terminal, else one now and then."""
    terminal = sys.stderr.isatty()
    told = -math.inf

    def tell(now: Progress) -> None:
        nonlocal told
        if not terminal and now.seconds - told < QUIET_SECONDS:
            return
        told = now.seconds
        counted = now.counted
        line = (
            f"{now.seconds:5.0f} s  来电 {counted.calls}/{now.planned}  在线 {counted.under_way}  排队 {now.waiting}"
            f"  座席接听 {counted.taken}"
        )
        click.echo(f"\r\x1b[K{line}" if terminal else line, err=True, nl=not terminal)

    return tell


def _show(made: Report, load: Load) -> None:
    if sys.stderr.isatty():
        click.echo(err=True)
    share = f"，{made.in_time / made.calls:.0%}" if made.calls else ""
    ends = "  ".join(f"{NAMES[End(name)]} {count}" for name, count in made.ends.items() if count)
    waits = made.waits
    click.echo(f"来电 {made.calls}：{ends}")
    click.echo(f"{IN_TIME:.0f} 秒内接听 {made.in_time}{share}；排队中挂断 {made.abandoned}")
    click.echo(f"等候（秒） 中位 {_seconds(waits.p50)}  95% {_seconds(waits.p95)}  最长 {_seconds(waits.longest)}")
    click.echo(
        f"播报位次 {made.positions} 次：准确 {made.positions_exact}，相差超过一位 {made.positions_wrong}"
        if made.positions
        else "没有播报位次"
    )
    robots = made.robots
    click.echo(
        f"机器人：拨出 {robots.calls}，接通 {robots.answered}，座席接听 {robots.taken}，"
        f"被回拨 {robots.rung}（接听 {robots.picked_up}）"
    )
    console().print(_table(made.minutes))
    for line in made.disagreements:
        click.echo(f"不一致：{line}")
    click.echo(f"再来一次：--seed {load.seed}")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _table(minutes: tuple[Minute, ...]) -> Table:
    table = Table(title="每分钟")
    table.add_column("分钟", justify="right")
    table.add_column("来电", justify="right")
    ends = [end for end in End if any(end.value in one.ends for one in minutes)]
    for end in ends:
        table.add_column(NAMES[end], justify="right")
    table.add_column("最长等候", justify="right")
    table.add_column("")
    most = max((one.calls for one in minutes), default=1)
    for one in minutes:
        counts = [str(one.ends.get(end.value, 0)) for end in ends]
        bar = "█" * max(1, round(one.calls / most * _BAR))
        table.add_row(str(one.minute), str(one.calls), *counts, _seconds(one.longest_wait), bar)
    return table
