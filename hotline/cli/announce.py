"""``hotline announce``: what callers are told before they get on 公告, until when, and how many it was enough for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._callback_ask import AS_JSON, WHO, note
from hotline.cli._database import console, local, print_json
from hotline.cli._line_shared import Moment, do
from hotline.settings import Settings, load_settings
from hotline.speaker import speak_into
from ivr.render_kit import KitError, cache_folder, prepare
from line import announcements, spoken
from line.announcements import Announcement, NewAnnouncement
from line.faults import LineFault
from line.spoken import Spoken


@click.group("announce")
def command() -> None:
    """公告 Announcements: switched on with an end, for everybody, a topic or a district."""


@command.command("on")
@click.argument("text")
@click.option("--until", type=Moment(), required=True, help="2h, 18:00, 2026-11-21 or '2026-11-21 18:00' (China).")
@click.option("--from", "since", type=Moment(), help="Not before; now, if left out.")
@click.option("--topic", default="", help="Only for who calls about this: its id or name, such as 供水.")
@click.option("--district", default="", help="Not for who names another one, such as 中山区.")
@click.option("--wav", type=click.Path(path_type=Path, dir_okay=False), help="A recording: 8 kHz, mono, 16 bit.")
@AS_JSON
def on(
    text: str, until: datetime, since: datetime | None, topic: str, district: str, wav: Path | None, as_json: bool
) -> None:
    """开启 Say TEXT; it is spoken by the prompts' voice, unless there is a recording."""
    settings, now = load_settings(), datetime.now(UTC)
    try:
        said = announcements.checked_text(text)
        about, where = announcements.checked_topic(topic), announcements.checked_district(district)
        announcements.check_times(since or now, until, now)
        sound = _sound(settings, said, wav)
    except LineFault as fault:
        raise click.ClickException(str(fault)) from fault
    new = NewAnnouncement(said, sound.name, since or now, until, about, where)

    async def work(connection: AsyncConnection) -> Announcement:
        made = await announcements.switch_on(connection, new, WHO, now)
        await note(connection, "announcement.on", f"announcement:{made.id}", text=said, until=until.isoformat())
        return made

    made = do(work)
    if as_json:
        print_json(public(made, now) | {"seconds": sound.seconds})
    else:
        click.echo(f"公告 {made.id} 已开启，{sound.seconds:.1f} 秒，至 {local(made.ends_at)}")


def _sound(settings: Settings, text: str, wav: Path | None) -> Spoken:
    """Raises LineFault."""
    try:
        if wav is not None:
            with wav.open("rb") as file:
                return spoken.keep(settings.spoken_dir, file.read(spoken.MAX_BYTES + 1))
        kit = prepare(cache_folder(), lambda line: click.echo(line, err=True))
    except KitError as error:
        raise LineFault("no_voice", f"无法准备语音合成（{error}）：请用 --wav 给出录音文件") from error
    except OSError as error:
        raise LineFault("sound", f"{wav}: {error.strerror}") from error
    return speak_into(settings.spoken_dir, text, kit)


@command.command("off")
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@AS_JSON
def off(number: int, as_json: bool) -> None:
    """关闭 Before its end."""
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> Announcement:
        ended = await announcements.switch_off(connection, number, WHO, now)
        await note(connection, "announcement.off", f"announcement:{number}")
        return ended

    ended = do(work)
    if as_json:
        print_json(public(ended, now))
    else:
        click.echo(f"公告 {number} 已关闭：听到 {ended.heard} 人，听后挂机 {ended.informed} 人")


@command.command("list")
@click.option("--all", "over", is_flag=True, help="Also those that are over.")
@click.option("--last", "limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most.")
@AS_JSON
def list_command(over: bool, limit: int, as_json: bool) -> None:
    """列出 Newest first, with how many heard each and hung up there."""
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> list[Announcement]:
        return await announcements.page(connection, now, over=over, limit=limit)

    found = do(work)
    if as_json:
        print_json([public(one, now) for one in found])
        return
    table = Table(title="公告" if found else "公告（无）")
    for heading in ("编号", "状态", "内容", "专题", "区域", "起", "止", "由谁", "听到", "听后挂机"):
        table.add_column(heading, overflow="fold")
    for one in found:
        about = [escape(one.text), one.topic, escape(one.district)]
        when = [local(one.starts_at), local(one.off_at or one.ends_at), escape(one.by)]
        table.add_row(str(one.id), _state(one, now), *about, *when, str(one.heard), str(one.informed))
    console().print(table)


def _state(one: Announcement, now: datetime) -> str:
    if one.is_on(now):
        return "播放中"
    return "未开始" if one.off_at is None and now < one.starts_at else "已结束"


def public(one: Announcement, now: datetime) -> dict[str, Any]:
    return asdict(one) | {"on": one.is_on(now)}
