"""``hotline agent login|logout|pause|resume|dial EXT`` and ``hotline agent list``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine

import click

from hotline.agent_state import UnknownAgent, login, logout, pause, resume, states
from hotline.ami import open_ami
from hotline.cli._agent_dial import dial_command
from hotline.rules import load_rules
from hotline.settings import load_settings
from routing.ami import AmiError

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


@click.group("agent")
def command() -> None:
    """座席 Agents: who is logged in, who takes calls."""


command.add_command(dial_command)


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
