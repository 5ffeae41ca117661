"""``hotline barred``: the list of malicious callers 恶意来电名单, and what is proposed for it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._callback_ask import AS_JSON, WHO, note
from hotline.cli._database import console, local, print_json
from hotline.cli._line_shared import Moment, do
from hotline.settings import load_settings
from line import barred
from line.barred import Entry
from line.faults import LineFault
from people.masking import mask_phone
from routing.number import normalise

ID = click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
LAST = click.option("--last", "limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most.")


@click.group("barred")
def command() -> None:
    """恶意来电 Numbers that are told so and let go, until a day; 110 and the like stay open to them."""


@command.command("add")
@click.argument("caller", metavar="NUMBER")
@click.option("--reason", required=True, help="Why, for people.")
@click.option("--until", type=Moment(), required=True, help="30d, 2026-12-31 or '2026-12-31 18:00' (China).")
@AS_JSON
def add(caller: str, reason: str, until: datetime, as_json: bool) -> None:
    """列入 From the next call on."""
    e164 = normalise(caller, area_code=load_settings().callback.area_code).e164
    if e164 is None:
        raise click.ClickException(f"{caller!r} is not a telephone number that somebody calls from")
    if not reason.strip():
        raise click.ClickException("--reason must say why")

    async def work(connection: AsyncConnection) -> Entry:
        made = await barred.add(connection, e164, reason.strip()[:200], until, WHO, datetime.now(UTC))
        await note(connection, "barred.add", mask_phone(e164), entry=made.id, reason=made.reason)
        return made

    _done(do(work), "已列入", as_json)


@command.command("lift")
@click.argument("which", metavar="NUMBER|ID")
@AS_JSON
def lift(which: str, as_json: bool) -> None:
    """解除 Before its end."""
    e164 = normalise(which, area_code=load_settings().callback.area_code).e164

    async def work(connection: AsyncConnection) -> Entry:
        now = datetime.now(UTC)
        found = await barred.find_live(connection, e164, now) if e164 is not None else None
        if found is None and not (which.isascii() and which.isdecimal() and 0 < int(which) < 2**63):
            raise LineFault("unknown", f"名单中没有 {which}")
        ended = await barred.lift(connection, found.id if found is not None else int(which), WHO, now)
        await note(connection, "barred.lift", mask_phone(ended.number), entry=ended.id)
        return ended

    _done(do(work), "已解除", as_json)


@command.command("list")
@click.option("--all", "over", is_flag=True, help="Also what is over, lifted or was not decided for.")
@LAST
@AS_JSON
def list_command(over: bool, limit: int, as_json: bool) -> None:
    """列出 Newest first."""
    _list("恶意来电名单", limit, as_json, over=over)


@command.command("proposals")
@LAST
@AS_JSON
def proposals(limit: int, as_json: bool) -> None:
    """待定 What repeats itself and was found; `decide` says what becomes of it."""
    _list("建议列入名单", limit, as_json, proposed=True)


@command.command("decide")
@ID
@click.option("--bar", "what", flag_value="bar", help="Onto the list.")
@click.option("--dismiss", "what", flag_value="dismiss", help="Not onto the list.")
@click.option("--until", type=Moment(), help="As proposed, if left out.")
@click.option("--reason", default="", help="As proposed, if left out.")
@AS_JSON
def decide(number: int, what: str | None, until: datetime | None, reason: str, as_json: bool) -> None:
    """决定 About a proposal."""
    if what is None:
        raise click.UsageError("say --bar or --dismiss")
    bar = what == "bar"

    async def work(connection: AsyncConnection) -> Entry:
        now = datetime.now(UTC)
        decided = await barred.decide(
            connection, number, bar=bar, by=WHO, at=now, until=until, reason=reason.strip()[:200]
        )
        await note(connection, "barred.decide", mask_phone(decided.number), entry=number, bar=bar)
        return decided

    _done(do(work), "已列入" if bar else "不列入", as_json)


def _list(title: str, limit: int, as_json: bool, *, proposed: bool = False, over: bool = False) -> None:
    async def work(connection: AsyncConnection) -> list[Entry]:
        await note(connection, "barred.list", "", proposed=proposed)
        return await barred.page(connection, datetime.now(UTC), proposed=proposed, over=over, limit=limit)

    found = do(work)
    if as_json:
        print_json([public(one) for one in found])
        return
    table = Table(title=title if found else f"{title}（无）")
    for heading in ("编号", "号码", "原因", "由谁", "时间", "到期", "解除"):
        table.add_column(heading, overflow="fold")
    for one in found:
        lifted = f"{local(one.lifted_at)} {escape(one.lifted_by)}" if one.lifted_at is not None else ""
        who = [one.number, escape(one.reason), escape(one.by)]
        table.add_row(str(one.id), *who, local(one.at), local(one.until), lifted)
    console().print(table)


def _done(one: Entry, words: str, as_json: bool) -> None:
    if as_json:
        print_json(public(one))
    else:
        click.echo(f"{one.id} {one.number} {words}" + (f"，至 {local(one.until)}" if one.lifted_at is None else ""))


def public(one: Entry) -> dict[str, Any]:
    return asdict(one)
