"""``hotline demo``: everything once, by itself: a robot agent and three robot citizens with different wishes.

``hotline demo load CITY`` fills the running instance's database with a sample city's units, users and tickets.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from datafile import DataFileError
from hotline.agent_state import login
from hotline.city import CityError, Loaded, find_city
from hotline.city import load as load_city
from hotline.city_file import CityFile, city_names
from hotline.cli._database import ask, print_json
from hotline.db import open_engine
from hotline.demo import Demonstration
from hotline.phone import Line, PhoneBank, PhoneError
from hotline.rulebook import open_rulebook
from hotline.secrets import load_secrets
from hotline.settings import Settings, load_settings
from hotline.trial import Trial, TrialError
from people.faults import PeopleFault
from web.api.services import DemoRemoved

AGENT = "1001"
CITIZENS = (
    ("13900001111", "w2,1", "咨询, 座席接听 consultation, answered by an agent"),
    ("13900002222", "w2,110", "键入110, 转接测试台 types 110, reaches the test centre"),
    ("13900003333", "", "不按键, 转人工 presses nothing, reaches a person"),
)
TALK_SECONDS = 4.0
PATIENCE = 60.0
WRITTEN_SECONDS = 20.0


@click.group("demo", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end instead of text.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """演示: starts a hotline of its own beside yours, plays three calls, prints them and their tickets, ends.

    With a command: sample cities for trying 样例城市.
    """
    if context.invoked_subcommand is None:
        _calls(as_json)
    elif as_json:
        raise click.UsageError("--json belongs behind the command: hotline demo load CITY --json")


@command.command("cities")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def cities(as_json: bool) -> None:
    """The sample cities that can be loaded 样例城市."""
    try:
        found = [find_city(name) for name in city_names()]
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    rows = [
        {
            "id": one.id,
            "city": one.city.name,
            "policy": one.city.policy,
            "units": len(one.city.units),
            "catalogue": len(one.city.entries),
            "users": len(one.city.users),
            "tickets": len(one.city.samples),
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            "{id:<10}{city}  {policy}  单位 {units}  派单目录 {catalogue}  用户 {users}  工单 {tickets}".format(**row)
        )


@command.command("load")
@click.argument("city")
@click.option("--force", is_flag=True, help="Also into a database that holds other tickets, users or units.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, passwords included.")
def load(city: str, force: bool, as_json: bool) -> None:
    """Load a sample CITY: units, users with made-up passwords (shown this once), tickets 加载样例城市."""
    try:
        found = find_city(city)
        rulebook = open_rulebook(load_settings(), found.city.policy, create=True)
        loaded = ask(lambda connection: load_city(connection, rulebook, found, datetime.now(UTC), force=force))
    except (CityError, DataFileError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json({"city": found.id, "policy": found.city.policy, **asdict(loaded)})
    else:
        _show_loaded(found, loaded)


def _show_loaded(found: CityFile, loaded: Loaded) -> None:
    click.echo(
        f"{found.city.name}：新增单位 {len(loaded.units)}，用户 {len(loaded.users)}，工单 {len(loaded.tickets)}；"
        f"新工单按 {found.city.policy} 办理，除非设置了 policy (new tickets are under it, unless policy is set)"
    )
    if loaded.users:
        click.echo("密码只显示这一次 passwords, shown this once:")
        for user in loaded.users:
            click.echo(f"  {user.account:<20}{user.password}  {user.name}  {'、'.join(user.roles)}  {user.unit or ''}")
    for number, title in loaded.tickets:
        click.echo(f"  {number}  {title}")


@command.command("remove")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def remove(as_json: bool) -> None:
    """Remove the sample city, what its users made and the robots' calls; real data stays 移除样例城市."""
    settings = load_settings()
    try:
        gone = asyncio.run(_remove(settings))
    except PeopleFault as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json(asdict(gone))
        return
    click.echo(f"已移除：单位 {gone.units}，用户 {gone.users}，工单 {gone.tickets}，通话 {gone.calls}")
    for one in gone.kept:
        click.echo(f"  保留 {one}")


