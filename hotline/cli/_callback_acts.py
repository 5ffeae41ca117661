"""``hotline callback start|pause|resume|done|discard``."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import draft, manage
from callback.campaign import Campaign
from callback.draft import Preview
from callback.manage import Act
from callback.words import chinese
from hotline.cli._callback_ask import AS_JSON, do, find, note, public, public_preview, rulebook, show_preview
from hotline.cli._database import print_json

NAME = click.argument("name")


@click.command("start")
@NAME
@click.option("--dry-run", is_flag=True, help="Only tell what would happen.")
@AS_JSON
def start(name: str, dry_run: bool, as_json: bool) -> None:
    """开始 Begin a draft: from now on, within its hours, people are rung."""
    book = rulebook()

    async def work(connection: AsyncConnection) -> Preview:
        now = datetime.now(UTC)
        found = await find(connection, name)
        if not dry_run:
            found = await _act(connection, found, Act.START, now)
        return await draft.preview(connection, book, found, now)

    one = do(work)
    if as_json:
        print_json(public_preview(one))
        return
    click.echo(f"{one.campaign.name}：{chinese(one.campaign.state)}")
    show_preview(one)


async def _act(connection: AsyncConnection, campaign: Campaign, act: Act, now: datetime) -> Campaign:
    changed = await manage.act(connection, campaign.id, act, now)
    await note(connection, f"callback.{act}", f"campaign:{campaign.id}", name=campaign.name)
    return changed


def _change(act: Act, name: str, as_json: bool) -> None:
    async def work(connection: AsyncConnection) -> Campaign:
        return await _act(connection, await find(connection, name), act, datetime.now(UTC))

    _show(do(work), as_json)


def _show(campaign: Campaign, as_json: bool) -> None:
    if as_json:
        print_json(public(campaign))
    else:
        click.echo(f"{campaign.name}：{chinese(campaign.state)}")


def _command(act: Act, words: str) -> click.Command:
    return click.command(act.value, help=words)(NAME(AS_JSON(partial(_change, act))))


pause = _command(Act.PAUSE, "暂停 Hold it: no new call; calls under way go on.")
resume = _command(Act.RESUME, "继续 Go on with one that was held.")
done = _command(Act.DONE, "结束 End it for good: who still waits is not rung.")


@click.command("discard")
@NAME
def discard(name: str) -> None:
    """删除 Delete a draft and its list."""

    async def work(connection: AsyncConnection) -> None:
        found = await find(connection, name)
        await manage.discard(connection, found.id)
        await note(connection, "callback.discard", f"campaign:{found.id}", name=found.name)

    do(work)
    click.echo(f"{name}：已删除")


acts = (start, pause, resume, done, discard)
