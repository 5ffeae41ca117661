"""``hotline status``: the parts, the queues, the agents, what waits for somebody."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hotline.settings import load_settings
from hotline.status import PartState, Status, read_all

_WORDS = {"ready": "正常", "starting": "启动中", "waiting": "等待重启", "not answering": "无响应", "stopped": "已停止"}

_SCRIBE = {
    "idle": "空闲",
    "working": "转写中",
    "no model": "没有语音识别模型，不转写 no model",
    "faulty": "不能转写 faulty",
    "off": "已关闭 off",
}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def command(as_json: bool) -> None:
    """运行状态. Exit code 1 unless every part works."""
    status = asyncio.run(read_all(load_settings()))
    if as_json:
        click.echo(json.dumps(status.as_json(), ensure_ascii=False))
    else:
        _show(status, Console(highlight=False))
    if not status.ok:
        raise SystemExit(1)


def _show(status: Status, console: Console) -> None:
    parts = Table(title="部件 parts", title_justify="left")
    for column in ("部件", "状态", "进程", "重启"):
        parts.add_column(column)
    for part in status.parts:
        parts.add_row(part.name, _state(part), str(part.pid or "–"), str(part.restarts))
    console.print(parts)
    if not status.supervised and not any(part.works for part in status.parts):
        console.print("[red]热线未运行 not running: `make run`[/]")
    if status.queues:
        queues = Table(title=f"队列 queues (通话中 calls now: {status.calls_now})", title_justify="left")
        for column in ("队列", "等待", "平均等待(秒)", "已接", "放弃"):
            queues.add_column(column)
        for row in status.queues:
            queues.add_row(row.queue, str(row.waiting), str(row.hold_seconds), str(row.completed), str(row.abandoned))
        console.print(queues)
    console.print("座席 agents: " + (_agents(status.agents) or "无人签入 nobody is logged in"))
    console.print(
        f"日志待读 log not yet read: {status.unread_bytes} B · 录音盘剩余 free for recordings: {status.free_mb} MB"
    )
    if status.scribe:
        waiting = "" if status.unwritten is None else f" · 待转写 to be written down: {status.unwritten}"
        console.print(f"转写 transcripts: {_SCRIBE.get(status.scribe, status.scribe)}{waiting}")
        if status.scribe in ("no model", "faulty"):
            console.print(f"[yellow]{escape(status.scribe_detail)}[/]")
    for queue, until in status.closed.items():
        console.print(f"非服务时间 closed: {escape(queue)}，{datetime.fromisoformat(until):%m-%d %H:%M} 开放 opens")
    if status.recording_off:
        console.print("[red]磁盘空间不足, 已停止录音 recording is stopped: too little free space[/]")
    for alert in status.alerts:
        console.print(
            f"[red]告警 alert {alert['id']} {alert['kind']}: {alert['text']}[/]  (hotline alerts ack {alert['id']})"
        )


def _state(part: PartState) -> str:
    works = part.state == "ready" and part.works is not False
    return f"[{'green' if works else 'red'}]{_WORDS.get(part.state, part.state)}[/]"


def _agents(rows: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{row['agent']} {row['name']} "
        + ("通话中" if row["in_call"] else f"示忙 {row['paused']}" if row["paused"] else "空闲")
        for row in rows
    )