async def _remove(settings: Settings) -> DemoRemoved:
    async with open_engine(settings, pool_size=2) as engine:
        demo = Demonstration(settings, engine, lambda: open_rulebook(settings))
        return await demo.remove("cli", "")


def _calls(as_json: bool) -> None:

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    with tempfile.TemporaryDirectory(prefix="hotline-demo-") as folder:
        trial = Trial(Path(folder) / "home")
        say("启动中 starting …")
        try:
            say(f"已就绪 ready ({trial.start():.1f} s)")
            asyncio.run(_play(trial.settings, say))
            result = _result(trial)
            if as_json:
                click.echo(json.dumps(result, ensure_ascii=False))
            else:
                _show(result)
            if missing := not_written(result):
                raise click.ClickException(f"未及时写入 not written within {WRITTEN_SECONDS:.0f} s: {missing}")
        except (TrialError, PhoneError, TimeoutError) as error:
            raise click.ClickException(str(error) or "nobody answered in time") from error
        finally:
            say("停止中 stopping …")
            trial.stop()


async def _play(settings: Settings, say: Callable[[str], None]) -> None:
    async with PhoneBank(settings.sip.bind, settings.sip.port) as bank:
        password = load_secrets(settings).agents[AGENT]
        talk: dict[str, Any] = {"answer_after": 1.0, "tone": 880.0, "for": TALK_SECONDS}
        await bank.register(AGENT, password, **talk)
        await login(settings, AGENT)
        say(f"座席 agent {AGENT} 已签入 logged in")
        for number, keys, wish in CITIZENS:
            say(f"市民 citizen {number}: {wish}")
            bind = settings.sip.citizen_address
            line = await bank.call("12345", bind=bind, from_user=number, keys=keys, tone=440.0)
            async with asyncio.timeout(PATIENCE):
                await _follow(line, say)


async def _follow(line: Line, say: Callable[[str], None]) -> None:
    """Tell what happens; the caller leaves a few seconds after reaching a person."""
    seen = 0
    while (event := await line.next(seen)) is not None:
        seen += 1
        say(f"  {event.t:6.1f} s  {event.event} {event.detail or ''}".rstrip())
        if event.event == "connected" and (event.detail or "").isdigit():
            asyncio.get_running_loop().call_later(TALK_SECONDS, lambda: asyncio.ensure_future(line.hangup()))


def _result(trial: Trial) -> dict[str, Any]:
    """Wait until all calls are written down with their recordings and tickets, or for as long as that may take."""
    deadline = time.monotonic() + WRITTEN_SECONDS
    while True:
        result = {"calls": trial.hotline("calls"), "tickets": trial.hotline("tickets")}
        if not not_written(result) or time.monotonic() > deadline:
            return result
        time.sleep(0.5)


def not_written(result: dict[str, Any]) -> str:
    """What is missing of the calls with their tickets and recordings; empty when all is there."""
    calls, tickets = result["calls"], {ticket["number"] for ticket in result["tickets"]}
    there = {
        "calls": sum(bool(call["ended_at"]) for call in calls),
        "recordings": sum(bool((call["recording"] or {}).get("sha256")) for call in calls),
        "tickets": sum(call["ticket"] in tickets for call in calls),
    }
    return ", ".join(f"{name} {found}/{len(CITIZENS)}" for name, found in there.items() if found < len(CITIZENS))


def _show(result: dict[str, Any]) -> None:
    click.echo("\n来电与工单 calls and their tickets")
    for call in sorted(result["calls"], key=lambda one: str(one["arrived_at"])):
        whom = call["agent"] or call["emergency"] or "–"
        click.echo(
            f"  {call['caller']}  → {whom}  工单 {call['ticket']}  {(call['recording'] or {}).get('seconds', 0)} s"
        )
    for ticket in result["tickets"]:
        urgent = " 突发" if ticket["urgent"] else ""
        click.echo(f"  {ticket['number']}  {ticket['category']}{urgent}  {ticket['summary']}")
