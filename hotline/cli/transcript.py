"""``hotline transcript --call ID``: what was said in a call, as a machine heard it. Reading it is written down."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import transcripts
from calls.events import CALL_ID
from calls.keeping import KeepingFault, check_free
from calls.transcripts import CALLER, Transcript
from hotline.cli._database import ask, console, print_json
from people.audit import AuditEntry, record
from tickets.draft import forget_drafts, of_call

LABEL = "机器识别，未经核对"
_STATES = {"pending": "待转写", "done": "已转写", "failed": "无法转写", "none": "没有文字"}
_REASONS = {transcripts.SILENT: "无人说话", transcripts.LATE: "积压过久，未转写", transcripts.DELETED: "已删除"}

_REMAINS = {
    "recording": "录音",
    "ticket": "工单及其历史中的文字（如摘要引用的来电原话）",
    "cel": "电话系统事件日志 cel.csv 中菜单处听到的话，至该日志轮转删除",
}
"""What is not deleted with a transcript."""


@click.command()
@click.option("--call", "call_id", required=True, help="The call's id (`hotline calls`).")
@click.option("--delete", is_flag=True, help="Delete it for good, with the draft made of it 删除转写.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(call_id: str, delete: bool, as_json: bool) -> None:
    """What was said in a call 通话转写."""
    if not CALL_ID.fullmatch(call_id):
        raise click.ClickException(f"{call_id!r} is not a call id")
    if delete:
        if not ask(lambda connection: _delete(connection, call_id)):
            raise click.ClickException(f"call {call_id} has no transcript")
        if as_json:
            print_json({"call": call_id, "deleted": True, "remains": list(_REMAINS)})
        else:
            click.echo(f"{call_id} deleted 已删除：转写、工单草稿中的文字、菜单处听到的话")
            click.echo(f"仍保留：{'；'.join(_REMAINS.values())}")
        return
    found = ask(lambda connection: _read(connection, call_id))
    if isinstance(found, _Closed):
        raise found
    if found is None:
        raise click.ClickException(f"call {call_id} has no transcript")
    if as_json:
        print_json(_public(found))
    else:
        _show(found)


async def _delete(connection: AsyncConnection, call_id: str) -> bool:
    await _audit(connection, "call.transcript_delete", call_id)
    # The ticket first, as whoever drafts it does.
    ticket = await of_call(connection, call_id, lock=True)
    try:
        await check_free(connection, call_id)
    except KeepingFault as error:
        raise click.ClickException(str(error)) from error
    if not await transcripts.delete_one(connection, call_id):
        return False
    if ticket is not None:
        await forget_drafts(connection, ticket.number)
    return True


async def _read(connection: AsyncConnection, call_id: str) -> Transcript | _Closed | None:
    await _audit(connection, "call.transcript", call_id)
    try:
        return await transcripts.load(connection, call_id, _stays_closed)
    except _Closed as closed:  # not out of the transaction: that it was asked for stays written down
        return closed


async def _audit(connection: AsyncConnection, action: str, call_id: str) -> None:
    await record(connection, AuditEntry(datetime.now(UTC), "cli", action, f"call:{call_id}"))


class _Closed(click.ClickException):
    pass


def _stays_closed(envelope: str, ticket: str) -> str:
    raise _Closed(f"{ticket}：保密工单的通话，请由指定专人登录系统查看")


def _public(found: Transcript) -> dict[str, Any]:
    return {"label": LABEL, **asdict(found)}


def _show(found: Transcript) -> None:
    table = Table(title=_title(found), caption=LABEL if found.said else None)
    for name in ("时间", "说话人", "内容"):
        table.add_column(name, overflow="fold")
    for one in found.said:
        who = "诉求人" if one.channel == CALLER else "对方"
        if found.message_ms is not None and one.channel == CALLER and one.start_ms >= found.message_ms:
            who += "（留言）"
        seconds = one.start_ms // 1000
        table.add_row(f"{seconds // 60}:{seconds % 60:02}", who, escape(one.text))
    console().print(table)


def _title(found: Transcript) -> str:
    why = _REASONS.get(found.reason, found.reason)
    cut = "录音过长，只有开头" if found.cut else ""
    engine = " ".join(word for word in (found.engine, found.model) if word)
    return "　".join(word for word in (_STATES[found.state], why, cut, engine) if word)
