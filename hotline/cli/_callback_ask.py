"""What the commands about callbacks share."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import store
from callback.campaign import Campaign
from callback.draft import Preview
from callback.faults import CallbackFault
from datafile import DataFileError
from hotline.cli._database import ask, local
from hotline.settings import load_settings
from people import audit
from people.audit import AuditEntry
from tickets.rulebook import Rulebook, load_rulebook

Answer = TypeVar("Answer")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
WHO = "cli"


def do(work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """In one transaction; what is refused is one line."""
    try:
        return ask(work)
    except CallbackFault as fault:
        raise click.ClickException(str(fault)) from fault


async def note(connection: AsyncConnection, action: str, about: str, /, **detail: Any) -> None:
    """Who did it at the command line, for the audit log."""
    entry = AuditEntry(datetime.now(UTC), WHO, action, about, {"uid": os.getuid(), **detail})
    await audit.record(connection, entry)


def rulebook() -> Rulebook:
    try:
        return load_rulebook(load_settings().policy)
    except (LookupError, DataFileError) as error:
        raise click.ClickException(str(error)) from error


async def find(connection: AsyncConnection, name: str) -> Campaign:
    """By its name, or else by its number. Raises CallbackFault."""
    try:
        return await store.find_campaign(connection, name)
    except CallbackFault:
        if name.isascii() and name.isdigit() and len(name) < 19:
            return await store.find_campaign(connection, int(name))
        raise


def public(campaign: Campaign) -> dict[str, Any]:
    row = campaign.model_dump(mode="json")
    row["rules"]["weekdays"].sort()
    return row


def public_preview(one: Preview) -> dict[str, Any]:
    return {
        "campaign": public(one.campaign),
        "to_ring": one.to_ring,
        "do_not_call": one.do_not_call,
        "not_dialable": one.not_dialable,
        "opens_at": one.opens_at,
    }


def show_preview(one: Preview) -> None:
    rules = one.campaign.rules
    windows = "、".join(f"{window.start:%H:%M}–{window.end:%H:%M}" for window in rules.windows)
    click.echo(
        f"将拨打 {one.to_ring} 人；在免打扰名单中 {one.do_not_call} 人，号码无法拨打 {one.not_dialable} 人，均不拨打"
    )
    click.echo(
        f"同时最多 {rules.max_lines} 路，{windows}；同一号码每天最多 {rules.per_day} 次、每周 {rules.per_week} 次，"
        f"每人最多 {rules.retry.attempts} 次"
    )
    opens = "不会拨打：日期已过" if one.opens_at is None else f"最早 {local(one.opens_at)} 拨出第一个电话"
    click.echo(opens)
