"""``hotline agent-phone``: an agent's SIP phone in the terminal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from hotline.cli.call import NOTHING, BadArgument, follow, sip_host, stop_on_signals
from hotline.phone import Account, PhoneBank, PhoneError, absolute, reachable
from hotline.settings import Settings, load_settings

REGISTER_SECONDS = 8.0


@click.command("agent-phone")
@click.argument("extension")
@click.option("--say", metavar="FILE.wav", help="Played to the caller from answer.")
@click.option(
    "--answer-after", type=click.FloatRange(0, 600), default=1.0, show_default=True, help="Seconds of ringing."
)
@click.option("--keys", default="", help='Digits from answer, 150 ms apart; wN waits: "w2,*2".')
@click.option("--record", metavar="OUT.wav", help="What the agent hears; later calls go to OUT-2.wav and so on.")
@click.option("--for", "seconds", type=click.FloatRange(min=0.1, max=86400), help="Hang up after S seconds of talk.")
@click.option("--calls", type=click.IntRange(min=1), help="End after N calls  [default: 1 with --for, else no end].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output; progress to stderr.")
@click.option("--verbose", is_flag=True, help="The SIP messages, on stderr.")
def command(
    extension: str,
    say: str | None,
    answer_after: float,
    keys: str,
    record: str | None,
    seconds: float | None,
    calls: int | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """座席话机 Register as agent EXTENSION, log in, answer calls, log out at the end (Ctrl-C)."""
    settings = load_settings()
    script = {
        "say": absolute(say),
        "answer_after": answer_after,
        "keys": keys,
        "record": absolute(record),
        "for": seconds,
    }
    limit = calls if calls is not None else 1 if seconds is not None else None
    try:
        result = asyncio.run(_serve(settings, extension, script, limit, as_json, verbose))
    except PhoneError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))


def agent_password(settings: Settings, extension: str) -> str:
    """The generated SIP password of an agent's phone."""
    from hotline.secrets import load_secrets

    passwords = load_secrets(settings).agents
    if extension not in passwords:
        raise BadArgument(f"没有座席 no agent {extension} in {settings.secrets_file}")
    return passwords[extension]


async def _serve(
    settings: Settings, extension: str, script: dict[str, Any], limit: int | None, as_json: bool, verbose: bool
) -> dict[str, Any]:
    """Take calls until ``limit`` of them are over or a signal comes. Returns the JSON of the last call."""
    from hotline.agent_state import UnknownAgent, login, logout
    from routing.ami import AmiError

    password = agent_password(settings, extension)
    host, port = sip_host(settings), settings.sip.port
    if not reachable(host, port):
        raise PhoneError(f"热线没有运行 no SIP server at {host}:{port} (make run)")
    async with PhoneBank(host, port, verbose) as bank:
        try:
            account = await bank.register(extension, password, bind=host, timeout=REGISTER_SECONDS, **script)
        except TimeoutError:
            raise PhoneError(f"注册没有应答 no answer to the registration of {extension}") from None
        try:
            await login(settings, extension)
        except (UnknownAgent, ValueError, AmiError) as error:
            raise PhoneError(str(error)) from error
        click.echo(f"已注册并签入 registered and logged in: {extension}", err=as_json)
        try:
            return await _take_calls(account, stop_on_signals(), limit, as_json)
        finally:
            try:
                await logout(settings, extension)
            except (UnknownAgent, ValueError, AmiError) as error:
                click.echo(f"签出失败 could not log out: {error}", err=True)


async def _take_calls(account: Account, stop: asyncio.Event, limit: int | None, as_json: bool) -> dict[str, Any]:
    result = NOTHING | {"events": []}
    taken = 0
    while not stop.is_set() and taken != limit:
        arrival = asyncio.create_task(account.incoming.get())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((arrival, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not arrival.done():
            arrival.cancel()
            break
        result = await follow(arrival.result(), stop, as_json)
        taken += 1
    return result | {"calls": taken}
