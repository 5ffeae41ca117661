"""``hotline agent login|logout|pause|resume|dial EXT`` and ``hotline agent list``."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from datetime import UTC, datetime

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.faults import CallbackFault
from callback.outgoing import NewOutgoing, prepare
from datafile import DataFileError
from hotline.agent_state import UnknownAgent, login, logout, pause, resume, states
from hotline.ami import open_ami
from hotline.cli._database import ask
from hotline.outgoing import ring
from hotline.rulebook import open_rulebook
from hotline.rules import load_rules
from hotline.settings import load_settings
from people.audit import AuditEntry, record
from people.masking import mask_phone
from routing.ami import AmiError
from routing.number import dialable
from tickets.book import NoBox, NotFound
from tickets.number import NUMBER
from tickets.permits import ANSWER, CONFIDENTIAL, READ_ALL, Actor

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
_OPERATOR = Actor("operator", frozenset({READ_ALL, CONFIDENTIAL, ANSWER}))


@click.group("agent")
def command() -> None:
    """座席 Agents: who is logged in, who takes calls."""


def _do(work: Coroutine[None, None, None], extension: str, what: str, as_json: bool) -> None:
    try:
        asyncio.run(work)
    except (UnknownAgent, ValueError, AmiError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps({"agent": extension, "state": what}) if as_json else f"{extension} {what}")


@command.command("login")
@click.argument("extension")
@AS_JSON
def login_command(extension: str, as_json: bool) -> None:
    """签入: take calls of the agent's queues."""
    _do(login(load_settings(), extension), extension, "logged_in", as_json)


@command.command("logout")
@click.argument("extension")
@AS_JSON
def logout_command(extension: str, as_json: bool) -> None:
    """签出: leave all queues; a call in progress goes on."""
    _do(logout(load_settings(), extension), extension, "logged_out", as_json)


@command.command("pause")
@click.argument("extension")
@click.option("--reason", default="小休", show_default=True, help="One of pause_reasons in routing/agents.yaml.")
@AS_JSON
def pause_command(extension: str, reason: str, as_json: bool) -> None:
    """示忙: stay logged in, take no calls."""
    _do(pause(load_settings(), extension, reason), extension, "paused", as_json)


@command.command("resume")
@click.argument("extension")
@AS_JSON
def resume_command(extension: str, as_json: bool) -> None:
    """示闲: take calls again."""
    _do(resume(load_settings(), extension), extension, "ready", as_json)


@command.command("dial")
@click.argument("extension")
@click.option("--ticket", required=True, help="Whose citizen is called, e.g. 20261121-000123.")
@AS_JSON
def dial_command(extension: str, ticket: str, as_json: bool) -> None:
    """致电诉求人: ring the agent's telephone and, once it is answered, the citizen of a ticket. Recorded."""
    settings = load_settings()
    if extension not in load_rules().agents.agents:
        raise click.ClickException(f"没有座席 {extension} (routing/agents.yaml)")
    if not NUMBER.fullmatch(ticket):
        raise click.ClickException(f"{ticket!r} is not a ticket number such as 20261121-000123")
    try:
        rulebook = open_rulebook(settings)

        async def work(connection: AsyncConnection) -> NewOutgoing:
            now = datetime.now(UTC)
            new = await prepare(connection, rulebook, ticket, extension, _OPERATOR, now, settings.callback.area_code)
            detail = {"uid": os.getuid(), "call_id": new.call_id}
            await record(connection, AuditEntry(now, "cli", "ticket.call", f"ticket:{ticket}", detail))
            return new

        new = ask(work)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    except CallbackFault as fault:
        raise click.ClickException(str(fault)) from fault
    except (NotFound, NoBox) as error:
        raise click.ClickException(f"no ticket {ticket}") from error
    if new.do_not_call:
        click.echo("注意：该市民曾要求不再接到自动回访", err=True)
    if why := asyncio.run(ring(settings, new)):
        raise click.ClickException(why)
    number = mask_phone(dialable(new.number))
    told = {"agent": extension, "ticket": ticket, "call_id": new.call_id, "number": number}
    click.echo(json.dumps(told) if as_json else f"{extension} 已接听，正在拨打 {number}（{new.call_id}）")


@command.command("list")
@AS_JSON
def list_command(as_json: bool) -> None:
    """Every agent and what Asterisk says of them now."""
    settings = load_settings()

    async def read() -> list[dict[str, object]]:
        async with open_ami(settings) as ami:
            return [
                {
                    "agent": state.extension,
                    "name": state.name,
                    "logged_in": bool(state.queues),
                    "paused": state.paused,
                    "in_call": state.in_call,
                    "queues": dict(state.queues),
                }
                for state in await states(ami, load_rules().agents)
            ]

    try:
        rows = asyncio.run(read())
    except AmiError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = "通话中" if row["in_call"] else f"示忙 {row['paused']}" if row["paused"] else "空闲"
        click.echo(f"{row['agent']}  {row['name']}  {state if row['logged_in'] else '未签入'}")
