"""``hotline callback status [--watch]`` and ``hotline callback list``: how far campaigns are."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import store
from callback.faults import CallbackFault
from callback.progress import Standing, standings
from callback.words import CampaignState, TargetState, chinese
from hotline.cli._callback_ask import AS_JSON, do, find, public, rulebook
from hotline.cli._database import console, local, print_json
from hotline.cli.call import stop_on_signals
from hotline.db import open_engine
from hotline.settings import Settings, load_settings
from tickets.rulebook import Rulebook

LOOK_SECONDS = 1.0
HELD = {
    "waiting": "有市民排队等候，回访让路",
    "trunk": "线路留给来电，回访让路",
    "trouble": "连续多通因线路或系统故障失败，暂停后再试",
    "": "",
}


@dataclass(frozen=True)
class Seen:
    """``held_back``: why no call, or fewer, were begun when it was looked last."""

    standings: list[Standing]
    lines: int
    cap: int
    held_back: str


async def look(connection: AsyncConnection, settings: Settings, book: Rulebook, name: str | None) -> Seen:
    """One campaign, or all that run or are held. Raises CallbackFault."""
    if name is not None:
        campaigns = [await find(connection, name)]
    else:
        campaigns = await store.list_campaigns(connection, (CampaignState.RUNNING, CampaignState.PAUSED))
    cap = settings.callback.lines
    found = await standings(connection, campaigns, cap, book.days.is_working_day, datetime.now(UTC))
    lines = sum((await store.lines_in_use(connection)).values())
    return Seen(found, lines, cap, await store.held_back(connection))


@click.command("status")
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Look again every second, until Ctrl-C.")
@AS_JSON
def status(name: str | None, watch: bool, as_json: bool) -> None:
    """进度 How far the campaigns are: people, lines, pace, expected end."""
    settings, book = load_settings(), rulebook()
    if watch:
        try:
            asyncio.run(_watch(settings, book, name, as_json))
        except CallbackFault as fault:
            raise click.ClickException(str(fault)) from fault
        return
    seen = do(lambda c: look(c, settings, book, name))
    if as_json:
        print_json(public_seen(seen))
    else:
        console().print(_shown(seen))


async def _watch(settings: Settings, book: Rulebook, name: str | None, as_json: bool) -> None:
    """A database that is away for a moment is waited for."""
    stop = stop_on_signals()
    async with open_engine(settings, pool_size=1) as engine:
        with Live(console=console(), auto_refresh=False, transient=False) as live:
            while not stop.is_set():
                try:
                    async with engine.connect() as connection:
                        seen = await look(connection, settings, book, name)
                except (DBAPIError, OSError):
                    live.update(Text("数据库没有应答，等待…… the database does not answer"), refresh=not as_json)
                else:
                    if as_json:
                        click.echo(json.dumps(public_seen(seen), ensure_ascii=False, default=_plain))
                    else:
                        live.update(_shown(seen), refresh=True)
                try:
                    await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
                except TimeoutError:
                    continue


def _plain(value: Any) -> str:
    return local(value)


def public_seen(seen: Seen) -> dict[str, Any]:
    rows = [
        {
            "campaign": public(one.campaign),
            "people": {state.value: one.people.get(state, 0) for state in TargetState},
            "due": one.due,
            "lines": one.lines,
            "cap": one.cap,
            "finished_per_minute": one.finished_per_minute,
            "calls_per_minute": one.calls_per_minute,
            "opens_at": one.opens_at,
            "ends_at": one.ends_at,
        }
        for one in seen.standings
    ]
    return {"lines": seen.lines, "cap": seen.cap, "held_back": seen.held_back or None, "campaigns": rows}


def _shown(seen: Seen) -> Group:
    head = Text(f"外呼线路 {seen.lines}/{seen.cap}")
    if held := HELD.get(seen.held_back, seen.held_back):
        head.append(f"  {held}", style="yellow")
    lines = [line(one) for one in seen.standings] or [Text("没有进行中的回访任务")]
    return Group(head, *lines)


def line(one: Standing) -> Text:
    """满意度回访 进行中 60%：待拨 12 呼叫中 3 已评价 … | 线路 3/10 | 每分钟 4.0 人 | 预计 2026-11-22 17:40 完成"""
    text = Text(f"{one.campaign.name} {chinese(one.campaign.state)}", style="bold")
    text.append(f" {_share(one)}：" + " ".join(_people(one)), style="not bold")
    parts = [
        f"线路 {one.lines}/{one.cap}",
        f"每分钟完成 {one.finished_per_minute:.1f} 人、拨出 {one.calls_per_minute:.1f} 个",
    ]
    if one.campaign.state is CampaignState.RUNNING:
        parts.append(_when(one))
    text.append("  | " + " | ".join(parts), style="not bold")
    return text


def _share(one: Standing) -> str:
    return f"{(one.all - one.open) / one.all:.0%}" if one.all else "0 人"


def _people(one: Standing) -> list[str]:
    always = (TargetState.WAITING, TargetState.CALLING, TargetState.RATED, TargetState.UNRATED, TargetState.UNREACHED)
    return [
        f"{chinese(state)} {one.people.get(state, 0)}"
        for state in TargetState
        if state in always or one.people.get(state)
    ]


def _when(one: Standing) -> str:
    if one.opens_at is None:
        return "日期已过，不再拨打"
    if one.opens_at > datetime.now(UTC):
        return f"{local(one.opens_at)[:16]} 起拨打"
    if not one.open:
        return "已全部完成"
    return "预计完成时间未知" if one.ends_at is None else f"预计 {local(one.ends_at)[:16]} 完成"


@click.command("list")
@click.option("--all", "every", is_flag=True, help="Those that have ended, too.")
@AS_JSON
def list_command(every: bool, as_json: bool) -> None:
    """任务列表 The campaigns, in the order they were made."""
    settings, book = load_settings(), rulebook()
    states = () if every else (CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED)

    async def work(connection: AsyncConnection) -> list[Standing]:
        found = await store.list_campaigns(connection, states)
        now = datetime.now(UTC)
        return await standings(connection, found, settings.callback.lines, book.days.is_working_day, now)

    rows = do(work)
    if as_json:
        people = [{state.value: one.people.get(state, 0) for state in TargetState} for one in rows]
        print_json([{**public(one.campaign), "people": count} for one, count in zip(rows, people, strict=True)])
        return
    table = Table(title="回访任务" if rows else "回访任务（无）")
    for heading in ("编号", "名称", "种类", "状态", "开始", "结束", "人数", "已完成"):
        table.add_column(heading, overflow="fold")
    for one in rows:
        campaign = one.campaign
        table.add_row(
            str(campaign.id),
            escape(campaign.name),
            chinese(campaign.kind),
            chinese(campaign.state),
            str(campaign.starts_on),
            str(campaign.ends_on or ""),
            str(one.all),
            str(one.all - one.open),
        )
    console().print(table)
