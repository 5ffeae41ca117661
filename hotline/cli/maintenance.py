"""``hotline maintenance``: nobody is connected but to 110 and the like; a message can be left."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._callback_ask import AS_JSON, WHO, note
from hotline.cli._database import local, print_json
from hotline.cli._line_shared import Moment, do
from line import switches
from line.switches import On
from line.words import Switch


@click.group("maintenance")
def command() -> None:
    """维护模式 Callers hear that the line is maintained; emergencies and messages go on."""


@command.command("on")
@click.option("--reason", required=True, help="Why, for people.")
@click.option("--until", type=Moment(), help="2h, 18:00, '2026-11-21 18:00' (China); else until it is switched off.")
@AS_JSON
def on(reason: str, until: datetime | None, as_json: bool) -> None:
    """开启 From the next call on."""
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> On:
        made = await switches.switch_on(connection, Switch.MAINTENANCE, reason.strip()[:200], until, WHO, now)
        await note(connection, "maintenance.on", "", reason=made.reason, until=until and until.isoformat())
        return made

    if not reason.strip():
        raise click.ClickException("--reason must say why")
    _show(do(work), as_json)


@command.command("off")
@AS_JSON
def off(as_json: bool) -> None:
    """关闭 From the next call on."""

    async def work(connection: AsyncConnection) -> bool:
        was = await switches.switch_off(connection, Switch.MAINTENANCE)
        await note(connection, "maintenance.off", "")
        return was

    was = do(work)
    if as_json:
        print_json({"on": False, "was_on": was})
    else:
        click.echo("维护模式已关闭" if was else "维护模式原本就是关闭的")


@command.command("status")
@AS_JSON
def status(as_json: bool) -> None:
    """查看 Whether it is on, why, since and until when."""
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> On | None:
        return await switches.find(connection, Switch.MAINTENANCE, now)

    _show(do(work), as_json)


def _show(found: On | None, as_json: bool) -> None:
    if as_json:
        print_json({"on": found is not None, **(asdict(found) if found is not None else {})})
    elif found is None:
        click.echo("维护模式：关闭")
    else:
        until = f"，至 {local(found.until)}" if found.until is not None else ""
        click.echo(f"维护模式：开启（{found.by}，{local(found.since)}{until}）：{found.reason}")
