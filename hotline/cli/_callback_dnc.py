"""``hotline callback dnc``: numbers that are not to be rung 免打扰名单."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import dnc as numbers
from callback.dnc import Entry
from hotline.cli._callback_ask import AS_JSON, WHO, do, note
from hotline.cli._callback_plan import public_numbers, read_numbers, show_numbers
from hotline.cli._database import console, local, print_json
from hotline.settings import load_settings
from people.masking import mask_phone
from routing.number import normalise

REASON = click.option("--reason", default="本人要求", show_default=True, help="Why, for people.")


@click.group("dnc")
def dnc() -> None:
    """免打扰名单 Numbers that no campaign rings."""


def _e164(number: str) -> str:
    found = normalise(number, area_code=load_settings().callback.area_code).e164
    if found is None:
        raise click.ClickException(f"{number!r} is not a telephone number that could be rung")
    return found


@dnc.command()
@click.argument("number")
@REASON
def add(number: str, reason: str) -> None:
    """加入 Do not ring this number, in any campaign."""
    e164 = _e164(number)

    async def work(connection: AsyncConnection) -> bool:
        new = await numbers.add(connection, e164, reason, WHO, datetime.now(UTC))
        await note(connection, "do_not_call.add", mask_phone(e164), reason=reason)
        return new

    click.echo(f"{e164} 已加入免打扰名单" if do(work) else f"{e164} 已在免打扰名单中")


@dnc.command()
@click.argument("number")
def remove(number: str) -> None:
    """移出 It may be rung again, by what is planned from now on."""
    e164 = _e164(number)

    async def work(connection: AsyncConnection) -> bool:
        was = await numbers.remove(connection, e164)
        await note(connection, "do_not_call.remove", mask_phone(e164))
        return was

    if not do(work):
        raise click.ClickException(f"{e164} 不在免打扰名单中")
    click.echo(f"{e164} 已移出免打扰名单")


@dnc.command("list")
@click.option("--after", default="", help="Numbers after this one.")
@click.option("--last", "limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most.")
@AS_JSON
def list_command(after: str, limit: int, as_json: bool) -> None:
    """列出 In the order of the numbers."""

    async def work(connection: AsyncConnection) -> list[Entry]:
        await note(connection, "do_not_call.list", "")
        return await numbers.page(connection, after, limit)

    found = do(work)
    if as_json:
        print_json([{"number": one.number, "reason": one.reason, "by": one.by, "at": one.at} for one in found])
        return
    table = Table(title="免打扰名单" if found else "免打扰名单（无）")
    for heading in ("号码", "原因", "由谁加入", "时间"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(one.number, escape(one.reason), escape(one.by), local(one.at))
    console().print(table)


@dnc.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@REASON
@AS_JSON
def import_command(path: Path, reason: str, as_json: bool) -> None:
    """导入 All numbers of a CSV or XLSX file."""
    found = read_numbers(path)

    async def work(connection: AsyncConnection) -> int:
        now = datetime.now(UTC)
        new = [await numbers.add(connection, number, reason, WHO, now) for _, number in found.numbers]
        await note(connection, "do_not_call.import", "", new=sum(new), reason=reason)
        return sum(new)

    new = do(work)
    if as_json:
        print_json({"added": new, "known": len(found.numbers) - new, **public_numbers(found)})
        return
    show_numbers(found)
    click.echo(f"已加入 {new} 个号码，{len(found.numbers) - new} 个原已在名单中")
