"""``hotline intent``: what a sentence would be taken for."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from datafile import DataFileError
from routing.intent import Understanding, load_understanding
from routing.intent.model import WeightsError

_CLASSES = {
    "consultation": "咨询", "help": "求助", "complaint": "投诉", "report": "举报", "suggestion": "建议",
    "status": "工单进度", "agent": "人工服务", "emergency": "紧急求助",
}  # fmt: skip


@click.command("intent")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line of text.")
def command(text: str, as_json: bool) -> None:
    """一句话的含义：类别、应急服务、主题. What TEXT would be taken for; ``-`` reads one sentence a line."""
    if text != "-" and not text.strip():
        raise click.UsageError("没有内容 the text is empty")
    try:
        understanding = load_understanding()
    except (DataFileError, WeightsError) as error:
        raise click.ClickException(str(error)) from error
    for line in sys.stdin if text == "-" else [text]:
        if line.strip():
            found = _meaning(understanding, line.strip())
            click.echo(json.dumps(found, ensure_ascii=False) if as_json else _plain(found))


def _meaning(understanding: Understanding, text: str) -> dict[str, Any]:
    meaning = understanding.request(text)
    if meaning is None:
        return {"class": None, "service": None, "topic": None, "score": 0.0}
    return {"class": meaning.label, "service": meaning.service, "topic": meaning.topic, "score": meaning.score}


def _plain(found: dict[str, Any]) -> str:
    if found["class"] is None:
        return "听不出诉求 nothing usable"
    parts = [f"{_CLASSES[found['class']]} {found['class']}"]
    if found["service"]:
        parts.append(f"转 {found['service']}")
    if found["topic"]:
        parts.append(f"主题 {found['topic']}")
    return " · ".join([*parts, f"把握 {found['score']:.2f}"])
