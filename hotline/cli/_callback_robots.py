"""``hotline callback robots``: robot citizens for trying a campaign on one machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from hotline.cli._database import local
from hotline.cli.call import BadArgument, stop_on_signals
from hotline.robot_network import LOOK_SECONDS, RobotError, RobotNetwork
from hotline.robots import ANSWERED, NOT_ANSWERED, RobotCall, Rule, parse_rule
from hotline.settings import Settings, load_settings


@click.command("robots")
@click.option(
    "--numbers",
    "rules",
    multiple=True,
    metavar="NUMBER=WAY[;WAY…]",
    help="Repeatable. NUMBER may have ? and *; the nth call takes the nth WAY, e.g. '1390000*=busy;r2,q,1,q,2'. "
    f"WAY: {', '.join((*NOT_ANSWERED, *ANSWERED))}, or steps: rN rings N s, wN waits, q hears a prompt to its end, "
    "digits are keyed, say=FILE, h hangs up.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finished call on standard output.")
def robots(rules: tuple[str, ...], as_json: bool) -> None:
    """机器人市民 Play the citizens that outbound calls reach while no trunk is set, until Ctrl-C.

    Numbers without a rule behave by their last two digits, as people do: about half answer, most of them rate.
    """
    settings = load_settings()
    try:
        parsed = [parse_rule(rule) for rule in rules]
    except ValueError as error:
        raise BadArgument(f"--numbers: {error}") from error
    if settings.sip.trunk.host:
        raise click.ClickException("sip.trunk.host 已设置 a trunk is set: calls go there, robots would hear nothing")
    try:
        asyncio.run(_play(settings, parsed, as_json))
    except RobotError as error:
        raise click.ClickException(str(error)) from error


async def _play(settings: Settings, rules: list[Rule], as_json: bool) -> None:
    stop = stop_on_signals()
    address = settings.callback.test_network
    async with RobotNetwork(settings.home / "robots", address, rules) as network:
        click.echo(f"机器人已就绪 robots at {address}; their log: {network.log}", err=True)
        ending = [asyncio.create_task(stop.wait()), asyncio.create_task(network.ended())]
        while not any(task.done() for task in ending):
            await asyncio.wait(ending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for call in network.news():
                click.echo(json.dumps(asdict(call), ensure_ascii=False) if as_json else _line(call))
        for task in ending:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if not stop.is_set():
            raise RobotError(f"the robots' Asterisk ended by itself: see {network.folder / 'log'}")


def _line(call: RobotCall) -> str:
    came = local(datetime.fromtimestamp(call.rung_at, UTC)).partition(" ")[2]
    said = f"{came}  {call.number:<12}  第{call.nth}次  {call.way}: "
    if call.answered_at is None:
        return said + "未接听 not answered"
    seconds = (call.ended_at or call.answered_at) - call.answered_at
    who = "机器人 robot" if call.left else "热线 hotline"
    return said + f"接听 answered, {seconds:.1f} s, 按键 keys {call.keys or '–'}, 挂断 hung up by {who}"
