"""``hotline calls missed list|take|close``: who reached nobody and is owed a call 漏接."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import ask, console, local, print_json
from hotline.rules import load_rules
from line import missed
from line.faults import LineFault
from line.missed import Missed, shown
from line.words import MissedEnd
from people.audit import AuditEntry, record
from people.masking import mask_text
from routing.number import normalise

UNLISTED_SINCE = timedelta(days=7)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
_ID = click.argument("id", type=click.IntRange(min=1))
_ENDS = {MissedEnd.REACHED: "已回拨", MissedEnd.GOT_THROUGH: "已自行接通", MissedEnd.CLOSED: "已了结"}


@click.group("missed")
def group() -> None:
    """漏接 People who reached nobody, one row each: rung back with `hotline agent dial EXT --missed ID`."""


@group.command("list")
@click.option("--last", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many, at most.")
@click.option("--all", "ended", is_flag=True, help="Also those who were reached, got through or were closed.")
@AS_JSON
def list_command(last: int, ended: bool, as_json: bool) -> None:
    """Who is owed a call, the longest waiting first."""
    since = datetime.now(UTC) - UNLISTED_SINCE

    async def question(connection: AsyncConnection) -> tuple[list[Missed], int]:
        rows = await missed.list_missed(connection, limit=last, ended=ended)
        return rows, await missed.unlisted(connection, since)

    rows, unlisted = ask(question)
    if as_json:
        print_json({"missed": [shown(one) for one in rows], "unlisted": unlisted})
        return
    console().print(_table(rows))
    if unlisted:
        click.echo(f"另有 {unlisted} 个漏接来电（近 {UNLISTED_SINCE.days} 天）号码隐藏或不能回拨，无法列出")


@group.command("take")
@_ID
@click.option("--agent", "extension", required=True, help="Whose extension rings then.")
@AS_JSON
def take_command(id: int, extension: str, as_json: bool) -> None:
    """领取: nobody else rings this person for ten minutes."""
    if extension not in load_rules().agents.agents:
        raise click.ClickException(f"没有座席 {extension} (routing/agents.yaml)")
    _act("take", id, {"agent": extension}, lambda c, now: missed.take(c, id, extension, now), as_json)


@group.command("close")
@_ID
@click.option("--reason", required=True, help="Why nobody needs to ring any more; into the audit log.")
@AS_JSON
def close_command(id: int, reason: str, as_json: bool) -> None:
    """了结 without a call: a wrong number, reached in another way."""
    if not reason.strip() or len(reason) > 200:
        raise click.ClickException("--reason: 1 to 200 characters")
    _act("close", id, {"reason": mask_text(reason)}, lambda c, now: missed.close(c, id, "cli", now), as_json)


def _act(
    what: str,
    id: int,
    detail: dict[str, Any],
    do: Callable[[AsyncConnection, datetime], Awaitable[Missed]],
    as_json: bool,
) -> None:
    async def work(connection: AsyncConnection) -> Missed:
        now = datetime.now(UTC)
        found = await do(connection, now)
        about = {"uid": os.getuid(), **detail}
        await record(connection, AuditEntry(now, "cli", f"missed.{what}", f"missed:{id}", about))
        return found

    try:
        found = ask(work)
    except LineFault as fault:
        raise click.ClickException(str(fault)) from fault
    if as_json:
        print_json(shown(found))
    else:
        console().print(_table([found]))


def _table(rows: list[Missed]) -> Table:
    table = Table(title="漏接清单" if rows else "漏接清单（无）")
    for name in ("编号", "号码", "次数", "最早", "最近", "工单", "状态"):
        table.add_column(name, overflow="fold")
    now = datetime.now(UTC)
    for one in rows:
        table.add_row(
            str(one.id),
            normalise(one.number).display,
            str(one.calls),
            local(one.first_at),
            local(one.last_at),
            one.ticket or "",
            escape(_state(one, now)),
        )
    return table


def _state(one: Missed, now: datetime) -> str:
    if one.ended:
        return f"{_ENDS[MissedEnd(one.ended)]} {one.ended_by}".strip()
    words = [f"{one.taken_by} 已领取"] if one.taken(now) else []
    words += ["排队回拨中"] if one.place else []
    return " ".join(words) or "待回拨"
