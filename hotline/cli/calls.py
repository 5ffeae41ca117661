"""``hotline calls``: what happened to the calls, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import placed
from calls.events import CALL_ID
from calls.keeping_history import history
from calls.listing import list_calls, load_timeline, timeline_rows
from calls.surveyed import VIA
from hotline.cli._calls_missed import group
from hotline.cli._calls_places import command as places
from hotline.cli._database import Since, ask, console, local, print_json
from hotline.intake import CATEGORY_NAMES
from tickets.draft import of_call
from tickets.store import numbers_of
from tickets.words import Level, chinese

_CLASSES = {**CATEGORY_NAMES, "status": "查询进度", "agent": "人工服务", "emergency": "紧急"}
_ENDS = {"alarm": "话未说完", "unusable": "没有听清"}
_WHY_OFF = {"full": "语音识别已满", "lag": "语音识别太慢", "closed": "语音连接中断", "engine": "语音识别出错"}
SECRET = "［保密］"
"""In the place of words; no recogniser writes brackets."""
_HANGUP = {"caller": "市民", "emergency": "应急中心", "system": "系统", "": "通话中"}
_NOTICE = {"full": "完整", "interrupted": "被打断"}
_EVENTS = {
    "arrived": "来电",
    "answered": "应答",
    "recording": "开始录音",
    "recording_off": "未录音",
    "notice": "录音告知",
    "key": "按键",
    "number": "输入号码",
    "progress": "查询进度",
    "heard": "听到",
    "speech_off": "改由按键服务",
    "cancelled": "主叫取消",
    "announced": "播放公告",
    "barred": "限制来电告知",
    "maintenance": "维护告知",
    "decided": "转接决定",
    "fallback": "启用备用流程",
    "queued": "进入队列",
    "rang": "振铃",
    "no_answer": "无人接听",
    "connected": "接通",
    "held": "保持",
    "unheld": "恢复通话",
    "transferred": "转接",
    "emergency": "紧急求助",
    "emergency_trunk": "应急线路未通",
    "emergency_failed": "应急线路全部未通",
    "added": "加入应急中心",
    "left": "离开",
    "left_queue": "离开队列",
    "overflow": "溢出",
    "abandoned": "排队中放弃",
    "message": "留言",
    "hung_up": "挂断",
    "called": "回访接通",
    "outgoing": "座席呼出",
    "asked": "开始询问",
    "answer": "回答",
    "opted_out": "以后不再回访",
    "to_agent": "要求转人工",
    "comment": "意见留言",
    "place": "保留排队位置",
    "place_left": "继续等候",
    "broken": "询问中断",
    "asterisk_restarted": "电话系统重启",
    "hangup_lost": "挂断记录缺失",
    "node_lost": "所在节点失联",
    "recording_held": "录音留存",
    "recording_released": "录音解除留存",
    "recording_erased": "录音已删除",
}


@click.group(invoke_without_command=True)
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, at most.")
@click.option("--missed", is_flag=True, help="Only those to be called back 待回拨.")
@click.option("--since", type=Since(), help="30m, 2h, 7d, 2026-11-21 or '2026-11-21 09:30' (Beijing time).")
@click.option("--id", "call_id", help="One call with its whole timeline.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_context
def command(
    context: click.Context, last: int, missed: bool, since: datetime | None, call_id: str | None, as_json: bool
) -> None:
    """Calls, newest first 来电记录. With a command: who is owed a call 漏接."""
    if context.invoked_subcommand is not None:
        return
    if call_id is not None and not CALL_ID.fullmatch(call_id):
        raise click.ClickException(f"{call_id!r} is not a call id")

    async def question(connection: AsyncConnection) -> list[dict[str, Any]]:
        rows = await list_calls(connection, limit=last, missed=missed, since=since, call_id=call_id)
        tickets = await numbers_of(connection, [row["id"] for row in rows])
        for row in rows:
            row["ticket"] = tickets.get(row["id"])
        if call_id is not None and rows and (whole := await load_timeline(connection, call_id)):
            timeline = timeline_rows(whole) + await history(connection, call_id)
            rows[0] |= {"said": whole.said, "topic": whole.topic, "timeline": timeline}
            ticket = await of_call(connection, call_id)
            if ticket is not None and ticket.confidential:
                rows[0] |= without_words(rows[0]["timeline"])
        return rows

    rows = ask(question)
    if call_id is not None and not rows:
        raise click.ClickException(f"no call {call_id}")
    if as_json:
        print_json([_public(row) for row in rows])
        return
    console().print(_table(rows))
    if call_id is not None:
        console().print(_timeline(rows[0].get("timeline", [])))


command.add_command(group)
command.add_command(places)


def without_words(timeline: list[dict[str, Any]]) -> dict[str, Any]:
    """What becomes of a row whose ticket is confidential: what was said is for who sees the ticket."""
    closed = [
        entry | {"detail": {name: SECRET if name == "text" else value for name, value in entry["detail"].items()}}
        for entry in timeline
    ]
    return {"said": SECRET, "confidential": True, "timeline": closed}


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    """The stable keys of ``--json``; empty texts are null."""
    names = (
        "id caller caller_e164 caller_kind dialled via arrived_at answered_at human_at ended_at time_to_human category"
        " keys queue agent emergency missed informed announced abandoned hangup_by notice fallback message_file"
        " recording ticket said topic confidential timeline"
    ).split()
    return {name: None if row[name] == "" else row[name] for name in names if name in row}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="来电记录" if rows else "来电记录（无）")
    for name in ("来电时间", "主叫", "类别", "队列", "座席", "等人工(秒)", "挂断", "工单", "录音", "标记", "编号"):
        table.add_column(name, no_wrap=name == "编号", overflow="fold")
    for row in rows:
        wait = row["time_to_human"]
        recording = row["recording"]
        table.add_row(
            local(row["arrived_at"]),
            escape(row["caller"]),
            CATEGORY_NAMES.get(row["category"], ""),
            escape(row["queue"]),
            escape(row["agent"]),
            "" if wait is None else f"{wait:.1f}",
            _hangup(row["hangup_by"]),
            row["ticket"] or "",
            _recording(recording),
            " ".join(_marks(row)),
            row["id"],
        )
    return table


def _hangup(by: str) -> str:
    return _HANGUP.get(by) or escape(by.replace("agent ", "座席 "))


def _recording(recording: Mapping[str, Any] | None) -> str:
    if recording is None:
        return "无"
    if recording["state"] == "done":
        return f"{recording['seconds']:.0f} 秒"
    return {"pending": "处理中", "missing": "缺失", "failed": "失败", "erased": "已删除"}[recording["state"]]


def _marks(row: Mapping[str, Any]) -> list[str]:
    marks = []
    if row["emergency"]:
        marks.append(f"[bold red]紧急{escape(row['emergency'])}[/]")
    if row["via"] == "emergency":
        marks.append("应急中心转来")
    if row["via"] == VIA:
        marks.append("回访")
    if row["via"] == placed.VIA:
        marks.append("排队回电")
    if row["missed"]:
        marks.append("[yellow]待回拨[/]")
    if row["informed"]:
        marks.append("已获公告")
    if row["fallback"]:
        marks.append("备用流程")
    if row["notice"] == "interrupted":
        marks.append("告知被打断")
    return marks


def _timeline(entries: list[dict[str, Any]]) -> Table:
    table = Table(title="经过")
    for name in ("时间", "秒", "事件", "内容"):
        table.add_column(name)
    for entry in entries:
        row = told(entry["event"], entry["detail"])
        table.add_row(local(entry["at"]), f"{entry['seconds']:.3f}", _EVENTS[entry["event"]], escape(row))
    return table


def told(event: str, detail: Mapping[str, str]) -> str:
    """A timeline entry's detail in one line for people."""
    return _DETAILS.get(event, _plain)(detail)


