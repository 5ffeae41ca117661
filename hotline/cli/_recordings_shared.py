"""What the commands about recordings share."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.events import CALL_ID
from calls.keeping import MAX_REASON, KeepingFault, Recording, list_recordings
from hotline.cli._database import Since
from hotline.db import open_engine
from hotline.settings import Settings, load_settings

Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., Any])
PAGE = 500


def run(work: Callable[[Settings, AsyncEngine], Awaitable[Answer]]) -> Answer:
    """With the instance's database; several transactions."""

    async def inside() -> Answer:
        settings = load_settings()
        async with open_engine(settings, pool_size=1) as engine:
            return await work(settings, engine)

    try:
        return asyncio.run(inside())
    except KeepingFault as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, InterfaceError) as error:
        raise click.ClickException("the database does not answer: is `hotline run` running?") from error
    except DBAPIError as error:
        raise click.ClickException(f"database: {' '.join(str(error.orig).split())[:300]}") from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recordings. ``calls`` empty: all."""

    calls: tuple[str, ...] = ()
    ticket: str = ""
    since: datetime | None = None
    until: datetime | None = None

    async def pages(self, engine: AsyncEngine, limit: int, **more: Any) -> AsyncIterator[list[Recording]]:
        """At most ``limit`` of them."""
        after = ""
        while limit > 0:
            async with engine.connect() as connection:
                page = await list_recordings(
                    connection,
                    limit=min(PAGE, limit),
                    calls=self.calls,
                    ticket=self.ticket,
                    since=self.since,
                    until=self.until,
                    after=after,
                    **more,
                )
            if not page:
                return
            yield page
            after, limit = page[-1].call_id, limit - len(page)


def which(command: Command) -> Command:
    """The options that say which recordings; give the command's parameters to :func:`wanted`."""
    for option in (
        click.option("--until", "--to", "until", type=Since(), help="Calls that arrived before then."),
        click.option("--since", "--from", "since", type=Since(), help="30m, 7d, 2026-11-21 or '2026-11-21 09:30'."),
        click.option("--ticket", default="", help="Calls of one ticket 工单."),
        click.option("--call", "calls", multiple=True, help="The call's id (`hotline calls`); more than once: more."),
    ):
        command = option(command)
    return command


def wanted(calls: tuple[str, ...], ticket: str, since: datetime | None, until: datetime | None) -> Wanted:
    for call_id in calls:
        check_call(call_id)
    return Wanted(calls, ticket, since, until)


def check_call(call_id: str) -> None:
    if not CALL_ID.fullmatch(call_id):
        raise click.ClickException(f"{call_id!r} is not a call id")


def login() -> str:
    """Who is at the command line, if the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _reason(context: click.Context, parameter: click.Parameter, value: str) -> str:
    text = value.replace("\0", "").strip()
    if not 2 <= len(text) <= MAX_REASON:
        raise click.BadParameter(f"2 to {MAX_REASON} letters 请写明理由")
    return text


reason_option = click.option("--reason", required=True, callback=_reason, help="Why 理由; into the audit log.")
by_option = click.option("--by", default=login, help="Who decided it 决定人; default: who is logged in here.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON.")