def _plain(detail: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in detail.items())


def _heard(detail: Mapping[str, str]) -> str:
    """“我家停水两天了” → 求助 water-supply 0.93，打断 120 毫秒，决定 450 毫秒（main，vosk）"""
    text = detail.get("text", "")
    parts = [text if text == SECRET else f"“{text}”"] if text else []
    parts += [_ENDS[detail["end"]]] if detail.get("end") in _ENDS else []
    if "class" in detail:
        named = [_CLASSES[detail["class"]] + detail.get("service", ""), detail.get("topic"), detail.get("score")]
        parts.append(" ".join(["→", *filter(None, named)]))
    parts += [{"yes": "答：是", "no": "答：不是"}[detail["answer"]]] if "answer" in detail else []
    told = " ".join(parts)
    times = [f"{word} {detail[name]} 毫秒" for name, word in _TIMES.items() if name in detail]
    where = "，".join(detail[name] for name in ("node", "engine") if name in detail)
    return "，".join(filter(None, [told, *times])) + (f"（{where}）" if where else "")


def _key(detail: Mapping[str, str]) -> str:
    barge = f"，打断 {detail['barge_ms']} 毫秒" if "barge_ms" in detail else ""
    return _plain({name: value for name, value in detail.items() if name != "barge_ms"}) + barge


def _speech_off(detail: Mapping[str, str]) -> str:
    return _WHY_OFF.get(detail.get("why", ""), "")


def _progress(detail: Mapping[str, str]) -> str:
    return " ".join(filter(None, [_PROGRESS.get(detail.get("result", "")), detail.get("ticket")]))


def _answer(detail: Mapping[str, str]) -> str:
    """满意度：不满意（按键）"""
    question, value = detail.get("question", ""), detail.get("value", "")
    return f"{_QUESTIONS.get(question, question)}：{_VALUES.get(value, value)}" + _by(detail)


def _by(detail: Mapping[str, str]) -> str:
    return f"（{_BY[detail['by']]}）" if detail.get("by") in _BY else ""


def _comment(detail: Mapping[str, str]) -> str:
    return f"{detail.get('seconds', '?')} 秒 {detail.get('status', '')}"


def _broken(detail: Mapping[str, str]) -> str:
    return _WHY_BROKEN.get(detail.get("why", ""), "")


_PROGRESS = {"found": "已告知", "wrong": "不符", "limited": "次数已满", "unknown": "未能查询"}
_TIMES = {"barge_ms": "打断", "decide_ms": "决定"}
_QUESTIONS = {"solved": "是否已解决", "satisfaction": "满意度"}
_VALUES = {"yes": "是", "no": "否"} | {level.value: chinese(level) for level in Level}
_BY = {"key": "按键", "speech": "口述"}
_WHY_BROKEN = {"refused": "语音服务未运行", "cut": "语音服务中断", "frozen": "语音服务无响应"}
_DETAILS = {
    "heard": _heard,
    "key": _key,
    "speech_off": _speech_off,
    "progress": _progress,
    "answer": _answer,
    "opted_out": _by,
    "to_agent": _by,
    "comment": _comment,
    "broken": _broken,
}
